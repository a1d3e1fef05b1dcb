internal import Perdure

/// What operators do, by Perdure and by plain SQL, in whatever transaction they are.
///
/// `retry_step`, `complete_step`, `skip_step`, `fail_step`, `pause_workflow` and `discard_message` are documented and stable.
func controlFunctions(_ s: SchemaName) -> String {
    [stepFunctions(s), pauseFunctions(s), endFunctions(s), attributeChangeFunctions(s), discardFunctions(s)].joined(separator: "\n")
}

private func stepFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).intervene(target int8, kind text, step text, payload bytea, codec int2, by_whom text, reason text, asked int8)
        RETURNS text LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        is_owned bool;
        is_recorded bool;
        made int8;
    BEGIN
        target := coalesce(\(s).current_run(intervene.target), intervene.target);
        SELECT l.state = 1 INTO is_owned FROM \(s).live l WHERE l.number = intervene.target;
        IF NOT FOUND THEN
            RETURN '\(InterventionResult.ended.rawValue)';
        END IF;
        EXECUTE 'SELECT EXISTS (SELECT FROM \(s.inLiteral).steps s WHERE s.workflow = $1 AND s.key = $2)'
            INTO is_recorded USING intervene.target, intervene.step;
        IF is_recorded THEN
            RETURN '\(InterventionResult.completed.rawValue)';
        END IF;
        IF NOT is_owned AND NOT EXISTS (SELECT FROM \(s).pending p WHERE p.workflow = intervene.target AND p.key = intervene.step) THEN
            RETURN '\(InterventionResult.notPending.rawValue)';
        END IF;
        INSERT INTO \(s).interventions (workflow, kind, step, by_whom, reason, asked)
            VALUES (intervene.target, intervene.kind, intervene.step, intervene.by_whom, intervene.reason, intervene.asked)
            RETURNING number INTO made;
        INSERT INTO \(s).inbox (workflow, kind, reference, topic, payload, codec, key)
            VALUES (intervene.target, \(InboxKind.intervention.rawValue), made, intervene.kind, intervene.payload, intervene.codec,
                intervene.step);
        RETURN '\(InterventionResult.accepted.rawValue)';
    END
    $perdure$;

    -- For users of any driver: an error says why nothing can be done.
    CREATE FUNCTION \(s).intervene_by_id(id text, kind text, step text, payload bytea, codec int2, by_whom text, reason text)
        RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        result text;
    BEGIN
        PERFORM \(s).check_name(intervene_by_id.by_whom, 'who intervenes');
        result := \(s).intervene(\(s).known_number(intervene_by_id.id), intervene_by_id.kind, intervene_by_id.step, intervene_by_id.payload,
            intervene_by_id.codec, intervene_by_id.by_whom, intervene_by_id.reason, \(serverMicroseconds));
        CASE result
            WHEN '\(InterventionResult.ended.rawValue)' THEN
                RAISE EXCEPTION 'the workflow "%" has ended', intervene_by_id.id USING ERRCODE = 'P0002';
            WHEN '\(InterventionResult.completed.rawValue)' THEN
                RAISE EXCEPTION 'the step "%" of workflow "%" has a result already', intervene_by_id.step, intervene_by_id.id
                    USING ERRCODE = '23505';
            WHEN '\(InterventionResult.notPending.rawValue)' THEN
                RAISE EXCEPTION 'the workflow "%" has no step "%" that runs or waits for its next attempt', intervene_by_id.id,
                    intervene_by_id.step USING ERRCODE = 'P0002';
            ELSE
                PERFORM \(s).hint('i');
        END CASE;
    END
    $perdure$;

    CREATE FUNCTION \(s).retry_step(id text, step text, by_whom text, reason text DEFAULT NULL) RETURNS void
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).intervene_by_id(retry_step.id, '\(InterventionKind.retryStep.rawValue)', retry_step.step, NULL, NULL, retry_step.by_whom,
            retry_step.reason);

    CREATE FUNCTION \(s).skip_step(id text, step text, by_whom text, reason text DEFAULT NULL) RETURNS void
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).intervene_by_id(skip_step.id, '\(InterventionKind.skipStep.rawValue)', skip_step.step, NULL, NULL, skip_step.by_whom,
            skip_step.reason);

    CREATE FUNCTION \(s).complete_step(id text, step text, result json, by_whom text, reason text DEFAULT NULL) RETURNS void
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).intervene_by_id(complete_step.id, '\(InterventionKind.completeStep.rawValue)', complete_step.step,
            CASE WHEN complete_step.result IS NULL THEN ''::bytea ELSE convert_to(complete_step.result::text, 'UTF8') END,
            CASE WHEN complete_step.result IS NULL THEN 0 ELSE 1 END::int2, complete_step.by_whom, complete_step.reason);

    CREATE FUNCTION \(s).fail_step(id text, step text, message text, by_whom text, reason text DEFAULT NULL, type text DEFAULT 'Error')
        RETURNS void LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).intervene_by_id(fail_step.id, '\(InterventionKind.failStep.rawValue)', fail_step.step,
            convert_to(json_build_object('type', coalesce(fail_step.type, 'Error'), 'message', coalesce(fail_step.message, ''))::text, 'UTF8'),
            1::int2, fail_step.by_whom, fail_step.reason);

    REVOKE ALL ON FUNCTION \(s).retry_step, \(s).skip_step, \(s).complete_step, \(s).fail_step FROM PUBLIC;
    """
}
