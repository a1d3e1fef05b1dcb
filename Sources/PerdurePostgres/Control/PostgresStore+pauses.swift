package import Perdure

// What is paused for all engines.
extension PostgresStore {
    private static let columns = "number, kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker, revision"

    package func pauses(all: Bool) async throws(StoreError) -> [PauseRow] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_pauses", isPrepared: false,
                    "SELECT \(Self.columns) FROM \(s).pauses \(all ? "" : "WHERE ended IS NULL") ORDER BY number"))
            return rows.compactMap { rows.pause($0) }
        }
    }

    package func pause(of subject: PauseSubject) async throws(StoreError) -> PauseRow? {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_pause", isPrepared: false,
                    "SELECT \(Self.columns) FROM \(s).pauses WHERE kind = $1::text AND name = $2::text AND scope = $3::text"),
                [.text(subject.kind.rawValue), .text(subject.name), .text(subject.scope)])
            return rows.count == 0 ? nil : rows.pause(0)
        }
    }

    package func put(_ row: PauseRow, over revision: Int64) async throws(StoreError) -> PauseRow? {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            func text(_ text: String?) throws(StoreError) -> ParameterBuffer? { if let text { try .text(text) } else { nil } }
            let rows = try session.query(
                Statement(
                    "perdure_put_pause", isPrepared: false,
                    """
                    INSERT INTO \(s).pauses AS p (kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker)
                    VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::int8, $7::int8, $8::int8, $9::text, $10::text)
                    ON CONFLICT (kind, name, scope) DO UPDATE SET by_whom = excluded.by_whom, reason = excluded.reason,
                        since = excluded.since, until = excluded.until, ended = excluded.ended, ended_by = excluded.ended_by,
                        breaker = excluded.breaker, revision = p.revision + 1
                    WHERE p.revision = $11::int8 RETURNING \(Self.columns)
                    """),
                [
                    try .text(row.subject.kind.rawValue), try .text(row.subject.name), try .text(row.subject.scope), try .text(row.by),
                    try text(row.reason), .int8(row.since), row.until.map { .int8($0) }, row.ended.map { .int8($0) }, try text(row.endedBy),
                    try text(row.breaker?.text), .int8(revision),
                ])
            return rows.count == 0 ? nil : rows.pause(0)
        }
    }

    /// Each number by a look behind the one before: there may be very many rows of each.
    package func holders() async throws(StoreError) -> [Int64] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_holders", isPrepared: false,
                    """
                    WITH RECURSIVE h AS (SELECT (SELECT min(held_by) FROM \(s).pending WHERE held_by IS NOT NULL) AS number
                        UNION ALL SELECT (SELECT min(p.held_by) FROM \(s).pending p WHERE p.held_by > h.number) FROM h WHERE h.number IS NOT NULL)
                    SELECT number FROM h WHERE number IS NOT NULL
                    """))
            return rows.map { rows.int($0, 0) }
        }
    }

    package func wakeHeld(
        by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int
    ) async throws(StoreError) -> WakeReport {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_wake_held", isPrepared: false,
                    """
                    WITH p AS MATERIALIZED (SELECT workflow FROM \(s).pending WHERE held_by = $1::int8 AND workflow > $2::int8
                        ORDER BY held_by, workflow LIMIT $3::int8),
                    l AS MATERIALIZED (SELECT number FROM \(s).live WHERE number = ANY(ARRAY(SELECT workflow FROM p)) AND state + 0 = 2
                        ORDER BY number LIMIT $4::int8 FOR UPDATE SKIP LOCKED),
                    u AS (UPDATE \(s).live SET state = 0, due = NULL, tx = pg_current_xact_id()
                        WHERE number = ANY(ARRAY(SELECT number FROM l)) RETURNING number),
                    f AS (UPDATE \(s).pending SET held_by = NULL WHERE held_by = $1::int8 AND workflow = ANY(ARRAY(SELECT number FROM l)))
                    SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM p), (SELECT max(workflow) FROM p)
                    """), [.int8(number), .int8(workflow), .int8(Int64(limit)), .int8(Int64(most))])
            let isLast = rows.int(0, 1) < limit
            return WakeReport(woken: Int(rows.int(0, 0)), next: isLast ? nil : rows.int(0, 2))
        }
    }
}

extension Rows {
    /// nil for a kind that only a newer version knows.
    fileprivate func pause(_ row: Int) -> PauseRow? {
        guard let kind = PauseKind(rawValue: text(row, 1)) else { return nil }
        return PauseRow(
            number: int(row, 0), subject: PauseSubject(kind, text(row, 2), in: text(row, 3)), by: text(row, 4),
            reason: optionalText(row, 5),
            since: int(row, 6), until: optionalInt(row, 7), ended: optionalInt(row, 8), endedBy: optionalText(row, 9),
            breaker: optionalText(row, 10).flatMap { BreakerState(text: $0) }, revision: int(row, 11))
    }
}
