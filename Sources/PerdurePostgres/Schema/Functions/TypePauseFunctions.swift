internal import Perdure

/// How types of workflows and names of steps are paused and resumed from any driver; documented and stable.
func typePauseFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).put_pause(kind text, name text, scope text, by_whom text, reason text, until timestamptz) RETURNS void
        LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        now int8 := \(serverMicroseconds);
        ends int8 := CASE WHEN isfinite(put_pause.until) THEN (extract(epoch FROM put_pause.until) * 1000000)::int8 END;
    BEGIN
        PERFORM \(s).check_name(put_pause.by_whom, 'who intervenes');
        IF ends <= now OR put_pause.until = '-infinity' THEN
            RAISE EXCEPTION 'a pause until % would be over: give a moment to come, or none', put_pause.until USING ERRCODE = '22023';
        END IF;
        INSERT INTO \(s).pauses AS p (kind, name, scope, by_whom, reason, since, until)
            VALUES (put_pause.kind, put_pause.name, put_pause.scope, put_pause.by_whom, put_pause.reason, now, ends)
            ON CONFLICT (kind, name, scope) DO UPDATE SET by_whom = excluded.by_whom, reason = excluded.reason,
                since = CASE WHEN \(isActive("p")) THEN p.since ELSE excluded.since END, until = excluded.until, ended = NULL,
                ended_by = NULL, revision = p.revision + 1;
        PERFORM \(s).hint('s');
    END
    $perdure$;

    CREATE FUNCTION \(s).end_pause(kind text, name text, scope text, by_whom text) RETURNS bool LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    BEGIN
        PERFORM \(s).check_name(end_pause.by_whom, 'who intervenes');
        UPDATE \(s).pauses p SET ended = \(serverMicroseconds), ended_by = end_pause.by_whom, revision = p.revision + 1
            WHERE p.kind = end_pause.kind AND p.name = end_pause.name AND p.scope = end_pause.scope AND \(isActive("p"));
        IF FOUND THEN
            PERFORM \(s).hint('s');
            RETURN true;
        END IF;
        RETURN false;
    END
    $perdure$;

    CREATE FUNCTION \(s).pause_type(name text, by_whom text, reason text DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        PERFORM \(s).check_name(pause_type.name, 'the name of a workflow');
        PERFORM \(s).put_pause('\(PauseKind.workflowType.rawValue)', pause_type.name, '', pause_type.by_whom, pause_type.reason, pause_type.until);
    END
    $perdure$;

    CREATE FUNCTION \(s).resume_type(name text, by_whom text) RETURNS bool LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).end_pause('\(PauseKind.workflowType.rawValue)', resume_type.name, '', resume_type.by_whom);

    CREATE FUNCTION \(s).pause_step(step text, by_whom text, reason text DEFAULT NULL, workflow text DEFAULT NULL,
        until timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        PERFORM \(s).check_name(pause_step.step, 'the name of a step');
        IF pause_step.workflow IS NOT NULL THEN
            PERFORM \(s).check_name(pause_step.workflow, 'the name of a workflow');
        END IF;
        PERFORM \(s).put_pause('\(PauseKind.step.rawValue)', pause_step.step, coalesce(pause_step.workflow, ''), pause_step.by_whom,
            pause_step.reason, pause_step.until);
    END
    $perdure$;

    CREATE FUNCTION \(s).resume_step(step text, by_whom text, workflow text DEFAULT NULL) RETURNS bool
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).end_pause('\(PauseKind.step.rawValue)', resume_step.step, coalesce(resume_step.workflow, ''), resume_step.by_whom);

    CREATE FUNCTION \(s).close_circuit_breaker(key text, by_whom text) RETURNS bool LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).end_pause('\(PauseKind.breaker.rawValue)', close_circuit_breaker.key, '', close_circuit_breaker.by_whom);

    REVOKE ALL ON FUNCTION \(s).pause_type, \(s).resume_type, \(s).pause_step, \(s).resume_step, \(s).close_circuit_breaker FROM PUBLIC;
    """
}
