internal import Perdure

/// What a workflow that is ready waits for, in the words of `QueueWait`: the first that applies.
func waitFunction(_ s: SchemaName) -> String {
    func text(_ wait: QueueWait) -> String { "'\(wait.rawValue)'" }
    return """
        CREATE FUNCTION \(s).waits_for(in_queue text, with_key text, in_lane int8, has_engine bool, is_served bool) RETURNS text LANGUAGE plpgsql STABLE
            SET search_path = pg_catalog, pg_temp AS $perdure$
        DECLARE
            held record;
            limits json;
        BEGIN
            IF NOT has_engine THEN
                RETURN \(text(.noEngine));
            ELSIF in_queue = '' THEN
                RETURN \(text(.turn));
            ELSIF NOT is_served THEN
                RETURN \(text(.unserved));
            END IF;
            SELECT q.paused_at, coalesce(q.changed, q.declared::json ->> 'limits') AS limits, q.declared::json ->> 'slots' AS slots INTO held FROM \(s).queues q WHERE q.name = in_queue;
            IF held.paused_at IS NOT NULL AND in_lane & 1 = 0 THEN
                RETURN \(text(.paused));
            END IF;
            -- What has begun holds its slot already.
            IF held.slots = 'untilEnd' AND in_lane & 1 = 1 THEN
                RETURN \(text(.turn));
            END IF;
            limits := held.limits;
            IF (SELECT count(*) FROM \(s).slots l WHERE l.queue = in_queue AND l.keyed AND l.key = with_key) >= (limits ->> 'perKey')::int8 THEN
                RETURN \(text(.keyConcurrency));
            END IF;
            IF (SELECT count(*) FROM \(s).slots l WHERE l.queue = in_queue AND NOT l.keyed) >= (limits ->> 'concurrency')::int8 THEN
                RETURN \(text(.concurrency));
            END IF;
            RETURN \(text(.turn));
        EXCEPTION WHEN others THEN
            RETURN NULL;
        END
        $perdure$;
        """
}
