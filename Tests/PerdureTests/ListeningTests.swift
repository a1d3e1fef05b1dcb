@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Thought: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {}
}

@Suite(.timeLimit(.minutes(1)))
struct ListeningTests {
    /// As when the server had no connection left for a moment.
    @Test func aListenThatFailsIsTriedAgain() async throws {
        let database = MemoryDatabase()
        let (failures, listened) = (Counter(), Counter())
        database.faults = { operation in
            guard operation.kind == .listen else { return nil }
            if operation.moment == .after { listened.add() }
            guard operation.moment == .before, failures[] < 2 else { return nil }
            failures.add()
            return StoreError(.full, "no connection is left")
        }
        let logged = Lock<[String]>([])
        var configuration = EngineConfiguration.test
        configuration.log = { _, message in logged.withLock { $0.append(message) } }
        let engine = try await Engine(store: .memory(database), configuration: configuration) { Thought() }
        try await withEngine(engine) { _ in
            try await waitWhile { listened[] == 0 }
            #expect(failures[] == 2)
            #expect(logged.withLock { $0.contains { $0.contains("wake-ups of other processes are not heard") } })
            // Started by somebody else, it is found without the poll.
            let client = try await Client(store: .memory(database))
            try await client.start(Thought.self).result()
            await client.close()
        }
    }
}
