import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// What new code makes of what old code has done.
@Suite(.timeLimit(.minutes(2)))
struct ReplayerTests {
    private typealias Code = @Sendable (WorkflowContext) async throws -> String

    private static let code: Code = { context in
        let charge = try await context.step("charge") { "not here" }
        try await context.sleep(for: .days(1))
        let ship = try await context.step("ship") { "not here" }
        return try await charge + ship + context.step("mail") { "not here" }
    }

    private static func past(_ rows: Int) -> Past {
        var past = Past("charge")
        past.add("@sleep", .timer)
        past.add("ship")
        past.add("mail")
        past.steps = Array(past.steps.prefix(rows))
        return past
    }

    @Test(arguments: 0...4) func theSameCodeGoesOn(rows: Int) async throws {
        let report = try await Replayer { Act(Self.code) }.replay(Self.past(rows).history)
        #expect(report.verdict == .consistent)
        #expect(report.rows == rows)
        #expect(report.codeHasEnded == (rows == 4))
        let next = [["charge"], ["@sleep"], ["ship"], ["mail"], []][rows]
        #expect(report.waitsFor.map(\.key) == next)
    }

    @Test func twoStepsHaveChangedPlaces() async throws {
        let divergence = try #require(
            try await Self.past(3).divergence { context in
                try await context.step("charge") {}
                try await context.step("ship") {}
                try await context.sleep(for: .days(1))
                return ""
            })
        #expect(divergence.step == "@sleep")
        #expect(divergence.place == 2)
        #expect(divergence.recorded.description == "'@sleep' (timer)")
        #expect(divergence.asked.map(\.description) == ["'ship' (step)"])
        #expect(!divergence.codeHasEnded)
        #expect(divergence.description.contains("at place 2"))
    }

    @Test func theKindHasChanged() async throws {
        let divergence = try #require(
            try await Self.past(1).divergence { context in try await context.transaction("charge") { _ in "" } })
        #expect(divergence.recorded.kind == "step")
        #expect(divergence.asked.map(\.kind) == ["transaction"])
    }

    @Test func theCodeEndsBeforeItsHistory() async throws {
        let divergence = try #require(
            try await Self.past(3).divergence { context in try await context.step("charge") { "" } })
        #expect(divergence.step == "@sleep")
        #expect(divergence.codeHasEnded && divergence.asked.isEmpty)
    }

    /// An ordinary run would find this out when it went on, or never.
    @Test func aTransactionThatHasCommittedIsNotAskedFor() async throws {
        var past = Past("charge")
        past.add("pay", .transaction, isPlaced: false)
        let right: Code = { context in
            async let pay = context.transaction("pay") { _ in "" }
            return try await context.step("charge") { "" } + pay
        }
        #expect(try await past.verdict(right) == .consistent)
        let divergence = try #require(try await past.divergence { context in try await context.step("charge") { "" } })
        #expect(divergence.step == "pay" && divergence.place == nil)
        // As a step it would run again, outside of the transaction.
        let other = try await past.divergence { context in
            async let pay = context.step("pay") { "" }
            return try await context.step("charge") { "" } + pay
        }
        #expect(other?.recorded.kind == "transaction")
        #expect(other?.asked.map(\.kind) == ["step"])
    }

    @Test func aPlaceThatWasGivenLater() async throws {
        var past = Past("charge")
        past.add("pay", .transaction, isPlaced: false)
        past.steps.append(
            StepRecord(
                workflow: 7, key: "@order#2", order: 2, kind: .order, output: EncodedPayload(codec: 2, bytes: Array("pay".utf8)),
                started: 1,
                finished: 2))
        #expect(
            try await past.verdict { context in
                async let pay = context.transaction("pay") { _ in "" }
                return try await context.step("charge") { "" } + pay
            } == .consistent)
        let divergence = try #require(try await past.divergence { context in try await context.step("charge") { "" } })
        #expect(divergence.recorded.description == "'pay' (transaction)")
        #expect(divergence.place == 2)
    }

    @Test func aStepThatHasBegunIsNotAskedFor() async throws {
        var past = Past("charge")
        past.begin("ship")
        #expect(
            try await past.verdict { context in try await context.step("charge") { "" } + context.step("ship") { "" } } == .consistent)
        let divergence = try #require(
            try await past.divergence { context in try await context.step("charge") { "" } + context.step("deliver") { "" } })
        #expect(divergence.step == "ship")
        #expect(divergence.reason.contains("was begun"))
    }

    @Test func whatIsRecordedCannotBeDecoded() async throws {
        guard case .undecodable(let reason) = try await Self.past(1).verdict({ context in "\(try await context.step("charge") { 1 })" })
        else {
            Issue.record("it is decoded")
            return
        }
        #expect(reason.contains("'charge'"))
        var past = Past()
        past.input = EncodedPayload(codec: 1, bytes: Array("{}".utf8))
        guard case .undecodable = try await past.verdict(Self.code) else {
            Issue.record("the input is decoded")
            return
        }
    }

    @Test func codeThatLetsInWhatIsNotRecorded() async throws {
        let verdict = try await Self.past(1).verdict { context in
            try await context.step("charge") { "" }
            try await Task.sleep(for: .days(1))
            return ""
        }
        #expect(verdict.name == "stuck")
        let intrusion = try await Self.past(1).verdict { context in
            try await context.step("charge") { "" }
            // It takes its time, for what is there already need not be waited for.
            await Task.detached { try? await Task.sleep(for: .milliseconds(20)) }.value
            return try await context.step("ship") { "" }
        }
        #expect(["intrusion", "stuck"].contains(intrusion.name))
    }

    @Test func aPatchAtTwoPlaces() async throws {
        let verdict = try await Self.past(1).verdict { context in
            _ = try context.patched("words")
            _ = try context.patched("words")
            return ""
        }
        guard case .failed(let reason) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(reason.contains("duplicatePatch"))
    }

    @Test func patchesOfTheHistoryHold() async throws {
        let code: Code = { context in
            try await context.step("charge") { "" }
            if try context.patched("words") { try await context.step("new") { "" } }
            return try await context.step("ship") { "" }
        }
        var past = Past("charge")
        past.add("@patch:words", .patch)
        past.add("new")
        #expect(try await past.verdict(code) == .consistent)
        #expect(try await Past("charge", "ship").verdict(code) == .consistent)
        #expect(try await Past("charge", "new").verdict(code).name == "diverged")
        #expect(
            try await past.verdict { context in
                try await context.step("charge") { "" }
                return try await context.step("new") { "" }
            } == .consistent)
        // One that has no history yet would write the row, and a replay does not.
        #expect(try await Past().verdict { context in try context.patched("words") ? "" : context.workflowID } == .consistent)
    }

    @Test func anEndThatIsAnother() async throws {
        var past = Self.past(4)
        past.end(output: "\"chargeshipmail\"")
        #expect(try await past.verdict(Self.code) == .consistent)
        past.end(output: "\"other\"")
        #expect(try await past.verdict(Self.code).name == "other outcome")
        past.end(.failed)
        #expect(try await past.verdict(Self.code).name == "other outcome")
        past.end(.terminated)
        #expect(try await past.verdict(Self.code) == .consistent)
        var cut = Self.past(3)
        cut.end(output: "\"chargeshipmail\"")
        let verdict = try await cut.verdict(Self.code)
        #expect(verdict.reason?.contains("open, waiting for 'mail' (step)") == true)
    }

    @Test func codeThatLoopsOrBlocks() async throws {
        let blocker = Blocker()
        defer { blocker.open() }
        let replayer = try Replayer {
            Act { context in
                try await context.step("charge") { "" }
                blocker.wait()
                return ""
            }
            Bystander()
        }
        #expect(await replayer.replay(Self.past(1).history, timeLimit: .milliseconds(100)).verdict == .tookTooLong)
        // Others are not held up by it.
        var past = Past()
        past.name = Bystander.name
        past.input = EncodedPayload(codec: 1, bytes: Array("2".utf8))
        #expect(await replayer.replay(past.history).verdict == .consistent)
    }

    @Test func aTypeThatIsNotThere() async throws {
        var past = Past()
        past.name = "gone"
        #expect(try await past.verdict(Self.code) == .unknownType)
    }

    /// Whatever code there is, a replay writes nothing and runs no body.
    @Test func nothingHappens() async throws {
        let (database, ran) = (MemoryDatabase(), Counter())
        let code: Code = { context in
            async let first = context.step("first", retry: .fixed(attempts: 9, interval: .hours(1))) {
                ran.add()
                throw Refused(code: 1)
            }
            try await context.transaction("second") { _ in ran.add() }
            try await context.sleep(for: .days(1))
            try await first
            return ""
        }
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act(code)
        } body: { engine in
            let act = try await engine.start(Act.self, "", id: "act")
            try await waitWhile { try await act.status().pendingSteps.first?.nextAttempt == nil }
            try await waitWhile { database.copy(of: act.number)?.steps.isEmpty ?? true }
        }
        let client = try await Client(store: .memory(database))
        let writes = Counter()
        database.faults = { operation in
            if ![.load, .archive, .numberOfID, .open].contains(operation.kind) { writes.add("\(operation.kind)") }
            return nil
        }
        let (bodies, history) = (ran[], try await client.exportHistory(of: "act"))
        let report = try await Replayer { Act(code) }.replay(history)
        #expect(report.verdict == .consistent)
        #expect(Set(report.waitsFor.map(\.key)).isSuperset(of: ["first"]))
        #expect(ran[] == bodies)
        #expect(try await client.exportHistory(of: "act") == history)
        database.faults = nil
        await client.close()
    }

    /// In a test, what is wrong is the error.
    @Test func asATest() async throws {
        let history = Self.past(3).history
        try await replay(history, of: Act(Self.code))
        let failure = await #expect(throws: ReplayFailure.self) {
            try await replay(history, of: Act { context in try await context.step("bill") { "" } })
        }
        #expect(failure?.description.contains("'charge' (step)") == true)
        #expect(failure?.description.contains("'bill' (step)") == true)
    }
}
