import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Hold: Workflow {
    let gate: Gate

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        try await context.step("hold") { await gate.wait() }
        if kind == "fails" { throw Unlisted(code: 1) }
        return context.workflowID
    }
}

private struct Other: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {}
}

private struct Clocked: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> [Double] {
        let first = context.now.timeIntervalSince1970
        try await context.sleep(for: .milliseconds(20))
        let uuids = [context.uuid(), context.uuid()]
        var random = context.randomNumberGenerator()
        return [first, context.now.timeIntervalSince1970, uuids[0] == uuids[1] ? 0 : 1, Double.random(in: 0..<1, using: &random)]
    }
}

@Suite(.timeLimit(.minutes(1)))
struct StartTests {
    @Test func anIDIsAnIdempotencyKey() async throws {
        let gate = Gate()
        try await withEngine(store: .memory(), configuration: .test) {
            Hold(gate: gate)
            Other()
        } body: { engine in
            let first = try await engine.start(Hold.self, "", id: "x")
            let second = try await engine.start(Hold.self, "", id: "x")
            #expect(first.number == second.number)
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(Other.self, id: "x") }
            #expect(error?.code == .otherType)
            gate.open()
            #expect(try await first.result() == "x")
            #expect(try await engine.start(Hold.self, "", id: "x").number == first.number)
        }
    }

    @Test func policies() async throws {
        let gate = Gate()
        try await withEngine(store: .memory(), configuration: .test) {
            Hold(gate: gate)
        } body: { engine in
            let first = try await engine.start(Hold.self, "", id: "x")
            let error = await #expect(throws: WorkflowError.self) {
                try await engine.start(Hold.self, "", id: "x", options: StartOptions(conflictPolicy: .fail))
            }
            #expect(error?.code == .alreadyStarted)
            let second = try await engine.start(Hold.self, "", id: "x", options: StartOptions(conflictPolicy: .terminateExisting))
            #expect(second.number != first.number)
            #expect(try await first.status().state == .terminated)
            gate.open()
            #expect(try await second.result() == "x")
            let rejected = await #expect(throws: WorkflowError.self) {
                try await engine.start(Hold.self, "", id: "x", options: StartOptions(reusePolicy: .rejectDuplicate))
            }
            #expect(rejected?.code == .alreadyStarted)
            let completed = await #expect(throws: WorkflowError.self) {
                try await engine.start(Hold.self, "", id: "x", options: StartOptions(reusePolicy: .allowDuplicateFailedOnly))
            }
            #expect(completed?.code == .alreadyStarted)
            let third = try await engine.start(Hold.self, "fails", id: "x", options: StartOptions(reusePolicy: .allowDuplicate))
            _ = await #expect(throws: RecordedError.self) { try await third.result() }
            let fourth = try await engine.start(Hold.self, "", id: "x", options: StartOptions(reusePolicy: .allowDuplicateFailedOnly))
            #expect(fourth.number != third.number)
            #expect(try await fourth.result() == "x")
        }
    }

    @Test func manyStartsOfOneID() async throws {
        let gate = Gate()
        gate.open()
        try await withEngine(store: .memory(), configuration: .test) {
            Hold(gate: gate)
        } body: { engine in
            let numbers = try await withThrowingTaskGroup(of: WorkflowNumber.self) { group in
                for _ in 0..<64 { group.addTask { try await engine.start(Hold.self, "", id: "one").number } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(numbers.count == 1)
        }
    }

    @Test func aDelayIsKept() async throws {
        let gate = Gate()
        gate.open()
        let clock = TestClock()
        try await withEngine(store: .memory(), configuration: .test, clock: clock) {
            Hold(gate: gate)
        } body: { engine in
            let handle = try await engine.start(Hold.self, "", options: StartOptions(delay: .hours(60)))
            clock.advance(by: .hours(59))
            // What was asked later has been done: the clock's turn was seen.
            _ = try await engine.start(Hold.self, "").result()
            let state = try await handle.status().state
            #expect(state == .scheduled)
            clock.advance(by: .hours(1))
            _ = try await handle.result()
        }
    }

    @Test func aClientNeedsNoWorkflows() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        gate.open()
        let client = try await Client(store: .memory(database))
        let handle = try await client.start(Hold.self, "", id: "from outside", options: StartOptions(attributes: ["customer": "acme"]))
        #expect(try await handle.status().state == .queued)
        try await withEngine(store: .memory(database), configuration: .test) {
            Hold(gate: gate)
        } body: { _ in
            let result = try await handle.result()
            #expect(result == "from outside")
        }
        await client.close()
    }

    @Test func unknownNamesAreLeftForThoseWhoKnowThem() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        gate.open()
        try await withEngine(store: .memory(database), configuration: .test) {
            Other()
        } body: { engine in
            let handle = try await engine.start(Hold.self, "", id: "later")
            try await engine.start(Other.self).result()
            #expect(try await handle.status().state == .queued)
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Hold(gate: gate)
        } body: { engine in
            let result = try await engine.handle(of: Hold.self, id: "later").result()
            #expect(result == "later")
        }
    }

    @Test func versionsAreClaimedByTheirEngines() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        gate.open()
        var two = EngineConfiguration.test
        two.version = "2"
        try await withEngine(store: .memory(database), configuration: .test) {
            Hold(gate: gate)
        } body: { engine in
            let handle = try await engine.start(Hold.self, "", id: "new", options: StartOptions(version: "2"))
            _ = try await engine.start(Hold.self, "", id: "old").result()
            #expect(try await handle.status().state == .queued)
        }
        try await withEngine(store: .memory(database), configuration: two) {
            Hold(gate: gate)
        } body: { engine in
            let result = try await engine.handle(of: Hold.self, id: "new").result()
            #expect(result == "new")
        }
    }

    @Test(arguments: ["", String(repeating: "x", count: 513), "a\u{0}b", "line\nbreak"])
    func badIDs(id: String) async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Other()
        } body: { engine in
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(Other.self, id: id) }
            #expect(error?.code == .invalidName)
        }
    }

    @Test func timeAndChanceAreTheWorkflowsOwn() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Clocked()
        } body: { engine in
            let told = try await engine.start(Clocked.self).result()
            #expect(told[1] - told[0] >= 0.02)
            #expect(told[2] == 1)
        }
    }

    @Test func declarationsThatContradictEachOther() async throws {
        let error = await #expect(throws: WorkflowError.self) {
            _ = try await Engine(store: .memory()) {
                Other()
                Other()
            }
        }
        #expect(error?.code == .invalidDeclaration)
    }
}
