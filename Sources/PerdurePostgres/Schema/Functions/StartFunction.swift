internal import Perdure

/// What users of any driver start workflows with, in a transaction of their own: documented and stable.
///
/// It means what `Client.start` means inside a transaction.
func startFunction(_ s: SchemaName) -> String {
    """
    \(takeID(s))

    \(keepOut(s))

    CREATE FUNCTION \(s).start_workflow(name text, input json DEFAULT NULL, id text DEFAULT NULL,
        conflict_policy text DEFAULT 'use_existing', reuse_policy text DEFAULT 'use_existing', timeout interval DEFAULT NULL,
        delay interval DEFAULT NULL, attributes json DEFAULT NULL, version text DEFAULT '', queue text DEFAULT '', key text DEFAULT '',
        priority int4 DEFAULT 0, expires_after interval DEFAULT NULL, deduplication_key text DEFAULT NULL,
        deduplication_policy text DEFAULT 'use_existing', debounce_key text DEFAULT NULL, debounce_period interval DEFAULT NULL,
        debounce_maximum interval DEFAULT NULL)
        RETURNS text LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    #variable_conflict use_column
    DECLARE
        asked_version text := coalesce(start_workflow.version, '');
        begun timestamptz := clock_timestamp();
        put_off interval := coalesce(start_workflow.debounce_period, start_workflow.delay);
        begins timestamptz := CASE WHEN put_off > interval '0' THEN begun + put_off END;
        new_queue text := coalesce(start_workflow.queue, '');
        new_key text := coalesce(start_workflow.key, '');
        expires int8;
        rival record;
        ends timestamptz := coalesce(begins, begun) + start_workflow.timeout;
        new_number int8;
        new_lane int8;
        new_attributes json;
    BEGIN
        PERFORM \(s).check_name(start_workflow.name, 'the name of a workflow');
        -- Their own functions have rights of their own.
        IF starts_with(start_workflow.name, '\(Names.reserved)') THEN
            RAISE EXCEPTION 'workflow "%": what begins with \(Names.reserved) is the library''s own', start_workflow.name USING ERRCODE = '22023';
        END IF;
        IF start_workflow.id IS NOT NULL THEN
            PERFORM \(s).check_name(start_workflow.id, 'the id of a workflow');
        END IF;
        IF asked_version <> '' THEN
            PERFORM \(s).check_name(asked_version, 'the version of a workflow');
        END IF;
        PERFORM \(s).check_payload(octet_length(start_workflow.input::text), 'the input');
        PERFORM \(s).check_payload(octet_length(start_workflow.attributes::text), 'the attributes');
        new_attributes := \(s).checked_attributes(start_workflow.attributes);
        new_number := \(s).number_block();
        IF new_queue <> '' THEN
            PERFORM \(s).check_place(new_queue, new_key, start_workflow.priority);
            IF \(s).queue_setting(new_queue, 'batchSize') IS NOT NULL THEN
                RAISE EXCEPTION 'queue "%" makes batches: give it items, with enqueue_item', new_queue USING ERRCODE = '22023';
            END IF;
            expires := coalesce(\(microseconds("coalesce(begins, begun) + start_workflow.expires_after")),
                \(microseconds("coalesce(begins, begun)")) + \(s).queue_setting(new_queue, 'expiry')::int8);
            SELECT d.verdict, d.holder INTO rival FROM \(s).keep_out(new_queue, new_key, start_workflow.id, start_workflow.deduplication_key,
                start_workflow.deduplication_policy, start_workflow.debounce_key, start_workflow.debounce_period, start_workflow.debounce_maximum,
                new_number, start_workflow.name, coalesce(convert_to(start_workflow.input::text, 'UTF8'), ''),
                convert_to(new_attributes::text, 'UTF8'), \(microseconds("begun")), \(microseconds("begins")),
                \(microseconds("ends")), expires) d;
            IF rival.verdict = 1 THEN
                RETURN \(s).public_id(NULL, rival.holder);
            END IF;
        ELSIF new_key <> '' OR start_workflow.priority <> 0 OR start_workflow.deduplication_key IS NOT NULL
            OR start_workflow.debounce_key IS NOT NULL OR start_workflow.expires_after IS NOT NULL THEN
            RAISE EXCEPTION 'a key, a priority, an expiry and a deduplication are things of a queue: name one' USING ERRCODE = '22023';
        END IF;
        IF NOT \(s).take_id(start_workflow.id, new_number, start_workflow.name, coalesce(start_workflow.conflict_policy, 'use_existing'),
                coalesce(start_workflow.reuse_policy, 'use_existing')) THEN
            RETURN start_workflow.id;
        END IF;
        new_lane := \(s).lane_number(new_queue, new_key, coalesce(start_workflow.priority, 0), start_workflow.name, asked_version);
        INSERT INTO \(s).workflows (number, id, queue, lane_key, priority, name, version, input, codec, attributes, attributes_codec, created,
                due, deadline, expires)
            VALUES (new_number, start_workflow.id, new_queue, new_key, coalesce(start_workflow.priority, 0), start_workflow.name, asked_version,
                coalesce(convert_to(start_workflow.input::text, 'UTF8'), ''), CASE WHEN start_workflow.input IS NULL THEN 0 ELSE 1 END,
                convert_to(new_attributes::text, 'UTF8'), CASE WHEN new_attributes IS NOT NULL THEN 1 END,
                \(microseconds("begun")), \(microseconds("begins")), \(microseconds("ends")), expires);
        IF new_attributes IS NOT NULL THEN
            PERFORM \(s).index_attributes(new_number, convert_to(new_attributes::text, 'UTF8'), 1::int2);
        END IF;
        INSERT INTO \(s).live (number, lane, state, due, deadline, expires)
            VALUES (new_number, new_lane, 0, \(microseconds("begins")), \(microseconds("ends")), expires);
        PERFORM \(s).hint('r');
        RETURN \(s).public_id(start_workflow.id, new_number);
    END
    $perdure$;
    """
}

/// What keeps others out, of the three ways that there are.
private func keepOut(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).keep_out(in_queue text, with_key text, id text, asked_key text, asked_policy text, debounce_key text,
        debounce_period interval, debounce_maximum interval, new_number int8, new_name text, new_input bytea, new_attributes bytea,
        new_created int8, new_due int8, new_deadline int8, new_expires int8, OUT verdict int4, OUT holder int8) LANGUAGE plpgsql AS $perdure$
    DECLARE
        singleton text := \(s).queue_setting(in_queue, 'singleton');
        policy text := coalesce(singleton, asked_policy, 'use_existing');
        unique_key text := asked_key;
    BEGIN
        verdict := 0;
        IF num_nonnulls(id, asked_key, debounce_key, singleton) > 1 THEN
            RAISE EXCEPTION 'an id, a deduplication, a debounce and a singleton are four ways to keep others out of queue "%": choose one', in_queue
                USING ERRCODE = '22023';
        END IF;
        IF policy NOT IN ('reject', 'use_existing', 'replace', 'cancel_existing') THEN
            RAISE EXCEPTION 'deduplication_policy is reject, use_existing, replace or cancel_existing, not "%"', policy USING ERRCODE = '22023';
        END IF;
        IF singleton IS NOT NULL THEN
            unique_key := '@singleton:' || with_key;
        ELSIF debounce_key IS NOT NULL THEN
            IF coalesce(debounce_period, interval '0') <= interval '0' OR debounce_maximum < debounce_period THEN
                RAISE EXCEPTION 'a debounce waits for a period above zero, and for at least that as its maximum' USING ERRCODE = '22023';
            END IF;
            unique_key := '@debounce:' || debounce_key;
            policy := 'replace';
        END IF;
        IF unique_key IS NULL THEN
            RETURN;
        END IF;
        PERFORM \(s).check_name(coalesce(debounce_key, asked_key), 'a deduplication key') WHERE singleton IS NULL;
        SELECT d.verdict, d.holder INTO verdict, holder FROM \(s).deduplicate(in_queue, unique_key, policy, new_number, new_name, new_input,
            CASE WHEN new_input = '' THEN 0 ELSE 1 END::int2, new_attributes, CASE WHEN new_attributes IS NOT NULL THEN 1 END::int2, new_created,
            new_due, new_deadline, new_expires, debounce_key IS NOT NULL, (extract(epoch FROM debounce_maximum) * 1000000)::int8) d;
        IF verdict = 2 THEN
            RAISE EXCEPTION 'the deduplication key "%" of queue "%" is taken by run %', unique_key, in_queue, \(s).public_id(NULL, holder)
                USING ERRCODE = '23505';
        ELSIF verdict = 3 THEN
            RAISE EXCEPTION 'the deduplication key "%" of queue "%" is taken by a workflow of another type', unique_key, in_queue
                USING ERRCODE = '23505';
        END IF;
    END
    $perdure$;
    """
}

private func microseconds(_ moment: String) -> String { "(extract(epoch FROM \(moment)) * 1000000)::int8" }

/// What a start is made of.
private func takeID(_ s: SchemaName) -> String {
    """
    -- Against accidents. The limit is each engine's own; whoever raises theirs says so here: ALTER DATABASE … SET perdure.payload_limit = '8MB'
    CREATE FUNCTION \(s).check_payload(bytes int4, what text) RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        payload_limit int8 := coalesce(pg_size_bytes(nullif(current_setting('perdure.payload_limit', true), '')), 2097152);
    BEGIN
        IF bytes > payload_limit THEN
            RAISE EXCEPTION '%: % bytes, and the limit is %', what, bytes, payload_limit USING ERRCODE = '54000',
                HINT = 'Store it elsewhere and pass a reference, or raise perdure.payload_limit here and payloadLimit in the engines.';
        END IF;
    END
    $perdure$;

    -- False if the run that has the id is the answer; true if it belongs to the new run now, or there is none.
    CREATE FUNCTION \(s).take_id(new_id text, new_number int8, new_name text, conflict_policy text, reuse_policy text)
        RETURNS bool LANGUAGE plpgsql AS $perdure$
    DECLARE
        holder record;
        ended int2;
        is_locked bool := false;
    BEGIN
        IF conflict_policy NOT IN ('use_existing', 'fail', 'terminate_existing') THEN
            RAISE EXCEPTION 'conflict_policy is use_existing, fail or terminate_existing, not "%"', conflict_policy USING ERRCODE = '22023';
        END IF;
        IF reuse_policy NOT IN ('use_existing', 'allow_duplicate', 'allow_duplicate_failed_only', 'reject_duplicate') THEN
            RAISE EXCEPTION 'reuse_policy is use_existing, allow_duplicate, allow_duplicate_failed_only or reject_duplicate, not "%"',
                reuse_policy USING ERRCODE = '22023';
        END IF;
        IF conflict_policy = 'terminate_existing' THEN
            RAISE EXCEPTION 'terminate_existing waits for the end of the other run, which a transaction cannot' USING ERRCODE = '0A000',
                HINT = 'Call terminate_workflow, commit, and start with reuse_policy => ''allow_duplicate'' when that run has ended.';
        END IF;
        IF new_id IS NULL THEN
            RETURN true;
        END IF;
        LOOP
            INSERT INTO \(s).workflow_ids (id, number, name) VALUES (new_id, new_number, new_name) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                RETURN true;
            END IF;
            IF is_locked THEN
                SELECT w.number, w.name INTO holder FROM \(s).workflow_ids w WHERE w.id = new_id FOR UPDATE;
            ELSE
                SELECT w.number, w.name INTO holder FROM \(s).workflow_ids w WHERE w.id = new_id;
            END IF;
            -- Released in this moment: it is free.
            CONTINUE WHEN NOT FOUND;
            IF holder.name <> new_name THEN
                RAISE EXCEPTION 'the id "%" is taken by a workflow of another type: %', new_id, holder.name USING ERRCODE = '23505';
            END IF;
            EXECUTE 'SELECT status FROM \(s.inLiteral).outcomes WHERE workflow = $1' INTO ended USING holder.number;
            -- Continued in this moment: the id is another run's.
            CONTINUE WHEN ended = \(OutcomeStatus.continued.rawValue);
            IF (CASE WHEN ended IS NULL THEN conflict_policy ELSE reuse_policy END) = 'use_existing' THEN
                RETURN false;
            END IF;
            IF ended IS NULL OR reuse_policy = 'reject_duplicate' OR (reuse_policy = 'allow_duplicate_failed_only' AND ended = 1) THEN
                RAISE EXCEPTION 'the id "%" is taken by run %, and the policy of this start says not to use it', new_id,
                    \(s).public_id(NULL, holder.number) USING ERRCODE = '23505';
            END IF;
            IF is_locked THEN
                UPDATE \(s).workflow_ids w SET number = new_number WHERE w.id = new_id;
                RETURN true;
            END IF;
            -- Closed never changes back, but somebody else may be beginning the next run: looked at again with the row locked.
            is_locked := true;
        END LOOP;
    END
    $perdure$;
    """
}
