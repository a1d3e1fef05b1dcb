/// What people read about queues: a documented, stable contract, as `views` is.
func queueViews(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).json_of(value text) RETURNS json LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $perdure$
    BEGIN
        RETURN value::json;
    EXCEPTION WHEN others THEN
        RETURN NULL;
    END
    $perdure$;

    CREATE VIEW \(s).queue_status AS
    SELECT q.name, q.paused_at IS NOT NULL AS paused, q.pause_reason, (l.limits ->> 'concurrency')::int8 AS concurrency,
        (l.limits ->> 'perEngine')::int8 AS per_engine, (l.limits ->> 'perKey')::int8 AS per_key,
        (l.limits -> 'rateLimit' ->> 'count')::int8 AS rate_limit, (l.limits -> 'rateLimit' ->> 'period')::float8 / 1000 AS rate_period_ms,
        \(s).json_of(q.declared) AS declared, \(s).json_of(q.changed) AS changed, q.revision,
        (SELECT count(*) FROM \(s).served_queues v JOIN \(s).executors e ON e.executor = v.executor
            WHERE v.queue = q.name AND e.lease_until > \(serverMicroseconds)) AS engines,
        c.waiting, c.delayed, c.running, \(s).moment(c.oldest) AS oldest_waiting_at, c.items
    FROM \(s).queues q
    CROSS JOIN LATERAL (SELECT coalesce(\(s).json_of(q.changed), \(s).json_of(q.declared) -> 'limits') AS limits) l
    CROSS JOIN LATERAL \(s).queue_counts(q.name) c;

    CREATE VIEW \(s).dead_letters AS
    SELECT \(s).public_id(w.id, w.number) AS id, w.number AS workflow_number, w.name, w.queue, w.lane_key AS key,
        CASE o.status WHEN 2 THEN 'failed' WHEN 5 THEN 'timed out' WHEN 6 THEN 'expired' END AS state,
        \(s).payload_json(o.error, o.error_codec) AS error, \(s).moment(o.finished) AS finished_at
    FROM \(s).dead_numbers d JOIN \(s).workflows w ON w.number = d.number JOIN \(s).outcomes o ON o.workflow = d.number
    WHERE d.redriven_as IS NULL;
    """
}
