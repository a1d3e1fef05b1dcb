/// The statements of queues, written for one schema; none is on a hot path.
struct QueueStatements: Sendable {
    let before: Statement
    let declare: Statement
    let freeOwn: Statement
    let awaitClaims: Statement
    let rows: Statement
    let limits: Statement
    let pause: Statement
    let resume: Statement
    let counts: Statement
    let deadLetters: Statement
    let redrive: Statement
    let add: Statement
    let gather: Statement
    let nextItem: Statement

    init(_ s: SchemaName) {
        func statement(_ name: String, _ text: String) -> Statement { Statement("perdure_queue_" + name, isPrepared: false, text) }
        let columns = """
            q.name, q.declared, q.changed, q.paused_at IS NOT NULL, q.pause_reason, q.revision, (SELECT count(*) FROM \(s).served_queues v
                JOIN \(s).executors e ON e.executor = v.executor WHERE v.queue = q.name AND e.lease_until > \(serverMicroseconds))
            """
        before = statement("before", "SELECT \(columns) FROM \(s).queues q WHERE q.name = ANY($1::text[]) ORDER BY q.name FOR UPDATE")
        declare = statement(
            "declare",
            """
            INSERT INTO \(s).queues AS q (name, declared, revision)
            SELECT u.name, u.declared, 1 FROM unnest($1::text[], $2::text[]) AS u(name, declared) ORDER BY u.name
            ON CONFLICT (name) DO UPDATE SET declared = excluded.declared, revision = q.revision + 1 WHERE q.declared <> excluded.declared
            """)
        awaitClaims = statement("await_claims", "SELECT \(s).await_claims($1::text)")
        freeOwn = statement("free_own", "DELETE FROM \(s).slots WHERE queue = ANY($1::text[]) AND workflow IS NOT NULL")
        rows = statement(
            "rows", "SELECT \(columns) FROM \(s).queues q WHERE $1::text[] IS NULL OR q.name = ANY($1::text[]) ORDER BY q.name")
        limits = statement("limits", "SELECT \(s).set_limits($1::text, $2::text, $3::int8)")
        pause = statement("pause", "SELECT \(s).pause_queue($1::text, $2::text)")
        resume = statement("resume", "SELECT \(s).resume_queue($1::text)")
        counts = statement("counts", "SELECT waiting, delayed, running, oldest, items FROM \(s).queue_counts($1::text)")
        deadLetters = statement(
            "dead_letters",
            """
            SELECT w.number, w.id, w.queue, w.lane_key, w.priority, w.name, w.version, o.status, o.error, o.error_codec, o.finished
            FROM (SELECT d.number FROM \(s).dead_numbers d WHERE d.redriven_as IS NULL AND ($1::text IS NULL OR d.queue = $1::text)
                AND d.number > $2::int8 ORDER BY d.number LIMIT $3::int8) d
            JOIN \(s).workflows w ON w.number = d.number JOIN \(s).outcomes o ON o.workflow = d.number ORDER BY w.number
            """)
        redrive = statement("redrive", "SELECT * FROM \(s).redrive_these($1::int8[], $2::int8[], $3::int8)")
        add = statement(
            "add",
            """
            INSERT INTO \(s).items (queue, lane_key, priority, name, version, payload, created)
            SELECT u.queue, u.lane_key, u.priority, u.name, u.version, u.payload, \(serverMicroseconds)
            FROM unnest($1::text[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::bytea[])
                WITH ORDINALITY AS u(queue, lane_key, priority, name, version, payload, place) ORDER BY u.place
            """)
        gather = statement("gather", "SELECT \(s).gather($1::text, $2::int4, $3::int8, $4::int8)")
        nextItem = statement(
            "next_item",
            """
            SELECT min(i.created + u.within) - \(serverMicroseconds) FROM unnest($1::text[], $2::int8[]) AS u(queue, within)
            CROSS JOIN LATERAL (SELECT i.created FROM \(s).items i WHERE i.queue = u.queue ORDER BY i.created LIMIT 1) i
            """)
    }
}
