internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

private struct Payment: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("first") {}
        let recorded = try await context.transaction("pay") { db in try await db.query("SELECT \(number) + 1", as: Int.self)[0] }
        return try await context.step("last") { recorded }
    }
}

private struct Greeting: Workflow {
    func run(_ name: String, in context: WorkflowContext) async throws -> String {
        try await context.step("greet") { "Hello \(name)" }
    }
}

@Suite(Server.isThere, Server.isDirect, .timeLimit(.minutes(5))) struct FewConnectionsTests {
    private var configuration: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .seconds(2)
        configuration.log = { _, _ in }
        return configuration
    }

    private func run(_ engine: Engine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
        await engine.close()
    }

    /// Many transactions at the same time, and one connection for them all.
    @Test func `a pool of one is enough`() async throws {
        var options = Server.options
        options.transactionConnections = 1
        options.writers = 1
        try await withStore { fixture in
            let store = Store.postgres(fixture.url, schema: fixture.schema, options: options)
            let engine = try await Engine(store: store, configuration: configuration) { Payment() }
            try await run(engine) {
                let handles = try await withThrowingTaskGroup(of: WorkflowHandle<Int>.self) { group in
                    for number in 0..<100 { group.addTask { try await engine.start(Payment.self, number) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                for handle in handles { _ = try await handle.result() }
                // What asks for a second one while it holds the first would wait for ever: it is told so.
                let error = await #expect(throws: WorkflowError.self) {
                    try await engine.transaction { _ in try await engine.transaction { _ in } }
                }
                #expect(error?.code == .invalidState)
            }
        }
    }

    /// Somebody takes all connections while the engine runs: it keeps its lease, and goes on when there are some again.
    @Test func `without a connection to spare the lease is kept`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN PASSWORD 'hunter22' CONNECTION LIMIT 14")
            try await fixture.sql("GRANT ALL ON SCHEMA \(identifier: fixture.schema) TO \(identifier: role)")
            try await fixture.sql("GRANT ALL ON ALL TABLES IN SCHEMA \(identifier: fixture.schema) TO \(identifier: role)")
            try await fixture.sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA \(identifier: fixture.schema) TO \(identifier: role)")
            let url = try Server.url(user: role, password: "hunter22")
            let store = Store.postgres(url, schema: fixture.schema, options: Server.options)
            let engine = try await Engine(store: store, configuration: configuration) {
                Payment()
                Greeting()
            }
            try await run(engine) {
                // It has all connections but those for transactions.
                #expect(try await engine.start(Greeting.self, "Ada").result() == "Hello Ada")
                let lease = "SELECT executor, renewed FROM \(fixture.s).executors"
                func beat() async throws -> [[SQLValue]] { try await fixture.sql("\(unsafeRaw: lease)") }
                let blockers = try self.occupy(url)
                let before = try await beat()
                let handle = try await engine.start(Payment.self, 1)
                for round in 0..<3 {
                    let last = try await beat()
                    try await eventually("heartbeat \(round)") { try await beat() != last }
                }
                // The same executor all the time.
                #expect(try await beat().map(\.first) == before.map(\.first))
                #expect(try await handle.status().state == .running)
                for blocker in blockers { blocker.disconnect() }
                #expect(try await handle.result() == 2)
            }
            try await fixture.sql("DROP OWNED BY \(identifier: role)")
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }

    /// All that the role may have.
    private func occupy(_ url: String) throws -> [Session] {
        var sessions: [Session] = []
        while sessions.count < 100 {
            let session = Session(Session.Settings(address: ServerAddress(url), log: { _, _ in }))
            do throws(StoreError) {
                try session.ready()
                sessions.append(session)
            } catch {
                #expect(error.code == .full, "\(error)")
                return sessions
            }
        }
        return sessions
    }
}
