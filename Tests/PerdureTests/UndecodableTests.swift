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

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }
extension Topic where Message == String { fileprivate static let words = Topic("numbers") }

private struct Receiver: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> Int { try await context.receive(.numbers) }
}

@Suite(.timeLimit(.minutes(1)))
struct UndecodableTests {
    @Test func aMessageOfAnotherTypeStaysInTheInboxUntilItIsDiscarded() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Receiver()
        } body: { engine in
            let handle = try await engine.start(Receiver.self)
            try await handle.send(.words, "one")
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
            #expect(try await handle.status().reason?.contains("cannot be decoded as Int") == true)
            let store = engine.client.core.store
            #expect(try await store.recorded(handle.number)?.steps.isEmpty == true)
            #expect(try await store.inbox(of: [handle.number]).count == 1)
            #expect(try await handle.discardMessage(on: "numbers", by: "ada"))
            #expect(try await handle.discardMessage(on: "numbers", by: "ada") == false)
            try await handle.resume()
            try await handle.send(.numbers, 1)
            #expect(try await handle.result() == 1)
        }
    }

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
