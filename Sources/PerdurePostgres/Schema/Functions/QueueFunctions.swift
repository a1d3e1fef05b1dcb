/// What users of any driver do with queues, in a transaction of their own: documented and stable.
func queueFunctions(_ s: SchemaName) -> String {
    """
    \(queueInternals(s))

    CREATE FUNCTION \(s).enqueue_item(name text, item json, queue text, key text DEFAULT '', priority int4 DEFAULT 0, version text DEFAULT '')
        RETURNS void LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        PERFORM \(s).check_name(enqueue_item.name, 'the name of a workflow');
        PERFORM \(s).check_place(enqueue_item.queue, enqueue_item.key, enqueue_item.priority);
        IF \(s).queue_setting(enqueue_item.queue, 'batchSize') IS NULL THEN
            RAISE EXCEPTION 'queue "%" makes no batches: declare it with batch, or call start_workflow', enqueue_item.queue
                USING ERRCODE = '22023';
        END IF;
        PERFORM \(s).check_payload(octet_length(enqueue_item.item::text), 'the item');
        INSERT INTO \(s).items (queue, lane_key, priority, name, version, payload, created)
            VALUES (enqueue_item.queue, coalesce(enqueue_item.key, ''), enqueue_item.priority, enqueue_item.name,
                coalesce(enqueue_item.version, ''), convert_to(coalesce(enqueue_item.item::text, 'null'), 'UTF8'), \(serverMicroseconds));
        PERFORM \(s).hint('r');
    END
    $perdure$;

    CREATE FUNCTION \(s).pause_queue(name text, reason text DEFAULT NULL) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        PERFORM \(s).await_claims(pause_queue.name);
        UPDATE \(s).queues q SET paused_at = \(serverMicroseconds), pause_reason = pause_queue.reason, revision = q.revision + 1
            WHERE q.name = pause_queue.name;
        RETURN \(s).changed_queue(FOUND);
    END
    $perdure$;

    CREATE FUNCTION \(s).resume_queue(name text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    BEGIN
        UPDATE \(s).queues q SET paused_at = NULL, pause_reason = NULL, revision = q.revision + 1 WHERE q.name = resume_queue.name;
        RETURN \(s).changed_queue(FOUND);
    END
    $perdure$;

    -- As {"concurrency": 10, "rateLimit": {"count": 100, "period": 1000000}}, periods in microseconds: what is not named stays, what is
    -- null is not limited; NULL for all that is declared.
    CREATE FUNCTION \(s).change_queue(name text, limits json) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        changed jsonb;
    BEGIN
        IF limits IS NOT NULL THEN
            PERFORM \(s).await_claims(change_queue.name);
            SELECT jsonb_strip_nulls(coalesce(q.changed::jsonb, q.declared::jsonb -> 'limits', '{}') || change_queue.limits::jsonb) INTO changed
                FROM \(s).queues q WHERE q.name = change_queue.name FOR UPDATE;
            PERFORM \(s).check_limits(changed::json);
        END IF;
        RETURN \(s).changed_queue(coalesce(\(s).set_limits(change_queue.name, changed::text, NULL), false));
    END
    $perdure$;

    -- Starts dead letters again, the oldest first, each once; how many. What has to wait for another of its key is passed over.
    CREATE FUNCTION \(s).redrive(queue text DEFAULT NULL, maximum int4 DEFAULT 1000) RETURNS int4
        LANGUAGE plpgsql SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        letters int8[];
        last int8 := 0;
        done int4 := 0;
    BEGIN
        WHILE done < redrive.maximum LOOP
            letters := ARRAY(SELECT d.number FROM \(s).dead_numbers d WHERE d.redriven_as IS NULL AND d.number > last
                AND (redrive.queue IS NULL OR d.queue = redrive.queue) ORDER BY d.number LIMIT least(redrive.maximum - done, 1000));
            EXIT WHEN cardinality(letters) = 0;
            last := letters[cardinality(letters)];
            done := done + (SELECT count(*) FROM \(s).redrive_these(letters, ARRAY(SELECT \(s).number_block() FROM unnest(letters)),
                \(serverMicroseconds)));
        END LOOP;
        IF done > 0 THEN
            PERFORM \(s).hint('r');
        END IF;
        RETURN done;
    END
    $perdure$;
    """
}

private func queueInternals(_ s: SchemaName) -> String {
    """
    -- Until the claims from a queue that are on their way are through, and those that come next wait for the end of this transaction.
    -- Somebody who is frozen in the midst of a claim must not hold up a pause for long.
    CREATE FUNCTION \(s).await_claims(queue text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        SET lock_timeout = '3s' AS $perdure$
    BEGIN
        PERFORM pg_advisory_xact_lock(\(s.queueLockClass), hashtext(queue));
    EXCEPTION WHEN lock_not_available THEN
        RAISE WARNING 'a claim from queue "%" has been on its way for three seconds: it may still begin what it has claimed', queue;
    END
    $perdure$;

    -- NULL if the queue is of another revision; false if there is none.
    CREATE FUNCTION \(s).set_limits(asked text, limits text, of_revision int8) RETURNS bool LANGUAGE plpgsql AS $perdure$
    DECLARE
        found_revision int8;
    BEGIN
        PERFORM \(s).await_claims(asked);
        SELECT q.revision INTO found_revision FROM \(s).queues q WHERE q.name = asked FOR UPDATE;
        IF found_revision <> of_revision THEN
            RETURN NULL;
        END IF;
        UPDATE \(s).queues q SET changed = limits, revision = q.revision + 1 WHERE q.name = asked;
        RETURN FOUND;
    END
    $perdure$;

    CREATE FUNCTION \(s).queue_counts(asked text, OUT waiting int8, OUT delayed int8, OUT running int8, OUT oldest int8,
        OUT items int8) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT coalesce(sum(c.waiting), 0)::int8, coalesce(sum(c.delayed), 0)::int8, coalesce(sum(c.running), 0)::int8,
            (min(c.first >> 22) + 1735689600000) * 1000, (SELECT count(*) FROM \(s).items i WHERE i.queue = asked)
        FROM \(s).lanes n CROSS JOIN LATERAL (SELECT
            count(*) FILTER (WHERE l.state = 0 AND coalesce(l.due <= \(serverMicroseconds), true)) AS waiting,
            count(*) FILTER (WHERE l.lane & 1 = 0 AND (l.state = 2 OR l.state = 0 AND l.due > \(serverMicroseconds))) AS delayed,
            count(*) FILTER (WHERE l.state = 1) AS running,
            min(l.number) FILTER (WHERE l.state = 0 AND coalesce(l.due <= \(serverMicroseconds), true)) AS first
            FROM \(s).live l WHERE l.lane = n.lane) c
        WHERE n.queue = asked
    $perdure$;

    CREATE FUNCTION \(s).queue_setting(asked text, setting text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
        AS $perdure$ SELECT q.declared::json ->> setting FROM \(s).queues q WHERE q.name = asked $perdure$;

    CREATE FUNCTION \(s).changed_queue(is_there bool) RETURNS bool LANGUAGE plpgsql AS $perdure$
    BEGIN
        IF is_there THEN
            PERFORM \(s).hint('s');
        END IF;
        RETURN is_there;
    END
    $perdure$;

    CREATE FUNCTION \(s).check_place(queue text, key text, priority int4) RETURNS void LANGUAGE plpgsql AS $perdure$
    BEGIN
        PERFORM \(s).check_name(check_place.queue, 'the name of a queue');
        IF coalesce(check_place.key, '') <> '' THEN
            PERFORM \(s).check_name(check_place.key, 'the key in a queue');
        END IF;
        IF check_place.priority IS NULL OR check_place.priority NOT BETWEEN 0 AND 9 THEN
            RAISE EXCEPTION 'the priority % is not one of 0 to 9, of which 0 goes first', check_place.priority USING ERRCODE = '22023';
        END IF;
        IF check_place.priority <> 0 AND EXISTS (SELECT FROM \(s).queues q WHERE q.name = check_place.queue
            AND q.declared::json ->> 'slots' = 'untilEnd' AND q.declared::json ->> 'whenFull' = 'wait'
            AND q.declared::json -> 'limits' ->> 'perKey' = '1') THEN
            RAISE EXCEPTION 'queue "%" runs a key''s workflows in their order, which a priority would change: leave it out', check_place.queue
                USING ERRCODE = '22023';
        END IF;
    END
    $perdure$;

    CREATE FUNCTION \(s).is_whole(value json, minimum numeric, maximum numeric) RETURNS bool LANGUAGE sql IMMUTABLE
        SET search_path = pg_catalog, pg_temp AS $perdure$
        SELECT CASE WHEN json_typeof(value) = 'number' THEN value::text::numeric BETWEEN minimum AND maximum AND value::text::numeric % 1 = 0
            ELSE false END
    $perdure$;

    CREATE FUNCTION \(s).check_weights(weights json) RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        entry record;
    BEGIN
        FOR entry IN SELECT e.key, e.value FROM json_each(weights) e LOOP
            IF entry.key <> '' THEN
                PERFORM \(s).check_name(entry.key, 'a key of a queue');
            END IF;
            IF (CASE WHEN json_typeof(entry.value) = 'number' THEN entry.value::text::numeric NOT BETWEEN 0.001 AND 1000 ELSE true END) THEN
                RAISE EXCEPTION 'the weight of key "%" is %: 0.001 to 1,000', entry.key, entry.value USING ERRCODE = '22023';
            END IF;
        END LOOP;
    END
    $perdure$;

    CREATE FUNCTION \(s).check_limits(limits json) RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        entry record;
    BEGIN
        IF limits IS NULL THEN
            RETURN;
        END IF;
        FOR entry IN SELECT e.key, e.value FROM json_each(limits) e LOOP
            IF entry.key IN ('concurrency', 'perEngine', 'perKey') THEN
                IF NOT \(s).is_whole(entry.value, 1, 1000000) THEN
                    RAISE EXCEPTION 'the limit "%" is %: 1 to 1,000,000, or leave it out', entry.key, entry.value USING ERRCODE = '22023';
                END IF;
            ELSIF entry.key IN ('rateLimit', 'rateLimitPerKey') THEN
                IF json_typeof(entry.value) <> 'object' OR NOT \(s).is_whole(entry.value -> 'count', 1, 1000000000000)
                    OR NOT \(s).is_whole(entry.value -> 'period', 1000, 366 * 86400000000) THEN
                    RAISE EXCEPTION 'the limit "%" is %: {"count": 1 or more, "period": microseconds, from a thousand to a year''s}', entry.key,
                        entry.value USING ERRCODE = '22023';
                END IF;
            ELSIF entry.key = 'weights' THEN
                PERFORM \(s).check_weights(entry.value);
            ELSE
                RAISE EXCEPTION 'there is no limit "%": concurrency, perEngine, perKey, rateLimit, rateLimitPerKey, weights', entry.key
                    USING ERRCODE = '22023';
            END IF;
        END LOOP;
    END
    $perdure$;

    -- Makes workflows of the items of a queue that are enough, or have waited for long enough; how many. NULL if somebody else does.
    CREATE FUNCTION \(s).gather(asked text, size int4, within int8, expiry int8) RETURNS int4 LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off
        AS $perdure$
    DECLARE
        lane record;
        picked int8[];
        made int4 := 0;
        is_full bool;
        input text;
        expires int8;
        new_number int8;
    BEGIN
        -- Two at once would take each other's turns.
        IF NOT pg_try_advisory_xact_lock(\(s.batchLockClass), hashtext(asked)) THEN
            RETURN NULL;
        END IF;
        -- From lane to lane by the index, and of each no more than make it full: what waits for company is not gone through again and again.
        FOR lane IN WITH RECURSIVE lanes AS (
                (SELECT i.lane_key, i.priority, i.name, i.version FROM \(s).items i WHERE i.queue = asked
                    ORDER BY i.lane_key, i.priority, i.name, i.version LIMIT 1)
                UNION ALL
                SELECT n.* FROM lanes l CROSS JOIN LATERAL (SELECT i.lane_key, i.priority, i.name, i.version FROM \(s).items i
                    WHERE i.queue = asked AND (i.lane_key, i.priority, i.name, i.version) > (l.lane_key, l.priority, l.name, l.version)
                    ORDER BY i.lane_key, i.priority, i.name, i.version LIMIT 1) n)
            SELECT l.* FROM lanes l CROSS JOIN LATERAL (SELECT count(*) AS items, min(f.created) AS first FROM (SELECT i.created
                FROM \(s).items i WHERE i.queue = asked AND i.lane_key = l.lane_key AND i.priority = l.priority AND i.name = l.name
                    AND i.version = l.version ORDER BY i.item LIMIT size) f) c
            WHERE c.items >= size OR c.first <= \(serverMicroseconds) - within LOOP
            LOOP
                SELECT array_agg(b.item) FILTER (WHERE b.bytes <= 1048576 OR b.place = 1),
                    count(*) >= size OR max(b.bytes) > 1048576 OR min(b.created) <= \(serverMicroseconds) - within
                    INTO picked, is_full
                    FROM (SELECT r.item, r.created, sum(octet_length(r.payload) + 1) OVER w AS bytes, row_number() OVER w AS place
                        FROM (SELECT i.item, i.created, i.payload FROM \(s).items i WHERE i.queue = asked AND i.lane_key = lane.lane_key
                            AND i.priority = lane.priority AND i.name = lane.name AND i.version = lane.version
                            ORDER BY i.item LIMIT size FOR UPDATE SKIP LOCKED) r WINDOW w AS (ORDER BY r.item)) b;
                EXIT WHEN picked IS NULL OR NOT is_full;
                WITH d AS (DELETE FROM \(s).items i WHERE i.item = ANY(picked) RETURNING i.item, i.payload, i.created)
                    SELECT '[' || string_agg(convert_from(d.payload, 'UTF8'), ',' ORDER BY d.item) || ']', min(d.created) + expiry
                    INTO input, expires FROM d;
                new_number := \(s).number_block();
                INSERT INTO \(s).workflows (number, queue, lane_key, priority, name, version, input, codec, created, expires)
                    VALUES (new_number, asked, lane.lane_key, lane.priority, lane.name, lane.version, convert_to(input, 'UTF8'), 1,
                        \(serverMicroseconds), expires);
                INSERT INTO \(s).live (number, lane, state, expires)
                    VALUES (new_number, \(s).lane_number(asked, lane.lane_key, lane.priority, lane.name, lane.version), 0, expires);
                made := made + 1;
            END LOOP;
        END LOOP;
        RETURN made;
    END
    $perdure$;

    -- The key by which a dead letter kept others out.
    CREATE FUNCTION \(s).letter_key(in_queue text, lane_key text, letter int8) RETURNS text LANGUAGE plpgsql STABLE AS $perdure$
    DECLARE
        first_run int8 := coalesce((SELECT c.first FROM \(s).successors c WHERE c.number = letter), letter);
    BEGIN
        RETURN coalesce((SELECT n.unique_key FROM \(s).dead_numbers n WHERE n.number = letter),
            (SELECT d.key FROM \(s).deduplications d WHERE d.number IN (letter, first_run) AND d.queue = in_queue LIMIT 1),
            CASE WHEN \(s).queue_setting(in_queue, 'singleton') IS NOT NULL THEN '@singleton:' || lane_key END);
    END
    $perdure$;

    -- Who has the key, which is locked from now on; the letter itself if nobody has.
    CREATE FUNCTION \(s).lock_key(in_queue text, asked_key text, letter int8, at int8) RETURNS int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        holder int8;
    BEGIN
        INSERT INTO \(s).deduplications (queue, key, number, since) VALUES (in_queue, asked_key, letter, at) ON CONFLICT DO NOTHING;
        SELECT d.number INTO holder FROM \(s).deduplications d WHERE d.queue = in_queue AND d.key = asked_key FOR UPDATE;
        RETURN coalesce(\(s).current_run(holder), \(s).newest_run(holder));
    END
    $perdure$;

    CREATE FUNCTION \(s).redrive_these(letters int8[], numbers int8[], at int8) RETURNS SETOF int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        w record;
        later int8;
        unique_key text;
        holder int8;
        new_id text;
    BEGIN
        FOR i IN 1..coalesce(array_length(letters, 1), 0) LOOP
            EXECUTE 'SELECT * FROM \(s.inLiteral).workflows WHERE number = $1' INTO w USING letters[i];
            CONTINUE WHEN w.number IS NULL;
            -- In the order of whoever enqueues: the key, and then whose it was.
            unique_key := \(s).letter_key(w.queue, w.lane_key, letters[i]);
            holder := CASE WHEN unique_key IS NOT NULL THEN \(s).lock_key(w.queue, unique_key, letters[i], at) END;
            PERFORM FROM \(s).dead_numbers d WHERE d.number = letters[i] AND d.redriven_as IS NULL FOR UPDATE;
            CONTINUE WHEN NOT FOUND OR EXISTS (SELECT FROM \(s).live l WHERE l.number = holder);
            IF unique_key IS NOT NULL THEN
                PERFORM \(s).give_key(w.queue, unique_key, holder, numbers[i], at);
            END IF;
            UPDATE \(s).dead_numbers d SET redriven_as = numbers[i] WHERE d.number = letters[i];
            later := at - coalesce(w.due, w.created);
            new_id := NULL;
            IF w.id IS NOT NULL THEN
                UPDATE \(s).workflow_ids m SET number = numbers[i] WHERE m.id = w.id AND m.number = w.number;
                new_id := CASE WHEN FOUND THEN w.id END;
            END IF;
            INSERT INTO \(s).workflows (number, id, queue, lane_key, priority, name, version, input, codec, attributes, attributes_codec, created,
                    deadline, expires)
                VALUES (numbers[i], new_id, w.queue, w.lane_key, w.priority, w.name, w.version, w.input, w.codec, w.attributes,
                    w.attributes_codec, at, w.deadline + later, w.expires + later);
            IF w.attributes IS NOT NULL THEN
                PERFORM \(s).index_attributes(numbers[i], w.attributes, w.attributes_codec);
            END IF;
            INSERT INTO \(s).live (number, lane, state, deadline, expires)
                VALUES (numbers[i], \(s).lane_number(w.queue, w.lane_key, w.priority, w.name, w.version), 0, w.deadline + later,
                    w.expires + later);
            RETURN NEXT letters[i];
        END LOOP;
    END
    $perdure$;
    """
}
