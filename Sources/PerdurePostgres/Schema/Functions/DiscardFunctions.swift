internal import Perdure

/// How messages are discarded that nobody can read; `discard_message` is documented and stable.
func discardFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).discard(asked int8, asked_topic text, by_whom text, reason text, asked_at int8) RETURNS text LANGUAGE plpgsql
        AS $perdure$
    #variable_conflict use_column
    DECLARE
        run int8 := coalesce(\(s).current_run(discard.asked), discard.asked);
        present int2;
    BEGIN
        -- Nobody takes it up until this is committed.
        SELECT l.state INTO present FROM \(s).live l WHERE l.number = run FOR UPDATE;
        IF NOT FOUND THEN
            RETURN '\(DiscardResult.ended.rawValue)';
        END IF;
        IF present NOT IN (\(LiveState.setAside.rawValue), \(LiveState.paused.rawValue)) THEN
            RETURN '\(DiscardResult.running.rawValue)';
        END IF;
        DELETE FROM \(s).inbox WHERE sequence = (SELECT min(i.sequence) FROM \(s).inbox i
            WHERE i.workflow = run AND i.kind = \(InboxKind.message.rawValue) AND i.topic = asked_topic);
        IF NOT FOUND THEN
            RETURN '\(DiscardResult.nothing.rawValue)';
        END IF;
        INSERT INTO \(s).interventions (workflow, kind, step, by_whom, reason, asked, applied) VALUES (run,
            '\(InterventionKind.discardMessage.rawValue)', asked_topic, discard.by_whom, discard.reason, asked_at, true);
        RETURN '\(DiscardResult.discarded.rawValue)';
    END
    $perdure$;

    CREATE FUNCTION \(s).discard_message(id text, topic text, by_whom text, reason text DEFAULT NULL) RETURNS bool LANGUAGE plpgsql
        SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        result text;
    BEGIN
        PERFORM \(s).check_name(discard_message.topic, 'the name of a topic');
        PERFORM \(s).check_name(discard_message.by_whom, 'who intervenes');
        result := \(s).discard(\(s).known_number(discard_message.id), discard_message.topic, discard_message.by_whom, discard_message.reason,
            \(serverMicroseconds));
        CASE result
            WHEN '\(DiscardResult.ended.rawValue)' THEN
                RAISE EXCEPTION 'the workflow "%" has ended: nobody will receive the message', discard_message.id USING ERRCODE = 'P0002';
            WHEN '\(DiscardResult.running.rawValue)' THEN
                RAISE EXCEPTION 'the workflow "%" is neither set aside nor paused, and may be about to receive the message', discard_message.id
                    USING ERRCODE = '55006', HINT = 'Pause it first: pause_workflow.';
            ELSE
                RETURN result = '\(DiscardResult.discarded.rawValue)';
        END CASE;
    END
    $perdure$;

    REVOKE ALL ON FUNCTION \(s).discard_message FROM PUBLIC;
    """
}
