/// The statements of schedules, written for one schema; at the pace of schedules, none is on a hot path.
struct ScheduleStatements: Sendable {
    let list: Statement
    let lock: Statement
    let insert: Statement
    let update: Statement
    let delete: Statement
    let deleteFires: Statement
    let declare: Statement
    let declared: Statement
    let orphans: Statement
    let next: Statement
    let candidates: Statement
    let lockDue: Statement
    let closed: Statement
    let outcomes: Statement
    let fire: Statement
    let refire: Statement
    let blocks: Statement

    init(_ s: SchemaName) {
        func statement(_ name: String, _ text: String) -> Statement { Statement("perdure_schedule_" + name, isPrepared: false, text) }
        let (names, values) = (ScheduleColumns.names, ScheduleColumns.values)
        let qualified = names.map { "r.\($0)" }.joined(separator: ", ")
        let workflow = "\(s).json_of(r.definition) ->> 'workflow'"
        let orphaned = "r.declared IS NOT NULL AND \(s).schedule_is_orphaned(r.name, \(workflow), r.declared_at)"
        list = statement(
            "list",
            """
            SELECT \(qualified), \(s).open_runs(r.open), \(orphaned), r.declared IS NULL AND \(s).schedule_is_declared(r.name)
            FROM \(s).schedule_rows r WHERE $1::text[] IS NULL OR r.name = ANY($1::text[]) ORDER BY r.name
            """)
        lock = statement("lock", "SELECT \(qualified) FROM \(s).schedule_rows r WHERE r.name = $1::text FOR UPDATE")
        insert = statement(
            "insert",
            """
            INSERT INTO \(s).schedule_rows (\(names.joined(separator: ", "))) SELECT \(values.joined(separator: ", "))
            ON CONFLICT DO NOTHING RETURNING name
            """)
        update = statement(
            "update",
            """
            UPDATE \(s).schedule_rows SET (\(names.joined(separator: ", "))) = ROW (\(values.joined(separator: ", "))) WHERE name = $1::text
            """)
        delete = statement("delete", "DELETE FROM \(s).schedule_rows WHERE name = $1::text")
        deleteFires = statement("delete_fires", "DELETE FROM \(s).fires WHERE schedule = $1::text")
        declare = statement(
            "declare",
            """
            INSERT INTO \(s).declared_schedules (executor, schedule) SELECT e.executor, u.name
            FROM \(s).executors e, unnest($1::text[]) AS u(name) WHERE e.executor = $2::int8 ON CONFLICT DO NOTHING
            """)
        declared = statement(
            "declared",
            """
            UPDATE \(s).schedule_rows r SET declared_at = \(serverMicroseconds)
            FROM (SELECT name FROM \(s).schedule_rows WHERE name = ANY($1::text[]) AND declared IS NOT NULL ORDER BY name FOR UPDATE) l
            WHERE r.name = l.name
            """)
        orphans = statement(
            "orphans",
            """
            SELECT r.name FROM \(s).schedule_rows r WHERE \(orphaned) AND EXISTS (SELECT FROM \(s).served v
                WHERE v.executor = $1::int8 AND v.name = \(workflow)) ORDER BY r.name
            """)
        next = statement(
            "next", "SELECT due FROM \(s).schedule_rows WHERE due < 9223372036854775807 ORDER BY due LIMIT 1")
        // Those that are due; and those of which something waits for the end of a run.
        candidates = statement(
            "candidates",
            """
            (SELECT r.name, r.definition FROM \(s).schedule_rows r WHERE r.due <= $1::int8 AND r.due < 9223372036854775807
                ORDER BY r.due LIMIT $3::int8)
            UNION SELECT r.name, r.definition FROM \(s).schedule_rows r WHERE r.name = ANY($2::text[])
                AND (r.waiting <> '' OR r.backfills <> '' OR \(s).json_of(r.definition) ->> 'pauseOnFailure' = 'true')
            """)
        lockDue = statement(
            "lock_due",
            """
            SELECT \(qualified), \(orphaned) FROM \(s).schedule_rows r WHERE r.name = ANY($1::text[]) ORDER BY r.name
            FOR UPDATE OF r SKIP LOCKED
            """)
        closed = statement(
            "closed",
            """
            SELECT u.n, \(s).newest_run(u.n) FROM unnest($1::int8[]) AS u(n)
            WHERE NOT EXISTS (SELECT FROM \(s).live l WHERE l.number = u.n) AND \(s).current_run(u.n) IS NULL
            """)
        outcomes = statement(
            "outcomes",
            "SELECT workflow, status FROM \(s).outcomes WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8")
        fire = statement(
            "fire",
            """
            INSERT INTO \(s).fires (schedule, nominal, triggered, number, fired) SELECT u.*, \(serverMicroseconds)
            FROM unnest($1::text[], $2::int8[], $3::bool[], $4::int8[]) AS u(schedule, nominal, triggered, number) ORDER BY 1, 2, 3
            ON CONFLICT DO NOTHING RETURNING number
            """)
        refire = statement(
            "refire",
            """
            UPDATE \(s).fires f SET number = $4::int8 WHERE f.schedule = $1::text AND f.nominal = $2::int8 AND f.triggered = $3::bool
            """)
        blocks = statement("blocks", "SELECT \(s).number_block() FROM generate_series(1, $1::int4)")
    }
}
