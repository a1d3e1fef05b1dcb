/// The statements of a claimer, written for one schema.
///
/// Each way to the rows is the only one that the planner is left: by position through the index of a state, or by number through the
/// primary key (`state + 0` matches no index). Statistics of a table that was tiny a moment ago are no guide.
struct ClaimStatements: Sendable {
    let glance: Statement
    let due: Statement
    let arrived: Statement
    let nextSuspect: Statement
    let suspects: Statement
    let owned: Statement
    let unbegun: Statement
    let nextDue: Statement
    let arrivals: Statement
    let forward: Statement
    let fence: Statement

    /// What a row of a claim's result says.
    enum Row: Int64 {
        /// `number` with `crashes` and `due` is ours now.
        case got = 1
        /// `number` was seen and not got: somebody else holds it, and may let it go.
        case contested = 2
        /// (`tx` or `due`, `number`) is the last in order.
        case position = 3
        /// `tx` is in progress.
        case inProgress = 4
        /// `tx` is the next transaction to begin.
        case next = 5
        /// `lane` was not looked at: its queue has changed.
        case stale = 6
        /// `lane` was not looked at: its queue is paused.
        case paused = 7
        /// `number` was contested before, and somebody still holds it.
        case held = 8
        /// `lane` was not looked at: somebody is pausing its queue, and may yet take that back.
        case closed = 9
        /// Something has arrived for `number`, which was continued as a new run.
        case late = 10
    }

    init(_ s: SchemaName) {
        glance = Statement(
            "perdure_glance",
            """
            SELECT ready, arrived, next_due, crashes, suspect_due, expired, revisions, next_schedule, pauses FROM \(s).glance($1::text[], $2::text[], $3::text[],
                $4::xid8, $5::int8, $6::int8, $7::xid8, $8::int8)
            """)
        due = Self.due(s)
        // What waits; what is nobody's and terminated; what has not begun (an even lane), or is paused, or is of a type $6 that is, and is cancelled.
        arrived = Statement(
            "perdure_claim_arrived",
            """
            WITH c AS MATERIALIZED (SELECT l.number, l.state, l.lane, l.state + 0 NOT IN (2, 5) OR \(Self.wakes(s, "$3", "$4", "$5")) OR e.ends OR e.roused AS served,
                    e.ends AND l.lane & 1 = 0 AS unbegun
                FROM \(s).live l CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = l.number
                    AND (i.kind = 2 OR i.kind = 1 AND l.lane & 1 = 0)) AS ends, $6::text[] <> '{}' AND \(Self.isServed(s, "$6", "$4", "$7"))
                    AND EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = l.number AND i.kind = 1) AS roused) e
                WHERE l.number = ANY($1::int8[]) AND l.state + 0 <> 1 AND (l.state + 0 = 2 OR l.state + 0 = 0 AND e.roused OR (SELECT true FROM \(s).inbox i
                    WHERE i.workflow = l.number AND (i.kind = 2 OR i.kind = 1 AND (l.state + 0 = 5 OR l.state + 0 = 0 AND l.lane & 1 = 0)) LIMIT 1))
                FOR UPDATE OF l SKIP LOCKED),
            u AS (\(Self.wake(s, "c", executor: "$2", probation: "CASE WHEN c.unbegun THEN \(PerdurePostgres.unbegun) ELSE l.probation END")) RETURNING l.number, l.crashes, c.served, c.state IN (0, 2, 5) AND c.lane & 1 = 0 AS fresh),
            a AS (DELETE FROM \(s).asides WHERE number = ANY(ARRAY(SELECT number FROM c WHERE state = 3)))
            SELECT number, crashes, fresh, served FROM u
            """)
        nextSuspect = Statement(
            "perdure_next_suspect",
            """
            SELECT l.crashes, l.due FROM \(s).live l WHERE l.state = 4 AND \(Self.isServed(s, "$1", "$2", "$3")) ORDER BY l.due, l.number LIMIT 1
            """)
        suspects = Statement(
            "perdure_claim_suspects",
            """
            WITH c AS MATERIALIZED (SELECT l.number, \(Self.isServed(s, "$6", "$7", "$10")) AS served FROM \(s).live l
                WHERE l.state = 4 AND l.due <= $1::int8 AND l.crashes = $2::int4
                AND \(Self.isServed(s, "$6", "$7", "$9")) ORDER BY l.due, l.number LIMIT $3::int8 FOR UPDATE OF l SKIP LOCKED),
            a AS (UPDATE \(s).live SET probation = NULL WHERE number = ANY($8::int8[]) AND state + 0 = 1 AND executor + 0 = $4::int8),
            u AS (\(Self.wake(s, "c", executor: "$4", probation: "CASE WHEN c.served THEN \(serverMicroseconds) + $5::int8 ELSE 9223372036854775807 END"))
                RETURNING l.number, l.crashes, c.served)
            SELECT number, crashes, served FROM u
            """)
        owned = Statement(
            "perdure_owned", isPrepared: false,
            "SELECT number, crashes FROM \(s).live WHERE state = 1 AND executor = $1::int8 ORDER BY number")
        unbegun = Statement(
            "perdure_unbegun", isPrepared: false,
            "SELECT number FROM \(s).live WHERE state = 1 AND executor = $1::int8 AND probation = \(PerdurePostgres.unbegun) ORDER BY number"
        )
        nextDue = Statement(
            "perdure_next_due",
            "SELECT due FROM \(s).live WHERE state = 2 AND due >= $1::int8 AND due < 9223372036854775807 ORDER BY due, number LIMIT 1")
        arrivals = Self.arrivals(s)
        forward = Statement("perdure_forward_late", isPrepared: false, "SELECT \(s).forward_inboxes($1::int8[])")
        fence = Statement("perdure_fence", "SELECT \(s).fence($1::int8, $2::int4)")
    }

    /// Whether the lane of row `l` is of these names, versions and queues.
    private static func isServed(_ s: SchemaName, _ names: String, _ versions: String, _ queues: String) -> String {
        """
        coalesce((SELECT true FROM \(s).lanes n WHERE n.lane = l.lane AND n.name = ANY(\(names)::text[]) AND n.version = ANY(\(versions)::text[])
            AND n.queue = ANY(\(queues)::text[])), false)
        """
    }

    /// Whether row `l`, which waits, runs at once: what has begun, unless others of its queue have its slot; what has not begun takes its turn.
    private static func wakes(_ s: SchemaName, _ names: String, _ versions: String, _ direct: String) -> String {
        isServed(s, names, versions, "CASE WHEN l.lane & 1 = 1 THEN \(direct)::text[] ELSE ARRAY[''] END")
    }

    /// Rows of `found` that are served go to the executor, the others become ready for those who serve them.
    private static func wake(_ s: SchemaName, _ found: String, executor: String, probation: String = "l.probation") -> String {
        """
        UPDATE \(s).live l SET state = CASE WHEN \(found).served THEN 1 ELSE 0 END, executor = CASE WHEN \(found).served THEN \(executor)::int8 END,
            due = NULL, probation = \(probation), tx = CASE WHEN \(found).served THEN l.tx ELSE pg_current_xact_id() END
        FROM \(found) WHERE l.number = \(found).number AND l.number = ANY(ARRAY(SELECT number FROM \(found)))
        """
    }

    /// Due by $4, behind ($1, $2), and of the contested $3, at most $5 for executor $6, who serves $7 and $8, and at once $9.
    private static func due(_ s: SchemaName) -> Statement {
        let mine = "SELECT number FROM y UNION ALL SELECT number FROM a"
        let contested = "l.number = c.number AND l.state + 0 = 2 AND l.due <= $4::int8"
        return Statement(
            "perdure_claim_due",
            """
            WITH y AS MATERIALIZED (SELECT r.number FROM unnest($3::int8[]) AS c(number) CROSS JOIN LATERAL (SELECT l.number FROM \(s).live l
                WHERE \(contested) FOR UPDATE SKIP LOCKED) r LIMIT $5::int8),
            a AS MATERIALIZED (SELECT number, due FROM \(s).live WHERE state = 2 AND due <= $4::int8 AND (due, number) > ($1::int8, $2::int8)
                ORDER BY due, number LIMIT (SELECT $5::int8 - count(*) FROM y) FOR UPDATE SKIP LOCKED),
            m AS MATERIALIZED (SELECT due, number FROM a ORDER BY due DESC, number DESC LIMIT 1),
            seen AS MATERIALIZED (
                SELECT number FROM \(s).live WHERE state = 2 AND (due, number) > ($1::int8, $2::int8)
                    AND (due, number) <= ((SELECT due FROM m), (SELECT number FROM m))
                UNION SELECT r.number FROM unnest($3::int8[]) AS c(number)
                    CROSS JOIN LATERAL (SELECT l.number FROM \(s).live l WHERE \(contested) OFFSET 0) r),
            f AS MATERIALIZED (SELECT l.number, \(wakes(s, "$7", "$8", "$9")) AS served, l.lane & 1 = 0 AS fresh FROM \(s).live l WHERE l.number = ANY(ARRAY(\(mine)))),
            u AS (\(wake(s, "f", executor: "$6")) RETURNING l.number, l.crashes, f.served, f.fresh)
            SELECT 1::int8, u.number, u.crashes::int8, NULL::int8, u.served, u.fresh FROM u
            UNION ALL SELECT 2, seen.number, NULL, NULL, NULL, NULL FROM seen WHERE seen.number NOT IN (\(mine))
            UNION ALL SELECT 3, m.number, NULL, m.due, NULL, NULL FROM m
            """)
    }

    /// Behind ($1, $2) and of the late $3, at most $4; no locks.
    private static func arrivals(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_arrivals",
            """
            WITH snap AS MATERIALIZED (SELECT pg_current_snapshot() AS s),
            a AS MATERIALIZED (SELECT sequence, tx, workflow FROM \(s).inbox WHERE NOT seen AND (tx, sequence) > ($1::xid8, $2::int8)
                ORDER BY tx, sequence LIMIT $4::int8),
            m AS (SELECT tx, sequence FROM a ORDER BY tx DESC, sequence DESC LIMIT 1)
            SELECT DISTINCT CASE WHEN EXISTS (SELECT FROM \(s).successors c WHERE c.previous = r.workflow AND c.kind = 4) THEN 10 ELSE 1 END::int8,
                workflow, NULL::xid8 FROM
                (SELECT workflow FROM a UNION ALL SELECT workflow FROM \(s).inbox WHERE NOT seen AND tx = ANY($3::xid8[])) r
            UNION ALL SELECT 3, m.sequence, m.tx FROM m
            UNION ALL SELECT 4, NULL, x FROM snap, pg_snapshot_xip(snap.s) x
            UNION ALL SELECT 5, (SELECT count(*) FROM a), pg_snapshot_xmax(snap.s) FROM snap
            """)
    }
}
