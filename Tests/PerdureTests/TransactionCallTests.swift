import Perdure
import PerdureMemory
import Testing

private struct Greeting: Workflow {
    func run(_ name: String, in context: WorkflowContext) async throws -> String { "Hello, \(name)!" }
}

private struct Other: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {}
}

/// A client's calls `in:` an open transaction.
@Suite(.timeLimit(.minutes(1)))
struct TransactionCallTests {
    @Test func afterItsEndATransactionAnswersNothing() async throws {
        let client = try await Client(store: .memory(), configuration: .test)
        let handle = try await client.start(Greeting.self, "Ada", id: "x")
        let over = try await client.transaction { db in db }
        for call: @Sendable () async throws -> Void in [
            { try await handle.cancel(in: over) }, { try await handle.terminate(in: over) }, { try await handle.resume(in: over) },
            { _ = try await handle.status(in: over) }, { try await client.cancel("x", in: over) },
            { _ = try await client.handle(of: Greeting.self, id: "x", in: over) },
        ] {
            let error = await #expect(throws: WorkflowError.self) { try await call() }
            #expect(error?.code == .ended)
        }
        await client.close()
    }

    @Test func errorsAreThoseOfCallsOutside() async throws {
        let client = try await Client(store: .memory(), configuration: .test)
        try await client.start(Other.self, id: "other")
        try await client.transaction { db in
            let unknown = await #expect(throws: WorkflowError.self) { try await client.cancel("nobody", in: db) }
            #expect(unknown?.code == .notFound)
            let number = await #expect(throws: WorkflowError.self) { try await client.terminate("w0000000000000001", in: db) }
            #expect(number?.code == .notFound)
            let bad = await #expect(throws: WorkflowError.self) { try await client.resume("", in: db) }
            #expect(bad?.code == .invalidName)
            let type = await #expect(throws: WorkflowError.self) {
                _ = try await client.handle(of: Greeting.self, id: "other", in: db)
            }
            #expect(type?.code == .otherType)
            let waits = await #expect(throws: WorkflowError.self) {
                try await client.start(Other.self, id: "other", options: StartOptions(conflictPolicy: .terminateExisting), in: db)
            }
            #expect(waits?.code == .alreadyStarted)
        }
        await client.close()
    }
}
