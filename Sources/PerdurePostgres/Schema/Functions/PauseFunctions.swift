internal import Perdure

/// How workflows are paused and resumed; `pause_workflow` is documented and stable.
func pauseFunctions(_ s: SchemaName) -> String {
    let asks = "kind = \(InboxKind.intervention.rawValue) AND topic = '\(InterventionKind.pause.rawValue)'"
    return """
        CREATE FUNCTION \(s).pause(asked int8, by_whom text, reason text, asked_at int8) RETURNS text LANGUAGE plpgsql AS $perdure$
        #variable_conflict use_column
        DECLARE
            present int2;
            is_applied bool := true;
            made int8;
        BEGIN
            asked := coalesce(\(s).current_run(pause.asked), pause.asked);
            UPDATE \(s).live SET state = 5, executor = NULL, probation = NULL WHERE number = pause.asked AND state + 0 IN (0, 2, 4);
            IF NOT FOUND THEN
                SELECT l.state INTO present FROM \(s).live l WHERE l.number = pause.asked;
                IF NOT FOUND THEN
                    RETURN '\(PauseResult.ended.rawValue)';
                END IF;
                IF present = 5 OR EXISTS (SELECT FROM \(s).inbox WHERE workflow = pause.asked AND \(asks)) THEN
                    RETURN '\(PauseResult.already.rawValue)';
                END IF;
                IF present = 3 THEN
                    RETURN '\(PauseResult.setAside.rawValue)';
                END IF;
                is_applied := false;
            END IF;
            INSERT INTO \(s).interventions (workflow, kind, by_whom, reason, asked, applied) VALUES (pause.asked,
                '\(InterventionKind.pause.rawValue)', pause.by_whom, pause.reason, pause.asked_at, is_applied) RETURNING number INTO made;
            IF is_applied THEN
                RETURN '\(PauseResult.paused.rawValue)';
            END IF;
            INSERT INTO \(s).inbox (workflow, kind, reference, topic)
                VALUES (pause.asked, \(InboxKind.intervention.rawValue), made, '\(InterventionKind.pause.rawValue)');
            RETURN '\(PauseResult.accepted.rawValue)';
        END
        $perdure$;

        CREATE FUNCTION \(s).resume_paused(asked int8) RETURNS bool LANGUAGE plpgsql AS $perdure$
        BEGIN
            -- A second time, for its owner may carry the pause out between the two; and once more, for the run may go on as a new one.
            FOR i IN 1..3 LOOP
                asked := coalesce(\(s).current_run(asked), asked);
                -- A pause that has come too late for the run that this one continues is there to be taken back, too.
                PERFORM \(s).forward_inboxes(ARRAY(SELECT r.previous FROM \(s).successors r
                    WHERE r.number = asked AND r.kind = \(RunKind.continued.rawValue)));
                UPDATE \(s).live SET state = 0, tx = pg_catalog.pg_current_xact_id(), crashes = 0,
                    due = CASE WHEN lane & 1 = 1 THEN NULL ELSE due END WHERE number = asked AND state + 0 = 5;
                IF FOUND THEN
                    RETURN true;
                END IF;
                DELETE FROM \(s).inbox WHERE workflow = asked AND \(asks);
                IF FOUND THEN
                    RETURN true;
                END IF;
            END LOOP;
            RETURN false;
        END
        $perdure$;

        CREATE FUNCTION \(s).resume_recorded(asked int8, by_whom text, reason text, asked_at int8) RETURNS bool LANGUAGE plpgsql AS $perdure$
        #variable_conflict use_column
        BEGIN
            asked := coalesce(\(s).current_run(resume_recorded.asked), resume_recorded.asked);
            IF NOT \(s).resume(resume_recorded.asked) THEN
                RETURN false;
            END IF;
            INSERT INTO \(s).interventions (workflow, kind, by_whom, reason, asked, applied) VALUES (resume_recorded.asked,
                '\(InterventionKind.resume.rawValue)', resume_recorded.by_whom, resume_recorded.reason, resume_recorded.asked_at, true);
            RETURN true;
        END
        $perdure$;

        CREATE FUNCTION \(s).pause_workflow(id text, by_whom text, reason text DEFAULT NULL) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
            \(fixed) AS $perdure$
        DECLARE
            result text;
        BEGIN
            PERFORM \(s).check_name(pause_workflow.by_whom, 'who intervenes');
            result := \(s).pause(\(s).known_number(pause_workflow.id), pause_workflow.by_whom, pause_workflow.reason, \(serverMicroseconds));
            IF result = '\(PauseResult.accepted.rawValue)' THEN
                PERFORM \(s).hint('i');
            END IF;
            RETURN result NOT IN ('\(PauseResult.ended.rawValue)', '\(PauseResult.setAside.rawValue)');
        END
        $perdure$;

        REVOKE ALL ON FUNCTION \(s).pause_workflow FROM PUBLIC;
        """
}
