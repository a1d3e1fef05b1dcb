/// The statements of the limits that all engines share, written for one schema.
struct LimitStatements: Sendable {
    let takeSlots: Statement
    let tieSlots: Statement
    let freeSlots: Statement
    let ownSlots: Statement
    let makeRates: Statement
    let lockRates: Statement
    let now: Statement
    let standings: Statement
    let chargeRates: Statement
    let holders: Statement
    let waiting: Statement
    let take: Statement
    let cancel: Statement

    init(_ s: SchemaName) {
        // The primary key is the limit; those above one that was lowered count as well, so no more begin until they have left. In one order everywhere, so that two who want the same wait for each other in one direction.
        takeSlots = Statement(
            "perdure_take_slots",
            """
            INSERT INTO \(s).slots (queue, keyed, key, slot, executor)
            SELECT w.queue, w.keyed, w.key, f.slot, $6::int8
            FROM unnest($1::text[], $2::bool[], $3::text[], $4::int4[], $5::int8[], $7::int8[]) AS w(queue, keyed, key, capacity, wanted, revision)
            CROSS JOIN LATERAL (SELECT n AS slot FROM generate_series(0, w.capacity - 1) n WHERE NOT EXISTS (SELECT FROM \(s).slots t
                WHERE t.queue = w.queue AND t.keyed = w.keyed AND t.key = w.key AND t.slot = n) LIMIT least(w.wanted, greatest(0, w.capacity
                - (SELECT count(*) FROM \(s).slots t WHERE t.queue = w.queue AND t.keyed = w.keyed AND t.key = w.key)))) f
            WHERE w.revision IS NULL OR w.revision = (SELECT q.revision FROM \(s).queues q WHERE q.name = w.queue)
            ORDER BY w.queue, w.keyed, w.key, f.slot ON CONFLICT DO NOTHING RETURNING queue, keyed, key, slot
            """)
        let these = "unnest($1::text[], $2::bool[], $3::text[], $4::int4[]"
        tieSlots = Statement(
            "perdure_tie_slots",
            """
            UPDATE \(s).slots l SET executor = NULL, workflow = u.workflow FROM \(these), $5::int8[]) AS u(queue, keyed, key, slot, workflow)
            WHERE l.queue = u.queue AND l.keyed = u.keyed AND l.key = u.key AND l.slot = u.slot
            """)
        freeSlots = Statement(
            "perdure_free_slots",
            """
            DELETE FROM \(s).slots l USING \(these)) AS u(queue, keyed, key, slot)
            WHERE l.queue = u.queue AND l.keyed = u.keyed AND l.key = u.key AND l.slot = u.slot AND l.executor = $5::int8
            """)
        ownSlots = Statement(
            "perdure_own_slots", isPrepared: false, "SELECT queue, keyed, key, slot FROM \(s).slots WHERE executor = $1::int8")
        makeRates = Statement(
            "perdure_make_rates",
            """
            INSERT INTO \(s).rates (queue, keyed, key, starts)
            SELECT u.*, '' FROM unnest($1::text[], $2::bool[], $3::text[]) AS u(queue, keyed, key) ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
            """)
        lockRates = Statement(
            "perdure_lock_rates",
            """
            SELECT r.queue, r.keyed, r.key, r.starts FROM \(s).rates r
            WHERE (r.queue, r.keyed, r.key) IN (SELECT * FROM unnest($1::text[], $2::bool[], $3::text[]))
            ORDER BY r.queue, r.keyed, r.key FOR UPDATE
            """)
        // Only when the rows are locked: the wait for them has taken time.
        now = Statement("perdure_now", "SELECT \(serverMicroseconds)")
        standings = Statement(
            "perdure_queue_standings", "SELECT name, revision, paused_at IS NOT NULL FROM \(s).queues WHERE name = ANY($1::text[])")
        chargeRates = Statement(
            "perdure_charge_rates",
            """
            UPDATE \(s).rates r SET starts = u.starts FROM unnest($1::text[], $2::bool[], $3::text[], $4::text[]) AS u(queue, keyed, key, starts)
            WHERE r.queue = u.queue AND r.keyed = u.keyed AND r.key = u.key
            """)
        holders = Statement(
            "perdure_slot_holders", isPrepared: false,
            """
            SELECT l.workflow FROM \(s).slots l JOIN \(s).queues q ON q.name = l.queue AND q.revision = $4::int8
            WHERE l.queue = $1::text AND l.keyed = $2::bool AND l.key = $3::text ORDER BY l.workflow
            """)
        // Full also by the snapshot that finds them: what came when a holder had left is in nobody's way.
        waiting = Statement(
            "perdure_displaceable", isPrepared: false,
            """
            SELECT number FROM \(s).live WHERE state = 0 AND lane = ANY($1::int8[]) AND coalesce(due <= \(serverMicroseconds), true)
                AND (SELECT count(*) FROM \(s).slots l WHERE l.queue = $2::text AND l.keyed = $3::bool AND l.key = $4::text) >= $5::int8
            ORDER BY tx, number LIMIT 1000 FOR UPDATE SKIP LOCKED
            """)
        take = Statement(
            "perdure_displace", isPrepared: false,
            """
            UPDATE \(s).live SET state = 1, executor = $2::int8, probation = \(unbegun) WHERE number = ANY($1::int8[]) AND state + 0 = 0
            RETURNING number, crashes
            """)
        cancel = Statement(
            "perdure_cancel_holders", isPrepared: false,
            """
            INSERT INTO \(s).inbox (workflow, kind) SELECT u.number, 1 FROM unnest($1::int8[]) AS u(number)
            WHERE EXISTS (SELECT FROM \(s).live l WHERE l.number = u.number)
                AND NOT EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = u.number AND i.kind = 1) RETURNING workflow
            """)
    }
}
