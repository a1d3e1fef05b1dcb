internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct ConnectionTests {
    /// Ends all sessions of this schema's connections but the one that asks.
    private func endSessions(_ fixture: Fixture, _ role: String) async throws {
        try await fixture.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = \(role) AND pid <> pg_backend_pid()")
    }

    @Test func `a connection that is lost between commits is made again, and a resend changes nothing`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN SUPERUSER PASSWORD 'hunter22'")
            let store = try await PostgresStore.open(
                Server.url(user: role, password: "hunter22"), schema: fixture.schema, options: Server.options, settings: StoreSettings())
            let executor = try await fixture.executor(on: store)
            let number = try await executor.owned(fixture)
            let claimer = try await store.claimer(for: executor.id)
            let batch: [Command] = [.step(step(number, "a")), .step(step(number, "b", 2))]
            _ = try await executor.writer.commit(batch)
            for round in 0..<3 {
                try await endSessions(fixture, role)
                var results: [CommandResult] = []
                try await eventually("the writer is back") {
                    do {
                        results = try await executor.writer.commit(batch)
                        return true
                    } catch let error as StoreError {
                        #expect(error.code == .unavailable, "\(error)")
                        return false
                    }
                }
                #expect(results.allSatisfy { if case .done = $0 { true } else { false } })
                try await endSessions(fixture, role)
                try await eventually("the claimer is back") { (try? await claimer.owned()) == [number] }
                try await eventually("the lease is renewed") {
                    do {
                        try await store.renew(executor.id, lease: .seconds(60))
                        return true
                    } catch let error as StoreError {
                        #expect(error.code == .unavailable)
                        return false
                    }
                }
                try await eventually("reads are back, round \(round)") {
                    (try? await store.load([number], limit: 9).first?.history.count) == 2
                }
            }
            await claimer.close()
            await store.close()
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }

    @Test func `a database that lost what it had acknowledged ends the incarnation`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            fixture.store.registry.acknowledge(executor.id, .max)
            let writer = try await fixture.open().writer(1, for: executor.id)
            // A process that did not register it knows nothing of its log; its fence protects it still.
            #expect(try await writer.commit([.step(step(number, "a"))]).count == 1)
            await writer.close()
            #expect(await expect(.fenced) { _ = try await fixture.store.writer(1, for: executor.id) } != nil)
        }
    }

    @Test func `without prepared statements, as behind a transaction pooler`() async throws {
        var options = Server.options
        options.unnamedStatements = true
        options.transactionConnections = 1
        try await withStore(options: options) { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            _ = try await executor.writer.commit([.step(step(number, "a"))])
            _ = try await executor.writer.commit([.step(step(number, "b", 2)), .suspend(number, due: 5)])
            let claimer = try await fixture.store.claimer(for: executor.id)
            #expect(try await claimer.claimDue(now: 10, limit: 5).map(\.number) == [number])
            #expect(try await fixture.sql("SELECT name FROM pg_prepared_statements") == [])
            await claimer.close()
        }
    }

    @Test func `text that holds a NUL is refused before it is sent, and its batch fails alone`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let error = await expect(.rejected) { _ = try await executor.writer.commit([.step(step(number, "a\0b"))]) }
            #expect(error?.message.contains("NUL") == true)
            #expect(try await executor.writer.commit([.step(step(number, "a"))]).count == 1)
            let results = try await fixture.store.start(
                [(fixture.record(id: "good"), IDPolicies()), (fixture.record(id: "bad\0"), IDPolicies())], owner: nil)
            #expect(results.count == 2)
            if case .rejected = results[1] {} else { Issue.record("\(results)") }
            #expect(try await fixture.store.number(ofID: "good") != nil)
        }
    }

    @Test func `an id that an open transaction holds does not hold up the others`() async throws {
        try await withStore { fixture in
            let transaction = try await fixture.store.begin(.readCommitted, for: nil)
            _ = try await transaction.start([(fixture.record(id: "held"), IDPolicies())])
            let results = try await fixture.store.start(
                [(fixture.record(id: "held"), IDPolicies()), (fixture.record(id: "free"), IDPolicies())], owner: nil)
            if case .rejected(let error) = results[0] { #expect(error.code == .transient) } else { Issue.record("\(results)") }
            if case .started(owned: false) = results[1] {} else { Issue.record("\(results)") }
            await transaction.rollback()
        }
    }

    @Test func `an executor that starts under ids owns what is due`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let (now, later) = (try await fixture.record(id: "now"), try await fixture.record(id: "later", due: 4_102_444_800_000_000))
            let results = try await fixture.store.start([(now, IDPolicies()), (later, IDPolicies())], owner: executor.id)
            if case .started(owned: true) = results[0], case .started(owned: false) = results[1] {} else { Issue.record("\(results)") }
            try await fixture.store.retire(executor.id)
            #expect(
                await expect(.fenced) { _ = try await fixture.store.start([(fixture.record(id: "x"), IDPolicies())], owner: executor.id) }
                    != nil)
            #expect(try await fixture.store.number(ofID: "x") == nil)
        }
    }
}
