internal import Perdure

/// New runs that users of any driver ask for, in a transaction of their own: documented and stable.
///
/// An engine carries them out, for SQL understands no history. What can be refused at once, is; the rest is the error of the request.
func runFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).ask_for_run(change text, id text, step text, by_whom text, reason text, version text) RETURNS text
        LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        target int8 := \(s).known_number(ask_for_run.id);
        new_number int8;
        request json;
    BEGIN
        PERFORM \(s).check_name(ask_for_run.by_whom, 'who asks for a new run');
        IF ask_for_run.version IS NOT NULL AND ask_for_run.version <> '' THEN
            PERFORM \(s).check_name(ask_for_run.version, 'the version of a workflow');
        END IF;
        IF change = 'fork' THEN
            PERFORM \(s).check_name(ask_for_run.step, 'the step before which a run is forked');
        END IF;
        IF EXISTS (SELECT FROM \(s).live l WHERE l.number = target) THEN
            RAISE EXCEPTION 'the workflow "%" is still running: cancel or terminate it first', ask_for_run.id USING ERRCODE = '55006';
        END IF;
        request := json_build_object('number', target, 'change', change, 'step', ask_for_run.step, 'by', ask_for_run.by_whom,
            'reason', ask_for_run.reason, 'version', ask_for_run.version);
        new_number := \(s).number_block();
        INSERT INTO \(s).workflows (number, queue, lane_key, priority, name, version, input, codec, created)
            VALUES (new_number, '', '', 0, '\(Names.reserved)run', '', convert_to(request::text, 'UTF8'), 1, \(serverMicroseconds));
        INSERT INTO \(s).live (number, lane, state) VALUES (new_number, \(s).lane_number('', '', 0, '\(Names.reserved)run', ''), 0);
        PERFORM \(s).hint('r');
        RETURN \(s).public_id(NULL, new_number);
    END
    $perdure$;

    CREATE FUNCTION \(s).restart_workflow(id text, by_whom text, reason text DEFAULT NULL, version text DEFAULT NULL) RETURNS text
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).ask_for_run('restart', restart_workflow.id, NULL, restart_workflow.by_whom, restart_workflow.reason,
            restart_workflow.version);

    CREATE FUNCTION \(s).rewind_workflow(id text, by_whom text, reason text DEFAULT NULL, version text DEFAULT NULL) RETURNS text
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).ask_for_run('rewind', rewind_workflow.id, NULL, rewind_workflow.by_whom, rewind_workflow.reason,
            rewind_workflow.version);

    CREATE FUNCTION \(s).fork_workflow(id text, step text, by_whom text, reason text DEFAULT NULL, version text DEFAULT NULL) RETURNS text
        LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).ask_for_run('fork', fork_workflow.id, fork_workflow.step, fork_workflow.by_whom, fork_workflow.reason,
            fork_workflow.version);

    REVOKE ALL ON FUNCTION \(s).restart_workflow, \(s).rewind_workflow, \(s).fork_workflow FROM PUBLIC;
    """
}
