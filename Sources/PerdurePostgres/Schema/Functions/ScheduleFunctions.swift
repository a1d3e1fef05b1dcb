internal import Perdure

/// What users of any driver do with schedules, in a transaction of their own: documented and stable.
///
/// They ask; an engine, which can reckon with time zones, does.
func scheduleFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).changed_schedule(name text, is_there bool) RETURNS void LANGUAGE plpgsql AS $perdure$
    BEGIN
        IF NOT is_there THEN
            RAISE EXCEPTION 'there is no schedule "%"', changed_schedule.name USING ERRCODE = 'P0002';
        END IF;
        PERFORM \(s).hint('s');
    END
    $perdure$;

    -- False if it was paused already.
    CREATE FUNCTION \(s).pause_schedule(name text, reason text DEFAULT NULL) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed)
        AS $perdure$
    DECLARE
        since int8;
    BEGIN
        SELECT r.paused_at INTO since FROM \(s).schedule_rows r WHERE r.name = pause_schedule.name FOR UPDATE;
        PERFORM \(s).changed_schedule(pause_schedule.name, FOUND);
        UPDATE \(s).schedule_rows r SET paused_at = \(serverMicroseconds), pause_reason = pause_schedule.reason, next = NULL, due = 0
            WHERE r.name = pause_schedule.name AND r.paused_at IS NULL;
        RETURN since IS NULL;
    END
    $perdure$;

    -- False if it was not paused.
    CREATE FUNCTION \(s).resume_schedule(name text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        since int8;
    BEGIN
        SELECT r.paused_at INTO since FROM \(s).schedule_rows r WHERE r.name = resume_schedule.name FOR UPDATE;
        PERFORM \(s).changed_schedule(resume_schedule.name, FOUND);
        UPDATE \(s).schedule_rows r SET paused_at = NULL, pause_reason = NULL, handled = greatest(r.handled, \(serverMicroseconds)), due = 0
            WHERE r.name = resume_schedule.name AND r.paused_at IS NOT NULL;
        RETURN since IS NOT NULL;
    END
    $perdure$;

    -- The id of the run that an engine starts, if the overlap policy lets it.
    CREATE FUNCTION \(s).trigger_schedule(name text, overlap text DEFAULT NULL) RETURNS text LANGUAGE plpgsql SECURITY DEFINER \(fixed)
        AS $perdure$
    DECLARE
        at int8;
        held int8;
    BEGIN
        IF trigger_schedule.overlap NOT IN (\(ScheduleOverlapPolicy.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))) THEN
            RAISE EXCEPTION 'overlap is \(ScheduleOverlapPolicy.allCases.map(\.rawValue).joined(separator: ", ")), not "%"',
                trigger_schedule.overlap USING ERRCODE = '22023';
        END IF;
        SELECT greatest(\(serverMicroseconds), r.triggered + 1), \(s).words(r.waiting) INTO at, held FROM \(s).schedule_rows r
            WHERE r.name = trigger_schedule.name FOR UPDATE;
        PERFORM \(s).changed_schedule(trigger_schedule.name, FOUND);
        IF held >= \(ScheduleState.waitingLimit) THEN
            RAISE EXCEPTION '% starts of schedule "%" wait for a run to end: no more are taken', held, trigger_schedule.name
                USING ERRCODE = '54000';
        END IF;
        UPDATE \(s).schedule_rows r SET triggered = at, due = 0,
            waiting = ltrim(r.waiting || ' ' || at || ':\(ScheduledStart.Kind.trigger.rawValue):' || coalesce(trigger_schedule.overlap, ''))
            WHERE r.name = trigger_schedule.name;
        RETURN trigger_schedule.name || '@' || to_char(\(s).moment(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
            || CASE WHEN at % 1000000 = 0 THEN '' ELSE '.' || lpad((at % 1000000)::text, 6, '0') END || 'Z!';
    END
    $perdure$;
    """
}
