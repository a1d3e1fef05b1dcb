import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Code that is changed while its workflows are open, and asks which of them the change is for.
@Suite(.timeLimit(.minutes(1)))
struct PatchTests {
    private typealias Code = @Sendable (WorkflowContext) async throws -> String

    private static let old: Code = { context in
        let charge = try await context.step("charge") { "c" }
        try await context.sleep(for: .days(30))
        return try await charge + context.step("ship") { "s" }
    }

    private static let new: Code = { context in
        var text = try await context.step("charge") { "c" }
        if try context.patched("insurance") { text += try await context.step("insure") { "i" } }
        try await context.sleep(for: .days(30))
        return try await text + context.step("ship") { "s" }
    }

    /// Runs code until the history has so many rows.
    private static func begun(_ database: MemoryDatabase, rows: Int, id: String = "act", _ code: @escaping Code) async throws {
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act(code)
        } body: { engine in
            let number = try await engine.start(Act.self, "", id: id).number
            try await waitWhile { (database.copy(of: number)?.steps.count ?? 0) < rows }
        }
    }

    private static func ended(_ database: MemoryDatabase, id: String = "act", _ code: @escaping Code) async throws -> String {
        let clock = TestClock()
        let result = Lock("")
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            Act(code)
        } body: { engine in
            let turning = Task {
                while !Task.isCancelled {
                    clock.advance(by: .days(31))
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            defer { turning.cancel() }
            let text = try await engine.handle(of: Act.self, id: id).result()
            result.withLock { $0 = text }
        }
        return result.withLock { $0 }
    }

    private static func keys(_ database: MemoryDatabase) -> [String] {
        database.numbers.first.flatMap { database.copy(of: $0) }?.steps.map(\.key) ?? []
    }

    @Test func aRunThatIsOlderGoesOnAsItBegan() async throws {
        let database = MemoryDatabase()
        try await Self.begun(database, rows: 1, Self.old)
        #expect(try await Self.ended(database, Self.new) == "cs")
        #expect(Self.keys(database) == ["charge", "@sleep", "ship"])
    }

    @Test func aRunThatIsNewTakesTheNewPath() async throws {
        let database = MemoryDatabase()
        try await Self.begun(database, rows: 3, Self.new)
        #expect(Self.keys(database) == ["charge", "@patch:insurance", "insure"])
        #expect(try await Self.ended(database, Self.new) == "cis")
        #expect(Self.keys(database) == ["charge", "@patch:insurance", "insure", "@sleep", "ship"])
    }

    @Test func whatIsOpenIsToldTheSameAgainAndAgain() async throws {
        let text = try await replayed { context in
            async let first = context.step("first") { "1" }
            let isOn = try context.patched("second")
            async let second = isOn ? context.step("second") { "2" } : "-"
            var all = try await first + second
            for index in 0..<3 {
                if try context.patched("loop") { all += try await context.step("new") { "\(index)" } }
            }
            return try context.patched("the end") ? all + "!" : all
        }
        #expect(text == "12012!")
    }

    @Test func inALoopTheFirstAnswerHolds() async throws {
        let database = MemoryDatabase()
        try await Self.begun(database, rows: 1) { context in
            var text = ""
            for _ in 0..<3 {
                text += try await context.step("old") { "o" }
                try await context.sleep(for: .days(1))
            }
            return text
        }
        let text = try await Self.ended(database) { context in
            var text = ""
            for _ in 0..<3 {
                let isOn = try context.patched("words")
                text += try await context.step(isOn ? "new" : "old") { isOn ? "n" : "o" }
                try await context.sleep(for: .days(1))
            }
            return text
        }
        #expect(text == "ooo")
        // One row for a run that is new.
        let fresh = MemoryDatabase()
        try await Self.begun(fresh, rows: 5) { context in
            for _ in 0..<3 {
                if try context.patched("words") { try await context.step("new") {} }
                try await context.sleep(for: .microseconds(10))
            }
            return ""
        }
        #expect(Self.keys(fresh).count { $0.hasPrefix("@patch") } == 1)
    }

    /// The process dies while the row is on its way: nothing of the new path has begun, so the old one can be taken.
    @Test func nothingBeginsBeforeTheRowIsDurable() async throws {
        let (database, ran, refused) = (MemoryDatabase(), Counter(), Counter())
        try await withEngine(store: .memory(database), configuration: .test) {
            Act { context in
                try await context.step("charge") {}
                guard try context.patched("words") else { return try await context.step("old") { "old" } }
                return try await context.step("new") {
                    ran.add("new")
                    return "new"
                }
            }
        } body: { engine in
            let first = try await engine.registered()
            database.faults = { operation in
                guard operation.kind == .commit, operation.moment == .before, operation.executor == first.id else { return nil }
                for case .step(let step, _, _) in operation.commands where step.kind == .patch {
                    refused.add()
                    return StoreError(.unavailable, "away")
                }
                return nil
            }
            let act = try await engine.start(Act.self, "")
            try await waitWhile { refused[] < 4 }
            #expect(ran["new"] == 0)
            try await engine.client.core.store.retire(first.id)
            #expect(try await act.result() == "old")
            #expect(ran["new"] == 0)
        }
        #expect(Self.keys(database) == ["charge", "old"])
    }

    /// In the code the patch is gone, and in the history it is not.
    @Test func aPatchThatIsRemovedIsPassedOver() async throws {
        let database = MemoryDatabase()
        try await Self.begun(database, rows: 3, Self.new)
        let text = try await Self.ended(database) { context in
            var text = try await context.step("charge") { "c" }
            text += try await context.step("insure") { "i" }
            try await context.sleep(for: .days(30))
            return try await text + context.step("ship") { "s" }
        }
        #expect(text == "cis")
    }

    /// An engine whose code still asks goes the same way as the one whose code does not.
    @Test func aDeprecatedPatchIsRecordedForOthers() async throws {
        let database = MemoryDatabase()
        try await Self.begun(database, rows: 3) { context in
            var text = try await context.step("charge") { "c" }
            try context.deprecatePatch("insurance")
            text += try await context.step("insure") { "i" }
            try await context.sleep(for: .days(30))
            return try await text + context.step("ship") { "s" }
        }
        #expect(try await Self.ended(database, Self.new) == "cis")
    }

    @Test func oneIDAtTwoPlacesIsAnError() async throws {
        let stopped = try await stopped { context, _ in
            let first = try context.patched("words")
            let second = try context.patched("words")
            return "\(first) \(second)"
        }
        #expect(stopped.reason.contains("'words'") && stopped.reason.contains("[duplicatePatch]"), "\(stopped.reason)")
        #expect(stopped.seen.contains(.duplicatePatch))
    }

    @Test func aBodyHasNoPatches() async throws {
        let text = try await replayed { context in
            try await context.step("body") {
                do {
                    return try context.patched("words") ? "on" : "off"
                } catch let error as WorkflowError {
                    return error.code.rawValue
                }
            }
        }
        #expect(text == "nestedStep")
    }
}
