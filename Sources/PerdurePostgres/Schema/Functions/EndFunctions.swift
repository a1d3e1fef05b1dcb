internal import Perdure

/// How a workflow is asked to end by somebody who is recorded: once for each of them, and each reason.
func endFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).ask_recorded(asked int8, asked_kind text, inbox_kind int4, by_whom text, reason text, asked_at int8) RETURNS bool
        LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        run int8 := \(s).current_run(ask_recorded.asked);
        made int8;
    BEGIN
        IF run IS NULL THEN
            RETURN false;
        END IF;
        IF EXISTS (SELECT FROM \(s).interventions i WHERE i.workflow = run AND i.kind = asked_kind
                AND i.by_whom = ask_recorded.by_whom AND i.reason IS NOT DISTINCT FROM ask_recorded.reason) THEN
            RETURN true;
        END IF;
        INSERT INTO \(s).interventions (workflow, kind, by_whom, reason, asked, applied)
            VALUES (run, asked_kind, ask_recorded.by_whom, ask_recorded.reason, asked_at, true)
            RETURNING number INTO made;
        -- Should the run go on as a new one first, both go with it.
        INSERT INTO \(s).inbox (workflow, kind, reference) VALUES (run, inbox_kind, made);
        RETURN true;
    END
    $perdure$;
    """
}
