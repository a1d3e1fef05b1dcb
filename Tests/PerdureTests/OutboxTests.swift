import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Greeting: Workflow {
    func run(_ name: String, in context: WorkflowContext) async throws -> String { "Hello, \(name)!" }
}

private struct Outbox: Workflow {
    let client: Client

    func run(_ name: String, in context: WorkflowContext) async throws {
        try await context.transaction("order") { db in
            _ = try await client.start(Greeting.self, name, id: name, in: db)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct OutboxTests {
    /// The slow poll would find it after five seconds.
    private static let push = Duration.seconds(4)

    @Test func whatATransactionOfAWorkflowStartsRunsAtOnce() async throws {
        let database = MemoryDatabase()
        let client = try await Client(store: .memory(database), configuration: .test)
        try await withEngine(store: .memory(database), configuration: .test) {
            Greeting()
            Outbox(client: client)
        } body: { engine in
            let start = ContinuousClock.now
            try await engine.start(Outbox.self, "Ada").result()
            #expect(try await engine.handle(of: Greeting.self, id: "Ada").result() == "Hello, Ada!")
            #expect(ContinuousClock.now - start < Self.push)
        }
        await client.close()
    }

    @Test func whatATransactionOfAClientStartsRunsAtOnce() async throws {
        let database = MemoryDatabase()
        let client = try await Client(store: .memory(database), configuration: .test)
        try await withEngine(store: .memory(database), configuration: .test) {
            Greeting()
        } body: { _ in
            let start = ContinuousClock.now
            let handle = try await client.transaction { db in try await client.start(Greeting.self, "Ada", in: db) }
            #expect(try await handle.result() == "Hello, Ada!")
            #expect(ContinuousClock.now - start < Self.push)
        }
        await client.close()
    }
}
