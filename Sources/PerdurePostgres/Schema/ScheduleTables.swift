/// The tables of schedules: a row for each, one for each time that has fired, and who declares which.
///
/// What waits, what is made up for and what is open are lists of words in text, as `StoredWord`.
func scheduleTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).schedule_rows (name text PRIMARY KEY, definition text NOT NULL, input bytea NOT NULL, codec int2 NOT NULL,
        declared text, declared_at int8, revision int8 NOT NULL, handled int8 NOT NULL, due int8 NOT NULL, next int8,
        waiting text NOT NULL, backfills text NOT NULL, open text NOT NULL, runs_left int8, paused_at int8, pause_reason text,
        started int8 NOT NULL, skipped int8 NOT NULL, missed int8 NOT NULL, dropped int8 NOT NULL, last_at int8, last_id text,
        triggered int8 NOT NULL)
        WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    CREATE INDEX schedule_rows_due ON \(s).schedule_rows (due) WHERE due < 9223372036854775807;
    CREATE TABLE \(s).fires (schedule text NOT NULL, nominal int8 NOT NULL, triggered bool NOT NULL, number int8 NOT NULL, fired int8 NOT NULL,
        PRIMARY KEY (schedule, nominal, triggered));
    CREATE TABLE \(s).declared_schedules (executor int8 NOT NULL, schedule text NOT NULL, PRIMARY KEY (executor, schedule));
    """
}

/// What people read about schedules: a documented, stable contract, as `views` is.
func scheduleViews(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).schedule_is_declared(schedule text) RETURNS bool LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT EXISTS (SELECT FROM \(s).declared_schedules d JOIN \(s).executors e ON e.executor = d.executor
            WHERE d.schedule = schedule_is_declared.schedule AND e.lease_until > \(serverMicroseconds))
    $perdure$;

    -- Declared once, but in no live engine's code, though one that runs the workflow has started since.
    CREATE FUNCTION \(s).schedule_is_orphaned(schedule text, workflow text, declared_at int8) RETURNS bool LANGUAGE sql STABLE
        SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT declared_at IS NOT NULL AND NOT \(s).schedule_is_declared(schedule_is_orphaned.schedule)
            AND EXISTS (SELECT FROM \(s).served v JOIN \(s).executors e ON e.executor = v.executor
                WHERE v.name = schedule_is_orphaned.workflow AND e.lease_until > \(serverMicroseconds) AND e.started > declared_at)
    $perdure$;

    CREATE FUNCTION \(s).words(list text) RETURNS int8 LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT coalesce(cardinality(string_to_array(nullif(list, ''), ' ')), 0)
    $perdure$;

    -- How many of the open runs of a schedule are open in fact.
    CREATE FUNCTION \(s).open_runs(list text) RETURNS int8 LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT count(*) FROM unnest(string_to_array(nullif(list, ''), ' ')) AS u(word)
        WHERE EXISTS (SELECT FROM \(s).live l WHERE l.number = \(s).newest_run(split_part(u.word, ':', 1)::int8))
    $perdure$;

    CREATE VIEW \(s).schedules AS
    SELECT r.name, d.value ->> 'workflow' AS workflow, coalesce(d.value ->> 'queue', '') AS queue, d.value -> 'spec' AS spec,
        d.value ->> 'overlap' AS overlap, r.paused_at IS NOT NULL AS paused, r.pause_reason, \(s).moment(r.next) AS next_at,
        \(s).moment(r.last_at) AS last_at, r.last_id, \(s).open_runs(r.open) AS running, \(s).words(r.waiting) AS buffered,
        \(s).words(r.backfills) AS backfills, r.started, r.skipped, r.missed, r.dropped, r.runs_left, r.declared IS NOT NULL AS declared,
        r.declared IS NOT NULL AND \(s).schedule_is_orphaned(r.name, d.value ->> 'workflow', r.declared_at) AS orphaned,
        r.declared IS NULL AND \(s).schedule_is_declared(r.name) AS conflict, \(s).payload_json(r.input, r.codec) AS input, d.value AS definition
    FROM \(s).schedule_rows r CROSS JOIN LATERAL (SELECT \(s).json_of(r.definition) AS value) d;
    """
}
