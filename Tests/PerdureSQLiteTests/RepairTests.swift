internal import Perdure
internal import PerdureSQLite
internal import Testing

/// Rows that were edited by hand are repaired or refused, and never stop the process.
@Suite struct RepairTests {
    private func withRows(_ sql: String, _ body: (SQLiteStore) async throws -> Void) async throws {
        try await withStore { store, scratch in
            let writer = try await store.registered(7)
            _ = try await writer.commit([
                .start(workflow(1, id: "one")), .step(step(1, "a", order: 1)),
                .pending(PendingRecord(workflow: 1, key: "b", attempt: 1, started: 1)),
            ])
            try Stranger(scratch.file).run(sql)
            try await body(store)
        }
    }

    @Test(arguments: ["UPDATE perdure_steps SET kind = 99", "UPDATE perdure_steps SET kind = 9000000000"])
    func `a kind of step that nobody knows is an error`(_ vandalism: String) async throws {
        try await withRows(vandalism) { store in
            let error = await #expect(throws: StoreError.self) { _ = try await store.load([1], limit: 9) }
            #expect(error?.code == .rejected)
            #expect(error?.message.contains("'a'") == true)
        }
    }

    @Test(arguments: ["UPDATE perdure_live SET state = 99", "INSERT INTO perdure_outcomes VALUES (1, 99, NULL, NULL, NULL, NULL, 5)"])
    func `a state that nobody knows is an error`(_ vandalism: String) async throws {
        try await withRows(vandalism) { store in
            let error = await #expect(throws: StoreError.self) { _ = try await store.status(of: 1) }
            #expect(error?.code == .rejected)
        }
    }

    @Test(arguments: [
        "UPDATE perdure_workflows SET name = CAST(x'ff61' AS TEXT), priority = 99999999, codec = 99999999, parent = 1, close_policy = 44",
        "UPDATE perdure_steps SET attempts = 9223372036854775807, output = NULL, output_codec = -99999999, error = x'00'",
        "UPDATE perdure_pending SET attempt = -9223372036854775808, key = CAST(x'ff00ff' AS TEXT)",
        "UPDATE perdure_live SET lane = 99999, crashes = -9223372036854775808, executor = -1, due = -1",
        "INSERT INTO perdure_inbox (workflow, kind) VALUES (1, 77)", "DELETE FROM perdure_lanes", "DELETE FROM perdure_workflow_ids",
    ])
    func `everything else is read as well as it can be`(_ vandalism: String) async throws {
        try await withRows(vandalism) { store in
            #expect(try await store.load([1], limit: 9).count == 1)
            #expect(try await store.status(of: 1)?.live == .owned)
            _ = try await store.endings(of: [1])
            try await store.retire(7)
            _ = try await store.registered(8)
            _ = try await store.claimer(for: 8).claimReady(Repertoire(workflows: ["Checkout"], versions: ["1"]), limit: 9)
        }
    }

    @Test func `in tables without types too`() async throws {
        let vandalism = """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(replace(sql, ') STRICT, WITHOUT ROWID', ') WITHOUT ROWID'), ') STRICT', ')');
            PRAGMA writable_schema = RESET;
            UPDATE perdure_workflows SET name = x'fe', created = 'yesterday', due = 'soon', priority = 1.5, codec = 'json', parent = 'me';
            UPDATE perdure_steps SET ord = 'first', started = x'00', attempts = 'many', output = 5, output_codec = 'json';
            UPDATE perdure_pending SET attempt = 'twice', due = 1.5;
            UPDATE perdure_live SET due = 'never', crashes = 'often';
            """
        try await withRows(vandalism) { store in
            #expect(try await store.load([1], limit: 9).count == 1)
            #expect(try await store.status(of: 1)?.crashes == 0)
            _ = try await store.claimer(for: 7).nextDue()
        }
    }
}
