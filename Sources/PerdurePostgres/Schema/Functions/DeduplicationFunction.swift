internal import Perdure

/// Keeps a second workflow out of a queue: for starts by clients and by SQL alike.
func deduplicationFunction(_ s: SchemaName) -> String {
    """
    -- Verdicts: 0 it starts; 1 `holder` is the answer; 2 it is refused for `holder`; 3 `holder` is of another type.
    CREATE FUNCTION \(s).deduplicate(in_queue text, asked_key text, policy text, new_number int8, new_name text, new_input bytea, new_codec int2,
        new_attributes bytea, new_attributes_codec int2, new_created int8, new_due int8, new_deadline int8,
        new_expires int8, is_debounced bool, maximum_wait int8, OUT verdict int4, OUT holder int8) LANGUAGE plpgsql AS $perdure$
    DECLARE
        first_asked int8;
        held record;
        held_due int8;
        is_there bool;
        had_attributes bool;
        earlier int8;
    BEGIN
        verdict := 0;
        LOOP
            INSERT INTO \(s).deduplications (queue, key, number, since) VALUES (in_queue, asked_key, new_number, new_created)
                ON CONFLICT DO NOTHING;
            IF FOUND THEN
                RETURN;
            END IF;
            SELECT d.number, d.since INTO holder, first_asked FROM \(s).deduplications d WHERE d.queue = in_queue AND d.key = asked_key FOR UPDATE;
            EXIT WHEN FOUND;
        END LOOP;
        -- Sent before, whatever has become of its key since.
        EXECUTE 'SELECT EXISTS (SELECT FROM \(s.inLiteral).workflows WHERE number = $1)' INTO is_there USING new_number;
        IF is_there THEN
            RETURN;
        END IF;
        holder := coalesce(\(s).current_run(holder), \(s).newest_run(holder));
        IF policy IN ('reject', 'use_existing') THEN
            SELECT l.state INTO held FROM \(s).live l WHERE l.number = holder;
        ELSE
            -- Somebody may be about to begin with it: that is waited for.
            SELECT l.state, l.lane INTO held FROM \(s).live l WHERE l.number = holder FOR UPDATE;
        END IF;
        IF FOUND THEN
            IF policy = 'reject' THEN
                verdict := 2;
                RETURN;
            ELSIF policy = 'use_existing' THEN
                verdict := 1;
                RETURN;
            ELSIF held.state IN (0, 2) AND held.lane & 1 = 0 THEN
                EXECUTE 'UPDATE \(s.inLiteral).workflows w SET input = $2, codec = $3, attributes = $4, attributes_codec = $5
                    FROM (SELECT attributes IS NOT NULL AS had FROM \(s.inLiteral).workflows WHERE number = $1) f WHERE w.number = $1
                    AND w.name = $6 RETURNING f.had' INTO had_attributes
                    USING holder, new_input, new_codec, new_attributes, new_attributes_codec, new_name;
                IF had_attributes IS NULL THEN
                    verdict := 3;
                    RETURN;
                END IF;
                IF had_attributes OR new_attributes IS NOT NULL THEN
                    PERFORM \(s).index_attributes(holder, new_attributes, new_attributes_codec);
                END IF;
                EXECUTE 'SELECT due FROM \(s.inLiteral).workflows WHERE number = $1' INTO held_due USING holder;
                -- A debounce is put off; else it keeps its place. What follows from its beginning is counted from there.
                earlier := CASE WHEN is_debounced
                    THEN greatest(0, new_due - (first_asked + coalesce(maximum_wait, 9000000000000000 - first_asked)))
                    ELSE coalesce(new_due, new_created) - greatest(held_due, new_created) END;
                -- Written in any case: a claim whose snapshot still shows it the former input then finds the row changed, and looks again.
                UPDATE \(s).live l SET due = CASE WHEN is_debounced THEN new_due - earlier ELSE l.due END, deadline = new_deadline - earlier,
                    expires = new_expires - earlier WHERE l.number = holder;
                EXECUTE 'UPDATE \(s.inLiteral).workflows SET due = CASE WHEN $5 THEN $2 ELSE due END, deadline = $3, expires = $4
                    WHERE number = $1' USING holder, new_due - earlier, new_deadline - earlier, new_expires - earlier, is_debounced;
                verdict := 1;
                RETURN;
            ELSIF policy = 'cancel_existing' THEN
                INSERT INTO \(s).inbox (workflow, kind) SELECT holder, \(InboxKind.cancel.rawValue)
                    WHERE NOT EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow = holder AND i.kind = \(InboxKind.cancel.rawValue));
                PERFORM \(s).hint('i');
            END IF;
        ELSIF \(s).newest_run(holder) <> holder THEN
            RAISE EXCEPTION 'the workflow that has a deduplication key goes on as a new run' USING ERRCODE = '40001';
        ELSIF policy IN ('reject', 'use_existing') THEN
            -- Not open; or open in a moment, of a transaction that this one does not see: that has an outcome, or none yet.
            EXECUTE 'SELECT EXISTS (SELECT FROM \(s.inLiteral).outcomes WHERE workflow = $1)' INTO is_there USING holder;
            IF NOT is_there THEN
                EXECUTE 'SELECT EXISTS (SELECT FROM \(s.inLiteral).workflows WHERE number = $1)' INTO is_there USING holder;
                IF is_there THEN
                    RAISE EXCEPTION 'a deduplication key is being given on' USING ERRCODE = '40001';
                END IF;
            END IF;
        END IF;
        PERFORM \(s).give_key(in_queue, asked_key, holder, new_number, new_created);
        holder := NULL;
    END
    $perdure$;

    -- Of a key that the caller has locked. Who redrives its former holder must know what others have it by now.
    CREATE FUNCTION \(s).give_key(in_queue text, given_key text, former int8, new_number int8, at int8) RETURNS void
        LANGUAGE plpgsql AS $perdure$
    BEGIN
        UPDATE \(s).dead_numbers n SET unique_key = given_key WHERE n.number = former AND n.redriven_as IS NULL;
        UPDATE \(s).deduplications d SET number = new_number, since = at WHERE d.queue = in_queue AND d.key = given_key;
    END
    $perdure$;
    """
}
