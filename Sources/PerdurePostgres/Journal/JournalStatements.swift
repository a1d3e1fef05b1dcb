internal import Perdure

/// What a batch does where a row is there already.
enum Duplicates {
    /// It fails as a whole. A batch that is sent for the first time meets none, and a row that need not be tried before it is inserted costs half.
    case fail
    /// The row that is there wins, and is read afterwards: for what was perhaps sent before.
    case keepFirst

    var clause: String { self == .fail ? "" : "ON CONFLICT DO NOTHING" }
    var suffix: String { self == .fail ? "" : "_again" }
}

/// The statements of a batch, written for one schema.
///
/// Rows of `live` are found by number: `state + 0` matches no index, for that of all that an executor owns would be a long way round.
struct JournalStatements: Sendable {
    let rows: StepStatements
    let effects: EffectStatements
    let start: Statement
    let startChild: Statement
    let groups: GroupStatements
    /// The same where some have attributes: those that have none pay nothing for them.
    let startWithAttributes: Statement
    let startChildWithAttributes: Statement
    let deliver: Statement
    let suspend: Statement
    let release: Statement
    let setAside: Statement
    let pause: Statement
    let finish: Statement
    /// The same where one of them comes to no good end: what it has not received is kept.
    let finishKeeping: Statement
    let goOn: ContinueStatements
    let leaveQueue: Statement
    let bury: Statement
    let fence: Statement
    let forgive: Statement

    init(_ s: SchemaName, _ duplicates: Duplicates) {
        rows = StepStatements(s, duplicates)
        effects = EffectStatements(s, duplicates)
        start = Self.start(s, duplicates)
        startChild = Self.startChild(s, duplicates)
        groups = GroupStatements(s, duplicates)
        startWithAttributes = Self.start(s, duplicates, attributes: true)
        startChildWithAttributes = Self.startChild(s, duplicates, attributes: true)
        deliver = Statement(
            "perdure_deliver",
            """
            INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec)
            SELECT r.receiver, u.kind, u.reference, u.payload, u.codec
            FROM unnest(\(arrays(InboxColumns.types))) AS u(\(InboxColumns.names))
            CROSS JOIN LATERAL (SELECT \(receiver(s, "u")) AS receiver OFFSET 0) r
            WHERE r.receiver IS NOT NULL
                AND (SELECT true FROM \(s).inbox i WHERE i.workflow = r.receiver AND i.kind = u.kind
                    AND i.reference IS NOT DISTINCT FROM u.reference AND i.payload IS NOT DISTINCT FROM u.payload LIMIT 1) IS NULL
            """)
        suspend = Statement(
            "perdure_suspend",
            """
            UPDATE \(s).live l SET state = 2, executor = NULL, due = u.due, crashes = 0, probation = NULL, lane = l.lane | 1
            FROM unnest($1::int8[], $2::int8[]) AS u(number, due)
            WHERE l.number = u.number AND l.number = ANY($1::int8[]) AND l.state + 0 = 1 AND l.executor + 0 = $3::int8
            """)
        release = Statement(
            "perdure_release",
            """
            UPDATE \(s).live SET state = CASE WHEN crashes >= \(CrashRules.suspicion) THEN 4 ELSE 0 END, executor = NULL,
                lane = lane | CASE WHEN probation = \(unbegun) THEN 0 ELSE 1 END, tx = pg_current_xact_id(), probation = NULL,
                due = CASE WHEN crashes >= \(CrashRules.suspicion) THEN coalesce(due, \(serverMicroseconds)) ELSE due END
            WHERE number = ANY($1::int8[]) AND state + 0 = 1 AND executor + 0 = $2::int8
            """)
        pause = Self.pause(s)
        setAside = Statement(
            "perdure_set_aside",
            """
            WITH l AS (UPDATE \(s).live SET state = 3, executor = NULL, probation = NULL
                WHERE number = ANY($1::int8[]) AND state + 0 = 1 AND executor + 0 = $4::int8 RETURNING number)
            INSERT INTO \(s).asides (number, reason, since)
            SELECT u.* FROM unnest($1::int8[], $2::text[], $3::int8[]) AS u(number, reason, since) WHERE u.number IN (SELECT number FROM l)
            ON CONFLICT (number) DO UPDATE SET reason = excluded.reason, since = excluded.since
            """)
        finish = Self.finish(s, duplicates)
        finishKeeping = Self.finish(s, duplicates, keeping: true)
        goOn = ContinueStatements(s)
        leaveQueue = Statement("perdure_leave_queue", "DELETE FROM \(s).slots WHERE workflow = ANY($1::int8[])")
        // Only what has ended so: what was not the executor's any more is somebody else's to bury.
        bury = Statement(
            "perdure_bury",
            """
            INSERT INTO \(s).dead_numbers (number, queue, key, since)
            SELECT u.number, u.queue, u.key, u.finished
            FROM unnest($1::int8[], $2::text[], $3::text[], $4::int2[], $5::int8[]) AS u(number, queue, key, status, finished)
            WHERE (SELECT o.status FROM \(s).outcomes o WHERE o.workflow = u.number) = u.status ON CONFLICT DO NOTHING
            """)
        fence = Statement("perdure_fence", "SELECT \(s).fence($1::int8, $2::int4)")
        forgive = Statement(
            "perdure_forgive",
            "UPDATE \(s).live SET crashes = 0 WHERE number = ANY($1::int8[]) AND crashes > 0 AND executor + 0 = $2::int8")
    }

    /// `$n` is the executor that owns what is new; behind it are the attributes.
    private static func start(_ s: SchemaName, _ duplicates: Duplicates, attributes: Bool = false) -> Statement {
        let (names, types) = (WorkflowColumns.names, WorkflowColumns.types)
        let insertion = attributes ? ",\n" + AttributeColumns.insertion(s, from: types.count + 2) : ""
        let suffix = attributes ? "_with_attributes" : ""
        if duplicates == .fail {
            // Each row is new, or none is written.
            return Statement(
                "perdure_start\(suffix)",
                """
                WITH u AS MATERIALIZED (SELECT * FROM unnest(\(arrays(types))) AS u(\(names), lane)),
                w AS (INSERT INTO \(s).workflows (\(names)) SELECT \(names) FROM u\(attributes ? " RETURNING number" : ""))\(insertion)
                INSERT INTO \(s).live (number, lane, state, executor, due, deadline, expires)
                    SELECT u.number, u.lane, 1, $\(types.count + 1)::int8, u.due, u.deadline, u.expires FROM u
                """)
        }
        return Statement(
            "perdure_start\(suffix)\(duplicates.suffix)",
            """
            WITH u AS MATERIALIZED (SELECT * FROM unnest(\(arrays(types))) AS u(\(names), lane)),
            w AS (INSERT INTO \(s).workflows (\(names)) SELECT \(names) FROM u \(duplicates.clause) RETURNING number),
            l AS (INSERT INTO \(s).live (number, lane, state, executor, due, deadline, expires)
                SELECT u.number, u.lane, 1, $\(types.count + 1)::int8, u.due, u.deadline, u.expires FROM u WHERE u.number IN (SELECT number FROM w))\(insertion)
            SELECT CASE WHEN (SELECT count(*) FROM w) < cardinality($1::int8[])
                THEN \(s).check_starts($1::int8[], $6::text[], $15::int8[], $2::text[])::text END
            """)
    }

    private static func startChild(_ s: SchemaName, _ duplicates: Duplicates, attributes: Bool = false) -> Statement {
        let (names, types) = (WorkflowColumns.names, WorkflowColumns.types)
        let stepNames = StepColumns.names.split(separator: ", ")
        let owned = types.count + 1
        let executor = owned + StepColumns.types.count + 1
        let insertion = attributes ? ",\n" + AttributeColumns.insertion(s, from: executor + 1) : ""
        return Statement(
            "perdure_start_child\(attributes ? "_with_attributes" : "")\(duplicates.suffix)",
            """
            WITH u AS MATERIALIZED (SELECT * FROM unnest(\(arrays(types)), $\(owned)::bool[], \(arrays(StepColumns.types, from: owned + 1)))
                AS u(\(names), lane, owned, \(stepNames.map { "s_" + $0 }.joined(separator: ", ")))),
            s AS (INSERT INTO \(s).steps (\(StepColumns.names)) SELECT \(stepNames.map { "s_" + $0 }.joined(separator: ", ")) FROM u
                \(duplicates.clause) RETURNING workflow, key),
            w AS (INSERT INTO \(s).workflows (\(names)) SELECT \(names) FROM u WHERE (u.s_workflow, u.s_key) IN (SELECT workflow, key FROM s)
                \(duplicates.clause) RETURNING number),
            f AS (\(StepStatements.forgiving(s, executor))),
            l AS (INSERT INTO \(s).live (number, lane, state, executor, due, deadline, expires)
                SELECT u.number, u.lane, CASE WHEN u.owned THEN 1 ELSE 0 END, CASE WHEN u.owned THEN $\(executor)::int8 END,
                    u.due, u.deadline, u.expires FROM u WHERE u.number IN (SELECT number FROM w))\(insertion)
            SELECT count(*), CASE WHEN count(*) > (SELECT count(*) FROM w)
                THEN \(s).check_starts($1::int8[], $6::text[], $15::int8[], $2::text[])::text END FROM s
            """)
    }

    /// What is still asked for in the inbox is done; what is not was resumed meanwhile, and is handed back.
    private static func pause(_ s: SchemaName) -> Statement {
        let mine = "l.state + 0 = 1 AND l.executor + 0 = $2::int8"
        return Statement(
            "perdure_pause",
            """
            WITH d AS (DELETE FROM \(s).inbox i WHERE i.workflow = ANY($1::int8[]) AND i.kind = \(InboxKind.intervention.rawValue)
                AND i.topic = '\(InterventionKind.pause.rawValue)'
                AND (SELECT true FROM \(s).live l WHERE l.number = i.workflow AND \(mine)) RETURNING i.workflow, i.kind, i.reference),
            a AS (\(StepStatements.applying(s)))
            UPDATE \(s).live l SET executor = NULL, tx = pg_current_xact_id(), probation = NULL,
                lane = l.lane | CASE WHEN l.probation = \(unbegun) THEN 0 ELSE 1 END,
                state = CASE WHEN p.is_asked THEN 5 WHEN l.crashes >= \(CrashRules.suspicion) THEN 4 ELSE 0 END,
                due = CASE WHEN p.is_asked THEN NULL WHEN l.crashes >= \(CrashRules.suspicion) THEN coalesce(l.due, \(serverMicroseconds))
                    ELSE l.due END
            FROM (SELECT u.number, u.number IN (SELECT workflow FROM d) AS is_asked FROM unnest($1::int8[]) AS u(number)) p
            WHERE l.number = p.number AND l.number = ANY($1::int8[]) AND \(mine)
            """)
    }

    /// Only what was ours gets an outcome, and only an outcome tells others.
    ///
    /// What ends in the same batch is told nothing.
    private static func finish(_ s: SchemaName, _ duplicates: Duplicates, keeping: Bool = false) -> Statement {
        let outcome = OutcomeColumns.types.count
        let columns = "workflow, sequence, kind, reference, payload, codec, topic, key"
        let keep = """
            ,
            k AS (INSERT INTO \(s).unread (\(columns)) SELECT \(columns) FROM x WHERE kind IN (\(mailKinds)) AND workflow IN (
                SELECT u.workflow FROM unnest($1::int8[], $2::int2[]) AS u(workflow, status)
                WHERE u.status <> \(OutcomeStatus.completed.rawValue)))
            """
        return Statement(
            "perdure_finish\(keeping ? "_keeping" : "")\(duplicates.suffix)",
            """
            WITH d AS (DELETE FROM \(s).live WHERE number = ANY($1::int8[]) AND state + 0 = 1 AND executor + 0 = $\(outcome + 1)::int8 RETURNING number),
            o AS (INSERT INTO \(s).outcomes (workflow, status, output, output_codec, error, error_codec, finished)
                SELECT u.* FROM unnest(\(arrays(OutcomeColumns.types))) AS u(workflow, status, output, output_codec, error, error_codec, finished)
                WHERE u.workflow IN (SELECT number FROM d) \(duplicates.clause)),
            i AS (INSERT INTO \(s).inbox (workflow, kind, reference, payload, codec, topic)
                SELECT r.receiver, u.kind, u.reference, u.payload, u.codec, u.topic
                FROM unnest(\(arrays(InboxColumns.types, from: outcome + 2))) AS u(\(InboxColumns.names))
                CROSS JOIN LATERAL (SELECT \(receiver(s, "u")) AS receiver OFFSET 0) r
                WHERE u.sender IN (SELECT number FROM d) AND u.workflow NOT IN (SELECT number FROM d) AND r.receiver IS NOT NULL),
            x AS (DELETE FROM \(s).inbox WHERE workflow = ANY(ARRAY(SELECT number FROM d))\(keeping ? " RETURNING \(columns)" : ""))\(keeping ? keep : ""),
            y AS (DELETE FROM \(s).pending WHERE workflow = ANY(ARRAY(SELECT number FROM d))),
            z AS (DELETE FROM \(s).asides WHERE number = ANY(ARRAY(SELECT number FROM d)))
            SELECT count(*) FROM d
            """)
    }
}
