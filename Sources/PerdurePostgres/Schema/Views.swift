internal import Perdure

/// What the views are made of: ids, moments and payloads in a form for people.
///
/// None of them ever fails.
func viewFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).public_id(id text, number int8) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN coalesce(id, 'w' || lpad(to_hex(number), 16, '0'));

    CREATE FUNCTION \(s).moment(microseconds int8) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
        RETURN CASE WHEN microseconds IS NULL THEN NULL
            WHEN microseconds > 4102444800000000000 THEN 'infinity'::timestamptz
            WHEN microseconds < -60000000000000000 THEN '-infinity'::timestamptz
            ELSE 'epoch'::timestamptz + (microseconds / 1000000) * interval '1 second' + (microseconds % 1000000) * interval '1 microsecond' END;

    CREATE FUNCTION \(s).payload_json(payload bytea, codec int2) RETURNS json LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, pg_temp AS $perdure$
    BEGIN
        IF payload IS NULL OR codec IS DISTINCT FROM 1::int2 THEN
            RETURN NULL;
        END IF;
        RETURN convert_from(payload, 'UTF8')::json;
    EXCEPTION WHEN others THEN
        RETURN NULL;
    END
    $perdure$;
    """
}

/// What people read: plain views with readable names, times and JSON.
///
/// Their columns are a documented, stable contract.
func views(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).workflow_status AS
    SELECT \(s).public_id(w.id, w.number) AS id, w.number AS workflow_number, w.name, w.version, w.queue,
        CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' WHEN 4 THEN 'terminated' WHEN 5 THEN 'timed out'
            WHEN 6 THEN 'expired' WHEN 7 THEN 'continued' ELSE CASE l.state WHEN 0 THEN CASE WHEN l.due > \(serverMicroseconds) THEN 'scheduled' ELSE 'queued' END
                WHEN 1 THEN 'running' WHEN 2 THEN CASE WHEN l.due = w.due THEN 'scheduled' ELSE 'waiting' END
                WHEN 3 THEN 'set aside' WHEN 4 THEN 'waiting' WHEN 5 THEN 'paused' END END AS state,
        \(s).moment(w.created) AS created_at, \(s).moment(o.finished) AS finished_at,
        \(s).payload_json(w.input, w.codec) AS input, \(s).payload_json(o.output, o.output_codec) AS output,
        \(s).payload_json(o.error, o.error_codec) AS error,
        CASE WHEN w.parent IS NOT NULL THEN \(s).public_id((SELECT p.id FROM \(s).workflows p WHERE p.number = w.parent), w.parent) END AS parent_id,
        \(s).payload_json(w.attributes, w.attributes_codec) AS attributes, \(s).moment(l.due) AS due_at, \(s).moment(w.deadline) AS deadline_at,
        l.crashes, CASE WHEN l.state = 5 THEN (SELECT i.reason FROM \(s).interventions i WHERE i.workflow = w.number AND i.kind = 'pause'
            ORDER BY i.number DESC LIMIT 1) ELSE a.reason END AS reason, l.executor, CASE WHEN o.status IS NULL THEN \(isServed(s)) END AS is_served, w.lane_key AS key, w.priority,
        \(s).moment(w.expires) AS expires_at,
        CASE WHEN o.status IS NOT NULL OR l.state IN (3, 5) THEN NULL WHEN \(isTypePaused(s)) THEN '\(QueueWait.typePaused.rawValue)'
            WHEN l.state = 0 AND coalesce(l.due <= \(serverMicroseconds), true)
            THEN \(s).waits_for(w.queue, w.lane_key, l.lane, \(isServed(s, queue: false)), \(isServed(s)))
            WHEN EXISTS (SELECT FROM \(s).pending d WHERE d.workflow = w.number AND d.held_by IS NOT NULL)
            THEN '\(QueueWait.stepPaused.rawValue)' END AS waits_for
    FROM \(s).workflows w
    LEFT JOIN \(s).live l ON l.number = w.number
    LEFT JOIN \(s).outcomes o ON o.workflow = w.number
    LEFT JOIN \(s).asides a ON a.number = w.number;

    CREATE VIEW \(s).workflow_steps AS
    SELECT \(s).public_id(w.id, w.number) AS id, r.workflow_number, w.name AS workflow_name, r.key, r.kind, r.ordinal, r.state, r.started_at,
        r.finished_at, r.duration_ms, r.attempts, r.output, r.error, r.next_attempt_at, r.progress
    FROM (
        SELECT s.workflow AS workflow_number, s.key,
            CASE s.kind WHEN 1 THEN 'step' WHEN 2 THEN 'transaction' WHEN 3 THEN 'timer' WHEN 4 THEN 'receive' WHEN 5 THEN 'child start'
                WHEN 6 THEN 'child result' WHEN 7 THEN 'cancel' WHEN 8 THEN 'patch' WHEN 10 THEN 'receive again' WHEN 11 THEN 'send' WHEN 12 THEN 'event'
                WHEN 13 THEN 'append' WHEN 14 THEN 'request' WHEN 16 THEN 'children start'
                WHEN 17 THEN 'children ended' WHEN 20 THEN 'set attributes' ELSE s.kind::text END AS kind,
            coalesce(s.ord, (SELECT min(o.ord) FROM \(s).steps o WHERE o.workflow = s.workflow AND o.kind = 9
                AND o.output = convert_to(s.key, 'UTF8'))) AS ordinal,
            CASE WHEN s.error IS NULL THEN 'completed' ELSE 'failed' END AS state,
            \(s).moment(s.started) AS started_at, \(s).moment(s.finished) AS finished_at, (s.finished::float8 - s.started::float8) / 1000 AS duration_ms,
            s.attempts, \(s).payload_json(s.output, s.output_codec) AS output, \(s).payload_json(s.error, s.error_codec) AS error,
            NULL::timestamptz AS next_attempt_at, NULL::json AS progress
        FROM \(s).steps s WHERE s.kind <> 9
        UNION ALL
        SELECT p.workflow, p.key, 'step', NULL, CASE WHEN p.held_by IS NOT NULL THEN 'paused' WHEN p.due IS NULL THEN 'running' ELSE 'retrying' END, \(s).moment(p.started), NULL, NULL,
            p.attempt, NULL, \(s).payload_json(p.error, p.error_codec), \(s).moment(p.due), \(s).payload_json(p.progress, p.progress_codec)
        FROM \(s).pending p
    ) r
    JOIN \(s).workflows w ON w.number = r.workflow_number;
    """
}

/// Whether an executor is alive that serves workflow `w`.
///
/// With `queue` one that takes work from its queue, too.
func isServed(_ s: SchemaName, queue: Bool = true) -> String {
    let takes = " AND (w.queue = '' OR EXISTS (SELECT FROM \(s).served_queues q WHERE q.executor = e.executor AND q.queue = w.queue))"
    return """
        EXISTS (SELECT FROM \(s).served v JOIN \(s).executors e ON e.executor = v.executor
            WHERE v.name = w.name AND v.version = w.version AND e.lease_until > \(serverMicroseconds)\(queue ? takes : ""))
        """
}
