/// The statements that find and claim what is ready, written for one schema.
struct ReadyStatements: Sendable {
    let scout: Statement
    let lanes: Statement
    /// Of one lane for each ask, of which nothing was left before.
    let claim: Statement
    let claimLeftovers: Statement
    let expired: Statement
    /// Before a claim from named queues, in a statement of its own: what the claim then sees is from after any pause that has returned.
    ///
    /// A queue that somebody is pausing at this moment is left out, and nobody waits for the end of that transaction: the claim reads
    /// their names from a setting that lasts as long as its own.
    let enter: Statement

    init(_ s: SchemaName) {
        scout = Self.scout(s)
        lanes = Statement(
            "perdure_lanes", isPrepared: false,
            "SELECT lane, queue, lane_key, priority, name, version, returned FROM \(s).lanes WHERE lane = ANY($1::int8[])")
        enter = Statement(
            "perdure_enter_queues",
            """
            SELECT set_config('perdure.closed_queues', coalesce((SELECT array_agg(u.name)::text FROM unnest($1::text[]) AS u(name)
                WHERE NOT pg_try_advisory_xact_lock_shared(\(s.queueLockClass), hashtext(u.name))), ''), true)
            """)
        claim = Self.claim(s, leftovers: false)
        claimLeftovers = Self.claim(s, leftovers: true)
        expired = Statement(
            "perdure_claim_expired",
            """
            WITH c AS MATERIALIZED (SELECT number FROM \(s).live WHERE \(expiring) AND expires <= $1::int8 ORDER BY expires, number
                LIMIT $2::int8 FOR UPDATE SKIP LOCKED)
            UPDATE \(s).live SET state = 1, executor = $3::int8, due = NULL, probation = \(unbegun)
            WHERE number = ANY(ARRAY(SELECT number FROM c)) RETURNING number, crashes
            """)
    }

    /// The lanes of what became ready behind ($1, $2) and of the late $3; at most $4 rows, no locks.
    private static func scout(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_scout",
            """
            WITH snap AS MATERIALIZED (SELECT pg_current_snapshot() AS s),
            a AS MATERIALIZED (SELECT tx, number, lane FROM \(s).live WHERE \(arriving) AND (tx, number) > ($1::xid8, $2::int8)
                ORDER BY tx, number LIMIT $4::int8),
            m AS (SELECT tx, number FROM a ORDER BY tx DESC, number DESC LIMIT 1)
            SELECT DISTINCT 1::int8, lane, NULL::xid8 FROM (SELECT lane FROM a UNION ALL SELECT r.lane FROM unnest($3::xid8[]) AS t(tx)
                CROSS JOIN LATERAL (SELECT DISTINCT lane FROM \(s).live WHERE \(arriving) AND tx = t.tx) r) r
            UNION ALL SELECT 3, m.number, m.tx FROM m
            UNION ALL SELECT 4, NULL, x FROM snap, pg_snapshot_xip(snap.s) x
            UNION ALL SELECT 5, (SELECT count(*) FROM a), pg_snapshot_xmax(snap.s) FROM snap
            """)
    }

    /// For executor $6 at its time $7, of each lane $1 for ask $2 what is behind ($3, $4), at most $5.
    ///
    /// It is locked and written where the index says that it is: one that has moved since is contested, and looked for anew.
    /// Each row is looked up by itself (LATERAL), for a join is free to go through all that there are, and in a plan that is kept it would.
    /// Lanes whose queue $8 is not of revision $9 any more are left alone, and so is what has not begun of a queue that is paused. Of each ask the oldest go first, whichever lane they are in. What was
    /// seen and not got is contested. With `leftovers` there may be several lanes of an ask, and it is asked for rows of the late transactions
    /// $12 of lanes $10 (asks $11, at most $13) and for the contested rows $16 of lanes $14 (asks $15, at most $17), up to ($18, $19). Those of
    /// them that somebody still holds take nobody's place.
    private static func claim(_ s: SchemaName, leftovers: Bool) -> Statement {
        let bar = """
            CASE WHEN t.queue = '' THEN 0 ELSE coalesce((SELECT CASE WHEN q.revision <> t.revision THEN 1
                WHEN t.lane & 1 = 1 THEN 0 WHEN q.paused_at IS NOT NULL THEN 2
                WHEN q.name = ANY(nullif(current_setting('perdure.closed_queues', true), '')::text[]) THEN 4 ELSE 0 END
                FROM \(s).queues q WHERE q.name = t.queue), 1) END
            """
        let behind = """
            SELECT t.lane, t.ask, t.want, r.number, r.tx, r.place FROM lanes t
                CROSS JOIN LATERAL (SELECT l.number, l.tx, l.ctid AS place FROM \(s).live l WHERE l.state = 0 AND l.lane = t.lane AND (l.tx, l.number) > (t.tx, t.number) ORDER BY l.tx, l.number LIMIT t.want) r
                WHERE t.bar = 0
            """
        // What is fresh, and for which nothing has arrived, need not be read again; but a claim carries nothing large.
        let asked = """
            SELECT * FROM \(s).workflows w WHERE w.number = u.number AND u.lane & 1 = 0 AND u.state = 1 AND octet_length(w.input) <= 65536
            AND NOT EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = u.number)
            """
        // One lane for each ask: what was found is in order, and no more than was asked for.
        let oldest = leftovers ? Self.oldest(s, behind) : behind
        let contested = leftovers ? Self.contested(s) : ""
        let nothing = WorkflowColumns.nameList.map { _ in "NULL" }.joined(separator: ", ")
        let held = leftovers ? "UNION ALL SELECT 8, h.number, h.lane, NULL, NULL, h.tx, NULL, \(nothing) FROM h" : ""
        return Statement(
            leftovers ? "perdure_claim_leftovers" : "perdure_claim_ready",
            """
            WITH snap AS MATERIALIZED (SELECT pg_current_snapshot() AS s),
            lanes AS MATERIALIZED (SELECT t.*, \(bar) AS bar FROM unnest($1::int8[], $2::int4[], $3::xid8[], $4::int8[], $5::int8[],
                $8::text[], $9::int8[]) AS t(lane, ask, tx, number, want, queue, revision)),
            \(contested)
            g AS MATERIALIZED (\(oldest)),
            k AS MATERIALIZED (SELECT r.place FROM g CROSS JOIN LATERAL (SELECT l.ctid AS place FROM \(s).live l WHERE l.ctid = g.place
                AND l.lane + 0 = g.lane AND l.state + 0 = 0 FOR UPDATE SKIP LOCKED) r),
            u AS (UPDATE \(s).live l SET state = CASE WHEN due > $7::int8 THEN 2 ELSE 1 END, executor = CASE WHEN due > $7::int8 THEN NULL
                ELSE $6::int8 END, probation = CASE WHEN lane & 1 = 0 AND expires <= $7::int8 AND coalesce(due <= $7::int8, true) THEN \(unbegun)
                ELSE probation END FROM k WHERE l.ctid = k.place RETURNING number, lane, crashes, due, state, expires, tx)
            SELECT 1::int8, u.number, u.lane, u.crashes::int8, CASE WHEN u.state = 2 THEN u.due END, u.tx,
                coalesce(u.expires <= $7::int8, false), \(WorkflowColumns.nameList.map { "w." + $0 }.joined(separator: ", "))
            FROM u LEFT JOIN LATERAL (\(asked)) w ON true
            UNION ALL SELECT 2, g.number, g.lane, NULL, NULL, g.tx, NULL, \(nothing) FROM g WHERE g.number NOT IN (SELECT number FROM u)
            \(held)
            UNION ALL SELECT 4, NULL, NULL, NULL, NULL, x, NULL, \(nothing) FROM snap, pg_snapshot_xip(snap.s) x
            UNION ALL SELECT 5, NULL, NULL, NULL, NULL, pg_snapshot_xmax(snap.s), NULL, \(nothing) FROM snap
            UNION ALL SELECT 5 + t.bar, NULL, t.lane, NULL, NULL, NULL, NULL, \(nothing) FROM lanes t WHERE t.bar > 0
            """)
    }

    /// Of the contested rows those that nobody holds any more, `c`, and those that somebody does, `h`.
    ///
    /// What has become ready anew is behind the position again, and is found there.
    private static func contested(_ s: SchemaName) -> String {
        let rows = """
            unnest($14::int8[], $15::int4[], $16::int8[], $17::int8[], $18::xid8[], $19::int8[]) AS t(lane, ask, number, want, to_tx, to_number)
            CROSS JOIN LATERAL (SELECT l.number, l.tx, l.ctid AS place FROM \(s).live l WHERE l.number = t.number AND l.lane + 0 = t.lane
                AND l.state + 0 = 0 AND (l.tx, l.number) <= (t.to_tx, t.to_number)
            """
        return """
            c AS MATERIALIZED (SELECT t.lane, t.ask, t.want, r.number, r.tx, r.place FROM \(rows) FOR UPDATE SKIP LOCKED) r),
            h AS MATERIALIZED (SELECT t.lane, r.number, r.tx FROM \(rows)) r WHERE r.number NOT IN (SELECT number FROM c)),
            """
    }

    /// Of each ask the oldest of what is behind the positions, late, or contested.
    private static func oldest(_ s: SchemaName, _ behind: String) -> String {
        """
        SELECT lane, ask, want, number, tx, place FROM (SELECT f.*, row_number() OVER (PARTITION BY f.ask ORDER BY f.tx, f.number) AS turn FROM (
            \(behind)
            UNION SELECT t.lane, t.ask, t.want, r.number, r.tx, r.place FROM unnest($10::int8[], $11::int4[], $12::xid8[], $13::int8[])
                AS t(lane, ask, tx, want) CROSS JOIN LATERAL (SELECT l.number, l.tx, l.ctid AS place FROM \(s).live l WHERE l.state = 0 AND l.lane = t.lane
                AND l.tx = t.tx AND l.number <> ALL ($16::int8[]) ORDER BY l.number LIMIT t.want) r
            UNION SELECT lane, ask, want, number, tx, place FROM c
            ) f) p WHERE p.turn <= p.want AND NOT EXISTS (SELECT FROM lanes t WHERE t.lane = p.lane AND t.bar > 0)
        """
    }
}
