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
}
