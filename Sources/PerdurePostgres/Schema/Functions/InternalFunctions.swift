/// Functions that the store calls.
///
/// Every name in them is qualified, and the search path is fixed where text is evaluated.
func internalFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).fence(asking int8, at_slot int4) RETURNS int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        known_timeline text;
        known_boot timestamptz;
    BEGIN
        SELECT f.timeline, f.boot INTO known_timeline, known_boot FROM \(s).fences f
            WHERE f.executor = asking AND f.slot = at_slot FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'executor % has lost its lease', asking USING ERRCODE = 'PD001';
        END IF;
        -- Only where the timeline is not told, or says too little.
        IF known_boot <> pg_catalog.pg_postmaster_start_time() THEN
            RAISE EXCEPTION 'the server was restarted after executor % had registered', asking USING ERRCODE = 'PD001';
        END IF;
        IF known_timeline IS NULL THEN
            RETURN 0;
        END IF;
        IF known_timeline <> pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8) THEN
            RAISE EXCEPTION 'another server was promoted after executor % had registered', asking USING ERRCODE = 'PD001';
        END IF;
        RETURN pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn;
    END
    $perdure$;

    CREATE FUNCTION \(s).lock_holders(mark xid) RETURNS SETOF xid LANGUAGE plpgsql AS $perdure$
    BEGIN
        RETURN NEXT mark;
        RETURN QUERY SELECT m.xid FROM pg_catalog.pg_get_multixact_members(mark) m;
    EXCEPTION WHEN others THEN
        RETURN;
    END
    $perdure$;

    -- The first of 1,024 numbers that nobody else gets.
    CREATE FUNCTION \(s).number_block() RETURNS int8 LANGUAGE sql VOLATILE
        RETURN (((extract(epoch FROM clock_timestamp()) * 1000)::int8 - 1735689600000) << 22)
            | nextval('\(s.forRegclass("workflow_numbers"))');

    CREATE FUNCTION \(s).lane_number(asked_queue text, asked_key text, asked_priority int4, asked_name text, asked_version text)
        RETURNS int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        found int8;
    BEGIN
        SELECT min(l.lane) INTO found FROM \(s).lanes l WHERE l.queue = asked_queue AND l.lane_key = asked_key
            AND l.priority = asked_priority AND l.name = asked_name AND l.version = asked_version AND NOT l.returned;
        IF found IS NULL THEN
            found := pg_catalog.nextval('\(s.forRegclass("lane_numbers"))');
            INSERT INTO \(s).lanes (lane, queue, lane_key, priority, name, version, returned)
                VALUES (found, asked_queue, asked_key, asked_priority, asked_name, asked_version, false),
                    (found + 1, asked_queue, asked_key, asked_priority, asked_name, asked_version, true);
        END IF;
        RETURN found;
    END
    $perdure$;

    -- Of several lanes at once: parallel arrays.
    CREATE FUNCTION \(s).lane_numbers(queues text[], keys text[], priorities int4[], names text[], versions text[]) RETURNS SETOF int8
        LANGUAGE sql AS $perdure$
        SELECT \(s).lane_number(u.queue, u.key, u.priority, u.name, u.version)
        FROM unnest(queues, keys, priorities, names, versions) WITH ORDINALITY AS u(queue, key, priority, name, version, place) ORDER BY u.place
    $perdure$;

    CREATE FUNCTION \(s).resume(asked int8) RETURNS bool LANGUAGE plpgsql AS $perdure$
    BEGIN
        asked := coalesce(\(s).current_run(asked), asked);
        UPDATE \(s).live SET state = 0, lane = lane | 1, tx = pg_catalog.pg_current_xact_id(), crashes = 0, due = NULL
            WHERE number = asked AND state + 0 = 3;
        IF NOT FOUND THEN
            RETURN \(s).resume_paused(asked);
        END IF;
        DELETE FROM \(s).asides WHERE number = asked;
        RETURN true;
    END
    $perdure$;

    CREATE FUNCTION \(s).check_starts(asked int8[], asked_names text[], asked_created int8[], asked_ids text[])
        RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        i int4;
    BEGIN
        FOR i IN 1..coalesce(array_length(asked, 1), 0) LOOP
            IF EXISTS (SELECT FROM \(s).workflows w WHERE w.number = asked[i]
                AND (w.name <> asked_names[i] OR w.created <> asked_created[i] OR w.id IS DISTINCT FROM asked_ids[i])) THEN
                RAISE EXCEPTION 'the number % belongs to another workflow', asked[i] USING ERRCODE = '23505';
            END IF;
        END LOOP;
    END
    $perdure$;
    """
}
