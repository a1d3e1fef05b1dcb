internal import Perdure

/// How messages are sent, by Perdure and by users of any driver, in whatever transaction they are.
func messageFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).post(target int8, kind int2, topic text, payload bytea, codec int2, key text) RETURNS text LANGUAGE plpgsql
        AS $perdure$
    #variable_conflict use_column
    DECLARE
        run int8 := post.target;
        first int8;
    BEGIN
        IF post.key IS NOT NULL THEN
            first := \(s).first_run(post.target);
        END IF;
        -- What is held by a transaction that is open is waited for: it may be rolled back.
        IF post.key IS NOT NULL AND EXISTS (SELECT FROM \(s).message_keys k
                WHERE k.workflow = first AND k.key = post.key AND k.topic = post.topic AND k.kind = post.kind) THEN
            RETURN 'duplicate';
        END IF;
        IF NOT EXISTS (SELECT FROM \(s).live l WHERE l.number = run) THEN
            run := \(s).current_run(run);
            IF run IS NULL THEN
                RETURN 'ended';
            END IF;
        END IF;
        IF post.key IS NOT NULL THEN
            INSERT INTO \(s).message_keys (workflow, kind, topic, key) VALUES (first, post.kind, post.topic, post.key)
                ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                RETURN 'duplicate';
            END IF;
        END IF;
        INSERT INTO \(s).inbox (workflow, kind, topic, payload, codec, key)
            VALUES (run, post.kind, post.topic, post.payload, post.codec, post.key);
        RETURN 'sent';
    END
    $perdure$;

    CREATE FUNCTION \(s).send_message(id text, topic text, message json DEFAULT NULL, key text DEFAULT NULL) RETURNS bool
        LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        result text;
    BEGIN
        PERFORM \(s).check_name(send_message.topic, 'the name of a topic');
        IF send_message.key IS NOT NULL THEN
            PERFORM \(s).check_name(send_message.key, 'the key of a message');
        END IF;
        result := \(s).post(\(s).known_number(send_message.id), \(InboxKind.message.rawValue)::int2, send_message.topic,
            convert_to(coalesce(send_message.message, 'null'::json)::text, 'UTF8'), 1::int2, send_message.key);
        IF result = 'ended' THEN
            RETURN false;
        END IF;
        IF result = 'sent' THEN
            PERFORM \(s).hint('i');
        END IF;
        RETURN true;
    END
    $perdure$;
    """
}
