package import Perdure

extension PostgresStore {
    package func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        let statement = Statement(
            "perdure_number_of_id", isPrepared: false, "SELECT number FROM \(schema).workflow_ids WHERE id = $1::text")
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.text(id)])
            return rows.count == 0 ? nil : rows.int(0, 0)
        }
    }

    package func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            // One snapshot: a workflow that ends meanwhile is seen before or after, never in between.
            let snapshot = Statement("perdure_snapshot", isPrepared: false, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let number = ParameterBuffer.int8(number)
            func read(_ name: String, _ text: String) -> Request { Request(Statement(name, isPrepared: false, text), [number]) }
            let results = try session.pipeline([
                Request(snapshot),
                read("perdure_status", "SELECT \(WorkflowColumns.names), \(isServed(s)) FROM \(s).workflows w WHERE number = $1::int8"),
                read(
                    "perdure_status_live",
                    """
                    SELECT l.state, l.executor, l.due, l.crashes, a.reason FROM \(s).live l LEFT JOIN \(s).asides a ON a.number = l.number
                    WHERE l.number = $1::int8
                    """),
                read("perdure_status_outcome", "SELECT \(Self.outcomeNames) FROM \(s).outcomes WHERE workflow = $1::int8"),
                read(
                    "perdure_status_pending",
                    """
                    SELECT workflow, key, attempt, started, due, error, error_codec, progress, progress_codec FROM \(s).pending
                    WHERE workflow = $1::int8 ORDER BY key
                    """),
                Request(.commit),
            ])
            let (workflow, live, outcome, pending) = (results[1], results[2], results[3], results[4])
            if workflow.count == 0 { return nil }
            var status = StatusRecord(record: workflow.workflow(0, 0))
            if live.count > 0 {
                status.live = LiveState(rawValue: live.int16(0, 0))
                status.executor = live.optionalInt(0, 1)
                status.due = live.optionalInt(0, 2)
                status.crashes = Int(live.int(0, 3))
                status.reason = live.optionalText(0, 4)
            }
            if outcome.count == 0 { status.isServed = workflow.bool(0, workflow.columns - 1) }
            if outcome.count > 0 { status.outcome = outcome.outcome(0, 0) }
            status.pending = pending.map { pending.pending($0, 0) }
            return status
        }
    }

    package func endings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending] {
        guard let least = numbers.min(), let most = numbers.max() else { return [] }
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let all = ParameterBuffer.int8s(numbers)
            let results = try session.pipeline([
                Request(
                    Statement(
                        "perdure_endings", isPrepared: false,
                        "SELECT \(Self.outcomeNames) FROM \(s).outcomes WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8"
                    ),
                    [all, .int8(least), .int8(most)]),
                Request(
                    Statement(
                        "perdure_asides", isPrepared: false,
                        """
                        SELECT a.number, a.reason FROM \(s).asides a
                        WHERE a.number = ANY($1::int8[]) AND (SELECT true FROM \(s).live l WHERE l.number = a.number AND l.state = 3)
                        """), [all]),
            ])
            let (outcomes, asides) = (results[0], results[1])
            return outcomes.map { Ending.outcome(outcomes.outcome($0, 0)) }
                + asides.map { Ending.setAside(asides.int($0, 0), reason: asides.text($0, 1)) }
        }
    }

    package func deliver(_ items: [InboxItem]) async throws(StoreError) {
        if items.isEmpty { return }
        let statement = Self.delivery(schema)
        try await connection(.reads).runConnected { session throws(StoreError) in
            _ = try session.query(statement, Self.columns(items))
        }
    }

    package func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        let statement = Statement(
            "perdure_resume", isPrepared: false,
            """
            WITH l AS (UPDATE \(schema).live SET state = 0, lane = lane | 1, tx = pg_current_xact_id(), crashes = 0, due = NULL
                WHERE number = $1::int8 AND state = 3 RETURNING number),
            a AS (DELETE FROM \(schema).asides WHERE number IN (SELECT number FROM l))
            SELECT count(*) FROM l
            """)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            try session.query(statement, [.int8(number)]).int(0, 0) > 0
        }
    }

    private static let outcomeNames = "workflow, status, output, output_codec, error, error_codec, finished"

    /// Into the inboxes of workflows that are open.
    ///
    /// Not prepared: `live` may be tiny today and large tomorrow.
    static func delivery(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_delivery", isPrepared: false,
            """
            INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec)
            SELECT u.workflow, u.kind, u.reference, u.payload, u.codec
            FROM unnest(\(arrays(InboxColumns.types))) WITH ORDINALITY AS u(sender, workflow, kind, reference, payload, codec, place)
            WHERE (SELECT true FROM \(s).live l WHERE l.number = u.workflow LIMIT 1) ORDER BY u.place
            """)
    }

    static func columns(_ items: [InboxItem]) -> [ParameterBuffer?] {
        let columns = InboxColumns()
        for item in items { columns.append(item) }
        return columns.parameters
    }
}
