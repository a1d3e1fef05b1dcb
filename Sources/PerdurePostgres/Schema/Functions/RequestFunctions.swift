internal import Perdure

/// What users of any driver ask of a workflow, in a transaction of their own: documented and stable.
///
/// Each returns whether there was something to ask.
func requestFunctions(_ s: SchemaName) -> String {
    """
    \(hint(s))

    CREATE FUNCTION \(s).ask(id text, kind int4) RETURNS bool LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        target int8 := \(s).known_number(ask.id);
    BEGIN
        INSERT INTO \(s).inbox (workflow, kind) SELECT r.run, ask.kind FROM (SELECT \(s).current_run(target) AS run OFFSET 0) r
            WHERE r.run IS NOT NULL;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        PERFORM \(s).hint('i');
        RETURN true;
    END
    $perdure$;

    CREATE FUNCTION \(s).cancel_workflow(id text) RETURNS bool LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).ask(cancel_workflow.id, \(InboxKind.cancel.rawValue));

    CREATE FUNCTION \(s).terminate_workflow(id text) RETURNS bool LANGUAGE sql SECURITY DEFINER \(fixed)
        RETURN \(s).ask(terminate_workflow.id, \(InboxKind.terminate.rawValue));

    CREATE FUNCTION \(s).resume_workflow(id text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        IF NOT \(s).resume(\(s).known_number(resume_workflow.id)) THEN
            RETURN false;
        END IF;
        PERFORM \(s).hint('r');
        RETURN true;
    END
    $perdure$;
    """
}

/// Who may call what is documented: nobody who is not told.
func grants(_ s: SchemaName) -> String {
    """
    REVOKE ALL ON FUNCTION \(s).start_workflow, \(s).cancel_workflow, \(s).terminate_workflow, \(s).resume_workflow, \(s).workflow_number,
        \(s).find_workflow, \(s).enqueue_item, \(s).pause_queue, \(s).resume_queue, \(s).change_queue, \(s).redrive,
        \(s).pause_schedule, \(s).resume_schedule, \(s).trigger_schedule, \(s).send_message FROM PUBLIC;
    """
}

/// Wakes engines when the caller's transaction commits; any number in one transaction are one notification.
///
/// NOTIFY takes a lock on the whole database at the commit, and forbids PREPARE TRANSACTION, so it can be switched off: the poll finds all.
private func hint(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).hint(payload text) RETURNS void LANGUAGE plpgsql AS $perdure$
    BEGIN
        IF coalesce(current_setting('perdure.notify', true), '') <> 'off' THEN
            PERFORM pg_notify('\(WakeupMessage.channel(s))', hint.payload);
        END IF;
    END
    $perdure$;
    """
}
