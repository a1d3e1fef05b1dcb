internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// What is paused for all engines by plain SQL.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct TypePauseFunctionTests {
    @Test func `types, steps and circuit breakers are paused and resumed by SQL`() async throws {
        try await withStore { fixture in
            func call(_ call: String) async throws -> [[SQLValue]] {
                try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)")
            }
            _ = try await call("pause_type('Checkout', 'ada', 'stocktaking')")
            _ = try await call("pause_step('charge card', 'ada', workflow => 'Checkout', until => now() + interval '1 hour')")
            _ = try await call("pause_step('charge card', 'ada', until => 'infinity')")
            var rows = try await fixture.store.pauses(all: false)
            #expect(
                rows.map(\.subject) == [
                    PauseSubject(.workflowType, "Checkout"), PauseSubject(.step, "charge card", in: "Checkout"),
                    PauseSubject(.step, "charge card"),
                ])
            #expect(rows.map(\.by) == ["ada", "ada", "ada"] && rows[0].reason == "stocktaking")
            #expect(rows[0].until == nil && rows[1].until.map { $0 > rows[1].since } == true && rows[2].until == nil)
            // Again: what is said now holds, since the first time.
            _ = try await call("pause_type('Checkout', 'bob')")
            let again = try #require(try await fixture.store.pause(of: PauseSubject(.workflowType, "Checkout")))
            #expect(again.by == "bob" && again.reason == nil && again.since == rows[0].since && again.revision == rows[0].revision + 1)
            #expect(try await call("resume_type('Checkout', 'eve')") == [[.bool(true)]])
            #expect(try await call("resume_type('Checkout', 'eve')") == [[.bool(false)]])
            #expect(try await call("resume_step('charge card', 'eve')") == [[.bool(true)]])
            #expect(try await call("resume_step('charge card', 'eve', 'Checkout')") == [[.bool(true)]])
            #expect(try await fixture.store.pauses(all: false) == [])
            #expect(try await fixture.store.pauses(all: true).map(\.endedBy) == ["eve", "eve", "eve"])
            var state = BreakerState(CircuitBreaker())
            _ = state.open(CircuitBreaker(), at: 0)
            let breaker = PauseRow(
                subject: PauseSubject(.breaker, "bank"), by: "circuit breaker", since: 0, until: state.openUntil, breaker: state)
            #expect(try await fixture.store.put(breaker, over: 0) != nil)
            #expect(try await call("close_circuit_breaker('bank', 'eve')") == [[.bool(true)]])
            #expect(try await call("close_circuit_breaker('bank', 'eve')") == [[.bool(false)]])
            rows = try await fixture.store.pauses(all: false)
            #expect(rows == [])
        }
    }

    @Test func `what cannot be is refused`() async throws {
        try await withStore { fixture in
            for call in [
                "pause_type('', 'ada')", "pause_type(NULL, 'ada')", "pause_type('Checkout', '')", "pause_step('', 'ada')",
                "pause_step('charge card', 'ada', workflow => '')", "pause_type('Checkout', 'ada', until => now() - interval '1 second')",
                "pause_type('Checkout', 'ada', until => '-infinity')", "resume_type('Checkout', '')",
            ] {
                _ = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)") }
            }
            let rows = try await fixture.store.pauses(all: true)
            #expect(rows == [])
        }
    }

    @Test func `a million that a pause holds back cost a look no more than a few`() async throws {
        try await withStore { fixture in
            try await fixture.sql(
                """
                INSERT INTO \(unsafeRaw: fixture.s).pending (workflow, key, attempt, started, held_by)
                SELECT n, 'charge', 0, 0, 1 FROM generate_series(1, 20000) n
                """)
            try await fixture.sql("ANALYZE \(unsafeRaw: fixture.s).pending")
            #expect(try await fixture.store.holders() == [1])
            let plan = try await fixture.sql(
                """
                EXPLAIN (ANALYZE, FORMAT TEXT) WITH RECURSIVE h AS (
                    SELECT (SELECT min(held_by) FROM \(unsafeRaw: fixture.s).pending WHERE held_by IS NOT NULL) AS number
                    UNION ALL SELECT (SELECT min(p.held_by) FROM \(unsafeRaw: fixture.s).pending p WHERE p.held_by > h.number) FROM h
                        WHERE h.number IS NOT NULL)
                SELECT number FROM h WHERE number IS NOT NULL
                """)
            let text = plan.map { "\($0)" }.joined(separator: "\n")
            #expect(text.contains("pending_held") && !text.contains("Seq Scan on pending"), "\(text)")
        }
    }
}
