import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Numbers: Workflow {
    static let name = "Changed"
    let gate: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        let value = try await context.step("value") { 1 }
        try await context.step("wait") { await gate.wait() }
        return value
    }
}

private struct Texts: Workflow {
    static let name = "Changed"

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        try await context.step("value") { "one" }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct UndecodableTests {
    @Test func aRecordedResultOfAnotherTypeSetsTheWorkflowAside() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        try await withEngine(store: .memory(database), configuration: .test) {
            Numbers(gate: gate)
        } body: { engine in
            let handle = try await engine.start(Numbers.self, id: "x")
            try await waitWhile { !database.isRecorded("value", of: handle.number) }
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Texts()
        } body: { engine in
            let handle = try await engine.handle(of: Texts.self, id: "x")
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
            #expect(try await handle.status().reason?.contains("cannot be decoded") == true)
        }
        gate.open()
        try await withEngine(store: .memory(database), configuration: .test) {
            Numbers(gate: gate)
        } body: { engine in
            let handle = try await engine.handle(of: Numbers.self, id: "x")
            #expect(try await handle.resume())
            #expect(try await handle.result() == 1)
        }
    }
}
