internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct PostgresLeaseTests {
    private let terms = LeaseTerms(lease: .seconds(600), silence: .seconds(3))

    /// A second process, with an executor that owns a workflow.
    private func neighbour(
        _ fixture: Fixture, options: PostgresOptions = PostgresOptions()
    ) async throws -> (store: PostgresStore, executor: Executor, number: WorkflowNumber) {
        let store = try await fixture.open(options: options)
        let executor = try await fixture.executor(silence: terms.silence, on: store)
        return (store, executor, try await executor.owned(fixture))
    }

    /// As if `executor` had said nothing for four seconds, but has lived for long.
    private func silence(_ executor: ExecutorID, _ fixture: Fixture) async throws {
        try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET renewed = renewed - 4000000 WHERE executor = \(executor)")
    }

    /// As if `executor`, and its session, had lived for twenty minutes.
    private func age(_ executor: ExecutorID, _ fixture: Fixture) async throws {
        try await fixture.sql(
            """
            UPDATE \(unsafeRaw: fixture.s).executors SET alive_since = alive_since - 1200000000, guarded_since = guarded_since - 1200000000
            WHERE executor = \(executor)
            """)
    }

    private func reap(_ fixture: Fixture, by reaper: Executor) async throws -> ReapReport {
        try await fixture.store.reap(ReapRules(limit: 9, reaper: reaper.id))
    }

    @Test(Server.isDirect) func `a process that has gone, and is silent, is not waited for until its lease ends`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture)
            try await age(me.id, fixture)
            #expect(try await fixture.store.renew(me.id, terms).map { $0 > .seconds(500) } == true)
            await other.store.close()
            // Gone, but it has only just been heard.
            #expect(try await reap(fixture, by: me) == ReapReport())
            try await silence(other.executor.id, fixture)
            #expect(try await fixture.store.renew(me.id, terms) == .zero)
            // The server takes a moment to see that a client has left.
            var report = ReapReport()
            try await eventually("its lock is free") {
                report = try await reap(fixture, by: me)
                return report.executors == [other.executor.id]
            }
            #expect(report.returned == 1)
            #expect(try await fixture.store.status(of: other.number)?.crashes == 1)
        }
    }

    @Test func `a process that is silent but there keeps its lease`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture)
            try await age(me.id, fixture)
            try await silence(other.executor.id, fixture)
            #expect(try await reap(fixture, by: me) == ReapReport())
            #expect(try await other.executor.writer.commit([.step(step(other.number, "a"))]).count == 1)
            await other.store.close()
        }
    }

    @Test(Server.isDirect) func `whose lease ends while its process is there has not crashed`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture)
            try await age(me.id, fixture)
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET lease_until = 5 WHERE executor = \(other.executor.id)")
            #expect(try await reap(fixture, by: me) == ReapReport(executors: [other.executor.id], returned: 1))
            let status = try await fixture.store.status(of: other.number)
            #expect(status?.live == .ready && status?.crashes == 0)
            await other.store.close()
        }
    }

    /// A restart of the server frees all locks: whose own session is new cannot tell.
    @Test(Server.isDirect) func `a free lock says nothing to a session that is new itself`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture)
            try await age(me.id, fixture)
            try await fixture.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() AND ((classid::int8 << 32) | objid::int8) IN (\(me.id), \(other.executor.id))"
            )
            try await silence(other.executor.id, fixture)
            try await eventually("the lock is held anew") {
                guard (try? await fixture.store.renew(me.id, terms)) != nil else { return false }
                let held = try await fixture.sql(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND ((classid::int8 << 32) | objid::int8) = \(me.id)")
                return !held.isEmpty
            }
            #expect(try await reap(fixture, by: me) == ReapReport())
            // It would be taken by one who has been there all the time.
            try await age(me.id, fixture)
            #expect(try await reap(fixture, by: me).executors == [other.executor.id])
            await other.store.close()
        }
    }

    @Test func `without advisory locks it is the lease that counts`() async throws {
        var options = PostgresOptions()
        options.advisoryLocks = false
        try await withStore(options: options) { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture, options: options)
            await other.store.close()
            try await age(me.id, fixture)
            try await silence(other.executor.id, fixture)
            #expect(try await fixture.store.renew(me.id, terms).map { $0 > .seconds(500) } == true)
            #expect(try await reap(fixture, by: me) == ReapReport())
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET lease_until = 5 WHERE executor = \(other.executor.id)")
            #expect(try await reap(fixture, by: me).returned == 1)
            #expect(try await fixture.store.status(of: other.number)?.crashes == 1)
        }
    }

    @Test(Server.isDirect) func `who retires gives its lock back`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            func locks() async throws -> Int {
                try await fixture.sql(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND ((classid::int8 << 32) | objid::int8) = \(me.id)"
                ).count
            }
            #expect(try await locks() == 1)
            try await fixture.store.retire(me.id)
            #expect(try await locks() == 0)
        }
    }

    @Test func `a heartbeat that comes in time continues a life, one that comes late begins another`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            func lease() async throws -> [[SQLValue]] {
                try await fixture.sql("SELECT lease_until - renewed, alive_since = started FROM \(unsafeRaw: fixture.s).executors")
            }
            _ = try await fixture.store.renew(me.id, terms)
            #expect(try await lease() == [[.int(600_000_000), .bool(true)]])
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET lease_until = 5")
            _ = try await fixture.store.renew(me.id, terms)
            #expect(try await lease() == [[.int(600_000_000), .bool(false)]])
        }
    }

    @Test func `the dead are missed although the clock was set back`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor()
            let dead = try await fixture.executor(lease: .seconds(1))
            try await age(me.id, fixture)
            #expect(try await fixture.store.lead(.tidying, dead.id, for: .seconds(180)))
            // As if the clock had stood an hour ahead when it was heard last.
            try await fixture.sql(
                """
                UPDATE \(unsafeRaw: fixture.s).executors SET renewed = renewed + 3600000000, lease_until = lease_until + 3600000000
                WHERE executor = \(dead.id)
                """)
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).leaders SET until = until + 3600000000")
            #expect(try await fixture.store.renew(me.id, terms) == .zero)
            #expect(try await reap(fixture, by: me) == ReapReport())
            #expect(try await fixture.store.lead(.tidying, me.id, for: .seconds(180)))
            try await eventually("it is missed") { try await reap(fixture, by: me).executors == [dead.id] }
        }
    }

    @Test func `who was born in the future is as old as the clock says`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            try await fixture.sql(
                "UPDATE \(unsafeRaw: fixture.s).executors SET alive_since = alive_since + 9000000, guarded_since = guarded_since + 9000000")
            _ = try await fixture.store.renew(me.id, terms)
            let rows = try await fixture.sql(
                "SELECT alive_since = renewed, coalesce(guarded_since = renewed, true) FROM \(unsafeRaw: fixture.s).executors")
            #expect(rows == [[.bool(true), .bool(true)]])
        }
    }

    /// A restart of the server frees all locks: to who has heard nothing itself, a free one is no crash.
    @Test(Server.isDirect) func `a lease that ended with a free lock is a crash only to who may judge`() async throws {
        try await withStore { fixture in
            let me = try await fixture.executor(silence: terms.silence)
            let other = try await neighbour(fixture)
            await other.store.close()
            try await fixture.sql(
                "UPDATE \(unsafeRaw: fixture.s).executors SET alive_since = alive_since - 1200000000 WHERE executor = \(me.id)")
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).executors SET lease_until = 5 WHERE executor = \(other.executor.id)")
            try await eventually("it is missed") { try await reap(fixture, by: me).executors == [other.executor.id] }
            #expect(try await fixture.store.status(of: other.number)?.crashes == 0)
        }
    }

    @Test func `who cannot be taken its fences does not hold up the others`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN PASSWORD 'hunter22'")
            for grant in ["SCHEMA", "ALL TABLES IN SCHEMA", "ALL SEQUENCES IN SCHEMA"] {
                try await fixture.sql("GRANT ALL ON \(unsafeRaw: grant) \(identifier: fixture.schema) TO \(identifier: role)")
            }
            var options = Server.options
            options.reaperPatience = 50
            let logged = Lock<[String]>([])
            let store = try await PostgresStore.open(
                Server.url(user: role, password: "hunter22"), schema: fixture.schema, options: options,
                settings: StoreSettings(log: { _, message in logged.withLock { $0.append(message) } }))
            let stubborn = try await fixture.executor(lease: .zero)
            let holder = Session(Session.Settings(address: ServerAddress(fixture.url), log: { _, _ in }))
            // Of another user, so it cannot be ended.
            try holder.simple("BEGIN; SELECT \(fixture.s).fence(\(stubborn.id), 0)")
            let other = try await fixture.executor(lease: .milliseconds(5))
            let number = try await other.owned(fixture)
            try await eventually("the other one is reaped") { try await store.reap(limit: 9).executors == [other.id] }
            #expect(try await fixture.store.status(of: number)?.live == .ready)
            #expect(logged.withLock { $0.contains { $0.contains("still holds its fences") } })
            // It is left alone for a while, and does not slow down the rest.
            #expect(try await store.reap(limit: 9) == ReapReport())
            try holder.simple("COMMIT")
            holder.disconnect()
            #expect(try await fixture.store.reap(limit: 9).executors == [stubborn.id])
            await store.close()
            try await fixture.sql("DROP OWNED BY \(identifier: role)")
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }
}
