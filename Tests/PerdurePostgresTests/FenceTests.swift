internal import CLibPQ
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct PostgresFenceTests {
    /// A session of the test's own, in which statements can be left half done.
    private func session(_ fixture: Fixture) throws -> Session {
        let session = Session(Session.Settings(address: ServerAddress(fixture.url), log: { _, _ in }))
        try session.ready()
        return session
    }

    @Test func `each connection locks a fence row of its own`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let rows = try await fixture.sql(
                "SELECT count(*), min(slot), max(slot) FROM \(unsafeRaw: fixture.s).fences WHERE executor = \(executor.id)")
            #expect(rows == [[.int(8), .int(0), .int(7)]])
            #expect(await expect(.conflict) { try await fixture.store.register(executor.id, label: "twice", lease: .seconds(9)) } != nil)
        }
    }

    @Test func `the reaper waits for a write that has passed the fence, and returns what it wrote`() async throws {
        var options = Server.options
        // However busy the machine is: that a write which takes too long is ended is another test's matter.
        options.reaperPatience = 120_000
        try await withStore(options: options) { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let number = try await doomed.owned(fixture)
            let s = fixture.s
            let writer = try session(fixture)
            try writer.simple("BEGIN; SELECT \(s).fence(\(doomed.id), 1)")
            try writer.simple(
                "INSERT INTO \(s).live (number, lane, state, executor) SELECT number + 1, lane, 1, executor FROM \(s).live WHERE number = \(number)"
            )
            async let report = fixture.store.reap(limit: 10)
            try await eventually("the reaper waits") {
                try await fixture.sql(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE \("%" + fixture.schema + "%")")
                    == [[.int(1)]]
            }
            try writer.simple("COMMIT")
            let done = try await report
            #expect(done.executors == [doomed.id] && done.returned == 2 && !done.more)
            let left = try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: s).reaped")
            #expect(left == [[.int(0)]])
            // From now on it is refused, whatever it does.
            _ = await expect(.fenced) { _ = try await doomed.writer.commit([.step(step(number, "late"))]) }
            _ = await expect(.fenced) {
                _ = try await doomed.writer.commit([.finish(Outcome(workflow: number, status: .completed, finished: 1), parent: nil)])
            }
            #expect(try await fixture.store.status(of: number)?.crashes == 1)
            writer.disconnect()
        }
    }

    @Test func `a client frozen behind its fence is ended`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let number = try await doomed.owned(fixture)
            let frozen = try session(fixture)
            try frozen.simple("BEGIN; SELECT \(fixture.s).fence(\(doomed.id), 0)")
            let report = try await fixture.store.reap(limit: 10)
            #expect(report.executors == [doomed.id] && report.returned == 1)
            #expect(throws: StoreError.self) { try frozen.simple("COMMIT") }
            #expect(try await fixture.store.status(of: number)?.live == .ready)
            #expect(fixture.logged.withLock { $0.contains { $0.contains("ending the database session") } })
        }
    }

    @Test func `two connections on one fence row, both frozen, are ended`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let frozen = [try session(fixture), try session(fixture)]
            // As after a reconnection whose predecessor still hangs: the row's mark is a multixact.
            for session in frozen { try session.simple("BEGIN; SELECT \(fixture.s).fence(\(doomed.id), 0); SELECT pg_current_xact_id()") }
            let report = try await fixture.store.reap(limit: 10)
            #expect(report.executors == [doomed.id])
            for session in frozen { #expect(throws: StoreError.self) { try session.simple("COMMIT") } }
        }
    }

    @Test func `a client frozen before its fence, with rows locked, is ended`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let number = try await doomed.owned(fixture)
            let frozen = try session(fixture)
            // In the middle of a pipeline: statements sent, no sync, so the server sees an active session and no timeout ends it.
            try frozen.simple("BEGIN")
            unsafe #expect(PQenterPipelineMode(frozen.raw) == 1)
            let text = "DELETE FROM \(fixture.s).live WHERE number = \(number)"
            unsafe #expect(PQsendQueryParams(frozen.raw, text, 0, nil, nil, nil, nil, 0) == 1)
            unsafe #expect(PQsendFlushRequest(frozen.raw) == 1 && PQflush(frozen.raw) == 0)
            unsafe PQclear(PQgetResult(frozen.raw))
            try await eventually("all is returned") {
                let report = try await fixture.store.reap(limit: 10)
                return !report.more
            }
            #expect(try await fixture.store.status(of: number)?.live == .ready)
            #expect(fixture.logged.withLock { $0.contains { $0.contains("ending the database session") } })
        }
    }

    /// Whatever it holds: its fence row is locked before anything else, and that is where a reaper looks.
    @Test func `a batch begins and ends with its fence`() async throws {
        try await withStore { fixture in
            let batch = Batch()
            let outcome = Outcome(workflow: 1, status: .completed, finished: 1)
            try batch.fill([.step(step(1, "a"), hadPending: true), .finish(outcome, parent: nil)], crashed: []) { _ in 0 }
            let names = try batch.requests(fixture.store.journal, 1, slot: 0).requests.map(\.statement.name)
            #expect(names.prefix(2) == ["perdure_begin", "perdure_fence"])
            #expect(names.suffix(2) == ["perdure_fence", "perdure_commit"])
        }
    }

    @Test func `a transaction that is open when its executor is reaped is ended, with all that it holds`() async throws {
        try await withStore { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).stock (left_over int8)")
            try await fixture.sql("INSERT INTO \(unsafeRaw: fixture.s).stock VALUES (1)")
            let doomed = try await fixture.executor(lease: .zero)
            let frozen = try await fixture.store.begin(.readCommitted, for: doomed.id)
            _ = try await frozen.execute("UPDATE \(unsafeRaw: fixture.s).stock SET left_over = 0")
            #expect(try await fixture.store.reap(limit: 10).executors == [doomed.id])
            // Nobody waits for it.
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).stock SET left_over = 2")
            #expect(await expect(.unavailable) { _ = try await frozen.commit(nil, hadPending: false) } != nil)
        }
    }

    @Test func `a reaper that is frozen when all is returned holds up no other`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let number = try await doomed.owned(fixture)
            #expect(try await fixture.store.reap(limit: 0).executors == [doomed.id])
            let frozen = try session(fixture)
            try frozen.simple("BEGIN; DELETE FROM \(fixture.s).reaped WHERE executor = \(doomed.id)")
            let report = try await fixture.store.reap(limit: 10)
            #expect(report.returned == 1)
            #expect(try await fixture.store.status(of: number)?.live == .ready)
            frozen.disconnect()
        }
    }

    @Test func `a reaper that is frozen with a lease in its hands is ended`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let number = try await doomed.owned(fixture)
            let frozen = try session(fixture)
            try frozen.simple("BEGIN; DELETE FROM \(fixture.s).executors WHERE executor = \(doomed.id)")
            #expect(try await fixture.store.reap(limit: 10).executors == [doomed.id])
            #expect(throws: StoreError.self) { try frozen.simple("COMMIT") }
            #expect(try await fixture.store.status(of: number)?.live == .ready)
        }
    }

    @Test func `another engine goes on where a reaper died`() async throws {
        try await withStore { fixture in
            let doomed = try await fixture.executor(lease: .zero)
            let numbers = [try await doomed.owned(fixture), try await doomed.owned(fixture), try await doomed.owned(fixture)]
            #expect(try await fixture.store.reap(limit: 1) == ReapReport(executors: [doomed.id], returned: 1, more: true))
            let other = try await fixture.open()
            #expect(try await other.reap(limit: 10) == ReapReport(returned: 2))
            #expect(try await other.reap(limit: 10) == ReapReport())
            for number in numbers { #expect(try await other.status(of: number)?.live == .ready) }
            await other.close()
        }
    }

    @Test func `a promoted server ends the incarnation`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).fences SET timeline = 'FFFFFFFF' WHERE executor = \(executor.id)")
            let error = await expect(.fenced) { _ = try await executor.writer.commit([.step(step(number, "a"))]) }
            #expect(error?.message.contains("promoted") == true)
            try await fixture.sql(
                "UPDATE \(unsafeRaw: fixture.s).fences SET timeline = NULL, boot = pg_postmaster_start_time() - interval '1 second'")
            #expect(await expect(.fenced) { _ = try await executor.writer.commit([.release(number)]) } != nil)
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).fences SET boot = pg_postmaster_start_time()")
            #expect(try await executor.writer.commit([.step(step(number, "a"))]).count == 1)
        }
    }

    @Test func `fences say where they were written, and the restart only where a crash forgets`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            func fences(_ executor: Executor) async throws -> [[SQLValue]] {
                try await fixture.sql(
                    """
                    SELECT DISTINCT timeline = left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), boot = pg_postmaster_start_time()
                    FROM \(unsafeRaw: fixture.s).fences WHERE executor = \(executor.id)
                    """)
            }
            #expect(try await fences(executor) == [[.bool(true), .null]])
            var options = Server.options
            options.allowAsynchronousCommit = true
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN SUPERUSER PASSWORD 'hunter22'")
            try await fixture.sql("ALTER ROLE \(identifier: role) SET synchronous_commit = off")
            let store = try await PostgresStore.open(
                Server.url(user: role, password: "hunter22"), schema: fixture.schema, options: options, settings: StoreSettings())
            let forgetful = try await fixture.executor(on: store)
            #expect(try await fences(forgetful) == [[.bool(true), .bool(true)]])
            let number = try await forgetful.owned(fixture)
            // As after a restart.
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).fences SET boot = boot - interval '1 second'")
            _ = await expect(.fenced) { _ = try await forgetful.writer.commit([.step(step(number, "late"))]) }
            _ = try await executor.owned(fixture)
            await store.close()
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }
}
