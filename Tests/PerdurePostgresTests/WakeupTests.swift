internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct PostgresWakeupTests {
    @Test(Server.isHeard) func `who listens is told to look at everything after a reconnection`() async throws {
        try await withStore { fixture in
            let heard = Lock<[Wakeup]>([])
            let subscription = try await fixture.store.listen { wakeup in heard.withLock { $0.append(wakeup) } }
            let channel = WakeupMessage.channel(fixture.store.schema)
            func listeners() async throws -> [[SQLValue]] {
                try await fixture.sql(
                    "SELECT pid FROM pg_stat_activity WHERE query = \("LISTEN \"\(channel)\"") AND pid <> pg_backend_pid()")
            }
            let pid = try #require(try await listeners().first?.first)
            try await fixture.sql("SELECT pg_terminate_backend(\(pid))")
            try await eventually("it listens again") { heard.withLock { $0.contains(.everything) } }
            heard.withLock { $0 = [] }
            await fixture.store.notify([.ended([1, 2])])
            try await eventually("it hears again") { heard.withLock { $0 == [.ended([1, 2])] } }
            // By hand, from any client.
            try await fixture.sql("SELECT pg_notify(\(channel), 'r')")
            try await eventually("it hears what others send") { heard.withLock { $0.contains(.ready) } }
            await subscription.cancel()
            try await eventually("nobody listens") { try await listeners() == [] }
        }
    }

    @Test(Server.isHeard) func `schemas of one database do not hear each other`() async throws {
        try await withStore { one in
            try await withStore { two in
                let heard = Lock<[Wakeup]>([])
                let subscription = try await one.store.listen { wakeup in heard.withLock { $0.append(wakeup) } }
                await two.store.notify([.ready])
                await one.store.notify([.inbox])
                try await eventually("its own is heard") { heard.withLock { !$0.isEmpty } }
                #expect(heard.withLock { $0 } == [.inbox])
                await subscription.cancel()
            }
        }
    }

    @Test func `no server to listen to is an error at once`() async throws {
        let hub = WakeupHub(
            Session.Settings(address: ServerAddress("postgresql://127.0.0.1:1/x"), log: { _, _ in }), try SchemaName("perdure"))
        await #expect(throws: StoreError.self) { _ = try await hub.subscribe { _ in } }
        await hub.close()
    }
}
