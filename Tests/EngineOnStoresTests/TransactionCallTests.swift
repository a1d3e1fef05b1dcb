import Perdure
import PerdurePostgres
import PerdureSQLite
import PerdureTesting
import Testing

private struct Sleepy: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .days(1)) }
}

private struct Echo: Workflow {
    func run(_ input: String, in context: WorkflowContext) async throws -> String { input }
}

/// Has the name of `Echo`, and cannot decode its input.
private struct Changed: Workflow {
    static let name = "Echo"

    func run(_: Int, in context: WorkflowContext) async throws {}
}

/// Calls `in:` a transaction of the user's own, with an engine that does what they ask.
@Suite(.timeLimit(.minutes(2)))
struct TransactionCallTests {
    /// On SQLite any other connection would see nothing of it, and a write would wait for this very transaction.
    @Test(arguments: SQLStore.available)
    func whatATransactionHasStartedItCanAlsoReach(kind: SQLStore) async throws {
        let (store, _) = kind.make()
        try await withEngine(store: store, configuration: .test) {
            Sleepy()
        } body: { engine in
            let client = engine.client
            let handles = try await engine.transaction { db in
                let cancelled = try await engine.start(Sleepy.self, id: "cancelled", in: db)
                try await client.cancel("cancelled", in: db)
                let unnamed = try await client.start(Sleepy.self, in: db)
                try await client.terminate(unnamed.id, in: db)
                let terminated = try await client.start(Sleepy.self, id: "terminated", in: db)
                try await terminated.terminate(in: db)
                let goesOn = try await client.start(Sleepy.self, id: "goes on", in: db)
                let state = try await client.status(of: "goes on", in: db).state
                #expect(state == .queued)
                let same = try await engine.handle(of: Sleepy.self, id: "goes on", in: db)
                #expect(same.number == goesOn.number)
                return [cancelled, unnamed, terminated]
            }
            for handle in handles { _ = await #expect(throws: WorkflowError.self) { try await handle.result() } }
            let states = try await [handles[0].status().state, handles[1].status().state, handles[2].status().state]
            #expect(states == [.cancelled, .terminated, .terminated])
            let other = try await engine.handle(of: Sleepy.self, id: "goes on")
            while try await other.status().state != .running { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    @Test(arguments: SQLStore.available)
    func whatIsAskedInATransactionThatIsRolledBackWasNotAsked(kind: SQLStore) async throws {
        struct Abandoned: Error {}
        let (store, _) = kind.make()
        try await withEngine(store: store, configuration: .test) {
            Sleepy()
        } body: { engine in
            let handle = try await engine.start(Sleepy.self)
            _ = await #expect(throws: Abandoned.self) {
                try await engine.transaction { db in
                    try await handle.terminate(in: db)
                    throw Abandoned()
                }
            }
            try await engine.transaction { db in try await handle.cancel(in: db) }
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .cancelled)
        }
    }

    @Test(arguments: SQLStore.available)
    func whatIsResumedInATransactionGoesOnWhenThatCommits(kind: SQLStore) async throws {
        let (store, _) = kind.make()
        let client = try await Client(store: store)
        let handle = try await client.start(Echo.self, "hello", id: "x")
        try await withEngine(store: store, configuration: .test) {
            Changed()
        } body: { _ in
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
        }
        try await withEngine(store: store, configuration: .test) {
            Echo()
        } body: { _ in
            let resumed = try await client.transaction { db in
                let first = try await client.resume("x", in: db)
                let second = try await handle.resume(in: db)
                return [first, second]
            }
            #expect(resumed == [true, false])
            while try await handle.status().state == .setAside { try await Task.sleep(for: .milliseconds(5)) }
            let result = try await handle.result()
            #expect(result == "hello")
        }
        await client.close()
    }

    /// No engine here has the code.
    @Test(arguments: SQLStore.available)
    func whatNoEngineServesIsTerminated(kind: SQLStore) async throws {
        let (store, _) = kind.make()
        try await withEngine(store: store, configuration: .test) {
            Changed()
        } body: { engine in
            let aside = try await engine.start(Echo.self, "undecodable", id: "x")
            _ = await #expect(throws: WorkflowError.self) { try await aside.result() }
            let new = try await engine.client.start(
                Echo.self, "new", id: "x", options: StartOptions(conflictPolicy: .terminateExisting, version: "2"))
            let states = try await [aside.status().state, new.status().state]
            #expect(states == [.terminated, .queued])
            let queued = try await engine.start(Sleepy.self, options: StartOptions(delay: .hours(1)))
            try await queued.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await queued.result() }
            #expect(error?.code == .cancelled)
        }
    }
}
