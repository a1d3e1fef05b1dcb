internal import Perdure

/// The statements of runs that come of earlier ones, written for one schema.
///
/// Not prepared: they are rare, and what they look up is planned for its number.
struct RunStatements: Sendable {
    static let linkNames = "number, previous, kind, step, by_whom, reason, at, origin, first, place"

    let known: Statement
    let earlier: Statement
    let takeID: Statement
    let newest: Statement
    let takeLetter: Statement
    let redriven: Statement
    let link: Statement
    let copySteps: Statement
    let copyUnordered: Statement
    let moveUnread: Statement
    let copyReplies: Statement
    let copyMessageKeys: Statement
    let event: Statement
    let streams: Statement
    let message: Statement
    let begun: Statement

    init(_ s: SchemaName) {
        known = Statement(
            "perdure_known_run", isPrepared: false, "SELECT \(WorkflowColumns.names) FROM \(s).workflows WHERE number = $1::int8")
        earlier = Statement(
            "perdure_earlier_run", isPrepared: false,
            "SELECT w.id, (SELECT true FROM \(s).outcomes o WHERE o.workflow = w.number) FROM \(s).workflows w WHERE w.number = $1::int8")
        // Whoever asks at the same time waits here for the first, and then finds its number.
        takeID = Statement(
            "perdure_take_id", isPrepared: false,
            """
            INSERT INTO \(s).workflow_ids AS i (id, number, name) VALUES ($1::text, $2::int8, $3::text)
            ON CONFLICT (id) DO UPDATE SET number = excluded.number WHERE i.number = $4::int8 RETURNING i.number
            """)
        newest = Statement("perdure_newest_run", isPrepared: false, "SELECT number FROM \(s).workflow_ids WHERE id = $1::text")
        takeLetter = Statement(
            "perdure_take_letter", isPrepared: false,
            "UPDATE \(s).dead_numbers SET redriven_as = $2::int8 WHERE number = $1::int8 AND redriven_as IS NULL")
        redriven = Statement(
            "perdure_redriven", isPrepared: false, "SELECT redriven_as FROM \(s).dead_numbers WHERE number = $1::int8")
        link = Statement(
            "perdure_link_run", isPrepared: false,
            """
            INSERT INTO \(s).successors (number, previous, kind, step, by_whom, reason, at, origin)
            VALUES ($1::int8, $2::int8, $3::int8::int2, $4::text, $5::text, $6::text, $7::int8, $8::text)
            """)
        let rest = "kind, output, output_codec, error, error_codec, started, finished, attempts"
        copySteps = Statement(
            "perdure_copy_steps", isPrepared: false,
            """
            INSERT INTO \(s).steps (workflow, key, ord, \(rest)) SELECT $2::int8, key, ord, \(rest) FROM \(s).steps
            WHERE workflow = $1::int8 AND ord < $3::int8
            """)
        copyUnordered = Statement(
            "perdure_copy_unordered", isPrepared: false,
            """
            INSERT INTO \(s).steps (workflow, key, ord, \(rest)) SELECT $2::int8, key, NULL, \(rest) FROM \(s).steps
            WHERE workflow = $1::int8 AND key = ANY($3::text[])
            """)
        moveUnread = Self.moveUnread(s)
        copyReplies = Self.copyReplies(s)
        copyMessageKeys = Self.copyMessageKeys(s)
        // Before all that the new run publishes itself.
        event = Statement(
            "perdure_copy_event", isPrepared: false,
            """
            INSERT INTO \(s).events (workflow, name, value, codec, ord, published)
            VALUES ($1::int8, $2::text, $3::bytea, $4::int8::int2, 0, $5::int8)
            """)
        streams = Statement(
            "perdure_copy_streams", isPrepared: false,
            "INSERT INTO \(s).streams (\(StreamColumns.names)) SELECT u.* FROM unnest(\(arrays(StreamColumns.types))) AS u(\(StreamColumns.names))"
        )
        message = Statement(
            "perdure_copy_message", isPrepared: false,
            """
            INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec, topic, key)
            VALUES ($1::int8, $2::int8::int2, $3::int8, $4::bytea, $5::int8::int2, $6::text, $7::text)
            """)
        begun = Statement(
            "perdure_begun_run", isPrepared: false, "UPDATE \(s).live SET lane = lane | 1, expires = NULL WHERE number = $1::int8")
    }
}

// What goes with a rewind.
extension RunStatements {
    /// Also what has come into the inbox of $1 when it had ended, of transactions that did not see that.
    private static func moveUnread(_ s: SchemaName) -> Statement {
        let columns = "sequence, kind, reference, topic, payload, codec, key"
        return Statement(
            "perdure_move_unread", isPrepared: false,
            """
            WITH u AS (DELETE FROM \(s).unread WHERE workflow = $1::int8 RETURNING \(columns)),
            i AS (DELETE FROM \(s).inbox WHERE workflow = $1::int8 AND kind IN (\(mailKinds)) RETURNING \(columns))
            INSERT INTO \(s).inbox (workflow, kind, reference, topic, payload, codec, key)
            SELECT $2::int8, kind, reference, topic, payload, codec, key FROM (SELECT * FROM u UNION ALL SELECT * FROM i) m ORDER BY sequence
            """)
    }

    private static func copyReplies(_ s: SchemaName) -> Statement {
        let columns = "request, key, output, output_codec, error, error_codec, replied, step"
        return Statement(
            "perdure_copy_replies", isPrepared: false,
            """
            INSERT INTO \(s).replies (workflow, run, \(columns))
            SELECT $2::int8, CASE WHEN run = $1::int8 THEN $2::int8 ELSE run END, \(columns) FROM \(s).replies r
            WHERE workflow = \(s).first_run($1::int8) AND (run IS DISTINCT FROM $1::int8
                OR EXISTS (SELECT FROM \(s).steps s WHERE s.workflow = $2::int8 AND s.key = r.step))
            """)
    }

    /// A key of a request goes with its answer, or with the request itself.
    private static func copyMessageKeys(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_copy_message_keys", isPrepared: false,
            """
            INSERT INTO \(s).message_keys (workflow, kind, topic, key) SELECT $2::int8, kind, topic, key FROM \(s).message_keys k
            WHERE workflow = \(s).first_run($1::int8) AND (kind = \(InboxKind.message.rawValue)
                OR EXISTS (SELECT FROM \(s).replies r WHERE r.workflow = $2::int8 AND r.request = k.topic AND r.key = k.key)
                OR EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = $2::int8 AND i.kind = \(InboxKind.request.rawValue)
                    AND i.topic = k.topic AND i.key = k.key))
            """)
    }
}

extension Rows {
    /// A row of `successors`: the columns of `RunStatements.linkNames`.
    func link(_ row: Int) -> RunLink {
        RunLink(
            number: int(row, 0), previous: int(row, 1), kind: RunKind(rawValue: int16(row, 2)) ?? .restarted, step: optionalText(row, 3),
            by: optionalText(row, 4), reason: optionalText(row, 5), at: int(row, 6), origin: optionalText(row, 7),
            chain: optionalInt(row, 8).map { RunChain(first: $0, place: int(row, 9)) })
    }
}
