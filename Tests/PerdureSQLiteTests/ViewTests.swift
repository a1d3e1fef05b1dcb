internal import Perdure
internal import PerdureSQLite
internal import Testing

/// The views are for people, and show something whatever is in the tables.
@Suite struct ViewTests {
    private func withRows(_ sql: String, _ body: (Stranger) throws -> Void) async throws {
        try await withStore { _, scratch in
            let stranger = try Stranger(scratch.file)
            try stranger.run(sql)
            try body(stranger)
        }
    }

    private static func insert(_ number: Int, id: String = "NULL", parent: String = "NULL", extra: String = "") -> String {
        """
        INSERT INTO perdure_workflows (number, id, queue, lane_key, priority, name, version, input, codec, parent, attributes,
            attributes_codec, created, due, deadline)
        VALUES (\(number), \(id), 'mail', '', 0, 'Ship', '2', CAST('{"a":1}' AS BLOB), 1, \(parent), CAST('{"b":2}' AS BLOB), 1,
            1700000000123456, NULL, 1700000000000000);
        \(extra)
        """
    }

    @Test(arguments: [
        (live("1, 1, 0, NULL, NULL, NULL, 0, NULL"), "queued"),
        (live("1, 1, 0, NULL, 9000000000000000, NULL, 0, NULL"), "scheduled"),
        (live("1, 1, 0, NULL, 1, NULL, 0, NULL"), "queued"),
        (live("1, 1, 1, 77, NULL, NULL, 0, NULL"), "running"),
        (live("1, 1, 2, NULL, 9223372036854775807, NULL, 0, NULL"), "waiting"),
        (live("1, 1, 3, NULL, NULL, NULL, 0, NULL"), "set aside"),
        (live("1, 1, 4, NULL, 1, NULL, 2, NULL"), "waiting"),
        ("INSERT INTO perdure_outcomes VALUES (1, 1, NULL, NULL, NULL, NULL, 5)", "completed"),
        ("INSERT INTO perdure_outcomes VALUES (1, 2, NULL, NULL, NULL, NULL, 5)", "failed"),
        ("INSERT INTO perdure_outcomes VALUES (1, 3, NULL, NULL, NULL, NULL, 5)", "cancelled"),
        ("INSERT INTO perdure_outcomes VALUES (1, 4, NULL, NULL, NULL, NULL, 5)", "terminated"),
        ("INSERT INTO perdure_outcomes VALUES (1, 5, NULL, NULL, NULL, NULL, 5)", "timed out"),
        ("INSERT INTO perdure_outcomes VALUES (1, 6, NULL, NULL, NULL, NULL, 5)", "expired"),
        ("INSERT INTO perdure_outcomes VALUES (1, 99, NULL, NULL, NULL, NULL, 5)", "unknown"),
        ("SELECT 1", "unknown"),
    ])
    func `every state has its name`(_ row: String, _ state: String) async throws {
        try await withRows(Self.insert(1, extra: row)) { stranger throws in
            #expect(try stranger.rows("SELECT id, state FROM perdure_workflow_status") == [["w0000000000000001", state]])
        }
    }

    @Test func `the columns of a workflow`() async throws {
        let rows =
            Self.insert(1, id: "'parent'") + Self.insert(2, parent: "1") + Self.insert(3, parent: "4096")
                + """
                \(live("2, 1, 3, NULL, 1700000001000000, NULL, 4, NULL"));
                INSERT INTO perdure_asides VALUES (2, 'crashed', 1);
                INSERT INTO perdure_outcomes VALUES (3, 2, NULL, NULL, CAST('{"m":"no"}' AS BLOB), 1, 1700000002500000);
                """
        try await withRows(rows) { stranger throws in
            let columns = try stranger.rows("SELECT name FROM pragma_table_info('perdure_workflow_status')").compactMap { $0[0] }
            #expect(
                columns == [
                    "id", "workflow_number", "name", "version", "queue", "state", "created_at", "finished_at", "input", "output", "error",
                    "parent_id", "attributes", "due_at", "deadline_at", "crashes", "reason", "executor", "is_served",
                    "key", "priority", "expires_at", "waits_for",
                ])
            #expect(
                try stranger.rows("SELECT * FROM perdure_workflow_status WHERE workflow_number > 1 ORDER BY workflow_number") == [
                    [
                        "w0000000000000002", "2", "Ship", "2", "mail", "set aside", "2023-11-14 22:13:20.123456Z", nil, "{\"a\":1}", nil,
                        nil,
                        "parent", "{\"b\":2}", "2023-11-14 22:13:21.000000Z", "2023-11-14 22:13:20.000000Z", "4", "crashed", nil, "0",
                        "", "0", nil, nil,
                    ],
                    [
                        "w0000000000000003", "3", "Ship", "2", "mail", "failed", "2023-11-14 22:13:20.123456Z",
                        "2023-11-14 22:13:22.500000Z", "{\"a\":1}", nil, "{\"m\":\"no\"}", "w0000000000001000", "{\"b\":2}", nil,
                        "2023-11-14 22:13:20.000000Z", "0", nil, nil, nil, "", "0", nil, nil,
                    ],
                ])
        }
    }

    @Test func `the columns of a step, in its place even when that came later`() async throws {
        try await withStore { store, scratch in
            let writer = try await store.registered(7)
            let order = StepRecord(
                workflow: 1, key: "@order#2", order: 2, kind: .order, output: EncodedPayload(codec: 0, bytes: Array("pay".utf8)),
                started: 1,
                finished: 1)
            var failed = step(1, "bad", order: 3)
            (failed.output, failed.error) = (nil, json("{}"))
            var paid = step(1, "pay", order: nil)
            paid.kind = .transaction
            _ = try await writer.commit([
                .start(workflow(1)), .step(step(1, "a", order: 1)), .step(paid), .step(order), .step(failed),
                .pending(PendingRecord(workflow: 1, key: "r", attempt: 2, started: 5, due: 1_700_000_000_000_000, error: json("{}"))),
                .pending(PendingRecord(workflow: 1, key: "p", attempt: 1, started: 5, progress: json("{\"done\":3}"))),
            ])
            let stranger = try Stranger(scratch.file)
            let columns = try stranger.rows("SELECT name FROM pragma_table_info('perdure_workflow_steps')").compactMap { $0[0] }
            #expect(
                columns == [
                    "id", "workflow_number", "workflow_name", "key", "kind", "ordinal", "state", "started_at", "finished_at", "duration_ms",
                    "attempts", "output", "error", "next_attempt_at", "progress",
                ])
            #expect(
                try stranger.rows(
                    """
                    SELECT key, kind, ordinal, state, duration_ms, output, error, next_attempt_at, progress FROM perdure_workflow_steps
                    WHERE workflow_number = 1 ORDER BY ordinal NULLS LAST, key
                    """) == [
                        ["a", "step", "1", "completed", "250.0", "1", nil, nil, nil],
                        ["pay", "transaction", "2", "completed", "250.0", "1", nil, nil, nil],
                        ["bad", "step", "3", "failed", "250.0", nil, "{}", nil, nil],
                        ["p", "step", nil, "running", nil, nil, nil, nil, "{\"done\":3}"],
                        ["r", "step", nil, "retrying", nil, nil, "{}", "2023-11-14 22:13:20.000000Z", nil],
                    ])
        }
    }

    @Test(arguments: ["x''", "x'ff00fe'", "CAST('{' AS BLOB)", "x'22ff22'", "zeroblob(100000)", "CAST('[1,2' AS BLOB)", "x'c3'"])
    func `rubbish never makes a view fail`(_ bytes: String) async throws {
        let rows = """
            INSERT INTO perdure_workflows
            VALUES (1, NULL, 'q', '', 0, CAST(x'ff' AS TEXT), '', \(bytes), 1, 1, CAST(x'fe' AS TEXT), 77, \(bytes), 1, 9223372036854775807,
                -9223372036854775808, 9223372036854775807, 9223372036854775807);
            INSERT INTO perdure_queues VALUES ('q', CAST(\(bytes) AS TEXT), CAST(\(bytes) AS TEXT), 77, NULL, 1);
            INSERT INTO perdure_queues VALUES ('r', '{"limits":[]}', '{"rateLimit":7,"perKey":"x"}', 0, NULL, 1);
            INSERT INTO perdure_letters VALUES (1, 'q', '', 5, NULL, NULL);
            \(live("1, 1, 77, 1, -9223372036854775808, 1, -1, NULL"));
            INSERT INTO perdure_outcomes VALUES (1, 1, \(bytes), 1, \(bytes), 1, 9223372036854775807);
            INSERT INTO perdure_steps VALUES (1, 'k', NULL, 77, 9223372036854775807, -9223372036854775808, 1, \(bytes), 1, \(bytes), 99);
            INSERT INTO perdure_steps VALUES (1, '@order#x', 5, 9, 0, 0, 1, \(bytes), 1, NULL, NULL);
            INSERT INTO perdure_pending VALUES (1, 'p', 1, 0, 0, \(bytes), 1, \(bytes), 1, 7);
            """
        try await withRows(rows) { stranger throws in
            #expect(try stranger.rows("SELECT * FROM perdure_workflow_status").count == 1)
            #expect(try stranger.rows("SELECT * FROM perdure_workflow_steps").count == 2)
            #expect(try stranger.rows("SELECT * FROM perdure_queue_status").count == 2)
            #expect(try stranger.rows("SELECT * FROM perdure_dead_letters").count == 1)
            try stranger.run("DELETE FROM perdure_outcomes; UPDATE perdure_live SET state = 0, due = NULL")
            #expect(try stranger.rows("SELECT * FROM perdure_workflow_status").count == 1)
        }
    }
}

/// A row of `live` with these values of its first columns.
private func live(_ values: String) -> String {
    "INSERT INTO perdure_live (number, lane, state, executor, due, deadline, crashes, probation) VALUES (\(values))"
}
