internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

private struct Greeting: Workflow {
    func run(_ name: String, in context: WorkflowContext) async throws -> String {
        try await context.step("greet") { "Hello \(name)" }
    }
}

/// A server that hangs: it takes what is sent, and never answers.
@Suite(Server.isThere, SilentProxy.isPossible, .timeLimit(.minutes(3))) struct SilenceTests {
    private func configuration(_ logged: Lock<[String]>, lease: Duration) -> EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = lease
        configuration.shutdownGrace = .milliseconds(500)
        configuration.log = { _, message in logged.withLock { $0.append(message) } }
        return configuration
    }

    /// Runs an engine on the schema of `fixture`, at another address.
    private func run(
        _ fixture: Fixture, _ url: String, lease: Duration, _ body: (Engine, Lock<[String]>) async throws -> Void
    ) async throws {
        let logged = Lock<[String]>([])
        let store = Store.postgres(url, schema: fixture.schema, options: Server.options)
        let engine = try await Engine(store: store, configuration: configuration(logged, lease: lease)) { Greeting() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await body(engine, logged)
            engine.gracefulShutdown()
            try await group.waitForAll()
        }
        await engine.close()
    }

    private func executors(_ fixture: Fixture) async throws -> [[SQLValue]] {
        try await fixture.sql("SELECT executor FROM \(unsafeRaw: fixture.s).executors")
    }

    private func isLost(_ logged: Lock<[String]>) -> Bool {
        logged.withLock { $0.contains { $0.contains("has lost its lease") } }
    }

    @Test func `an engine that hears nothing for a lease begins anew`() async throws {
        let proxy = try SilentProxy(before: try #require(SilentProxy.target))
        try await withStore { fixture in
            try await run(fixture, SilentProxy.url(proxy), lease: .seconds(2)) { engine, logged in
                let greeting = try await engine.start(Greeting.self, "Ada").result()
                #expect(greeting == "Hello Ada")
                let before = try await executors(fixture)
                proxy.fallSilent()
                let begun = ContinuousClock.now
                try await eventually("it gives up") { isLost(logged) }
                #expect(ContinuousClock.now - begun < .seconds(8))
                proxy.speak()
                let client = try await Client(store: .postgres(fixture.url, schema: fixture.schema, options: Server.options))
                #expect(try await client.start(Greeting.self, "Eve").result() == "Hello Eve")
                // It could not sign off, so it is reaped like any other.
                try await eventually("its predecessor is reaped") { try await !executors(fixture).contains(before[0]) }
                await client.close()
            }
        }
        try await proxy.close()
    }

    @Test func `a shutdown does not wait for an answer that never comes`() async throws {
        let proxy = try SilentProxy(before: try #require(SilentProxy.target))
        try await withStore { fixture in
            let silent = Lock<ContinuousClock.Instant?>(nil)
            try await run(fixture, SilentProxy.url(proxy), lease: .seconds(60)) { engine, _ in
                let greeting = try await engine.start(Greeting.self, "Ada").result()
                #expect(greeting == "Hello Ada")
                proxy.fallSilent()
                silent.withLock { $0 = .now }
            }
            let begun = try #require(silent.withLock { $0 })
            // The grace period, two seconds, and five for handing back.
            #expect(ContinuousClock.now - begun < .seconds(12))
        }
        try await proxy.close()
    }

    /// libpq would wait ten seconds for it, and cannot be told otherwise.
    @Test func `a connection in the making can be cut off`() async throws {
        let proxy = try SilentProxy(before: try #require(SilentProxy.target))
        proxy.fallSilent()
        let settings = Session.Settings(address: ServerAddress(try SilentProxy.url(proxy))) { _, _ in }
        let connection = PostgresConnection(settings, thread: ThreadExecutor(name: "cut off"))
        let begun = ContinuousClock.now
        let connected = Task { try await connection.runConnected { _ in } }
        try await Task.sleep(for: .milliseconds(200))
        settings.wires.cut()
        let error = await #expect(throws: StoreError.self) { try await connected.value }
        #expect(error?.code == .unavailable)
        #expect(ContinuousClock.now - begun < .seconds(5))
        await connection.close()
        connection.thread.stop()
        try await proxy.close()
    }

    /// Each connection would wait for it, one after the other, for longer than the lease.
    @Test func `a host that says nothing costs a start a few seconds`() async throws {
        let proxy = try SilentProxy(before: try #require(SilentProxy.target))
        proxy.fallSilent()
        try await withStore { fixture in
            let target = try #require(SilentProxy.target)
            let url = try SilentProxy.url(proxy).replacing(":\(proxy.port)/", with: ":\(proxy.port),127.0.0.1:\(target)/")
            let begun = ContinuousClock.now
            try await run(fixture, url, lease: .seconds(4)) { engine, logged in
                let greeting = try await engine.start(Greeting.self, "Ada").result()
                #expect(greeting == "Hello Ada")
                #expect(ContinuousClock.now - begun < .seconds(10))
                #expect(!isLost(logged))
            }
        }
        try await proxy.close()
    }
}
