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
        IF known_timeline IS NULL THEN
            IF known_boot IS DISTINCT FROM pg_catalog.pg_postmaster_start_time() THEN
                RAISE EXCEPTION 'the server was restarted after executor % had registered', asking USING ERRCODE = 'PD001';
            END IF;
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

    CREATE FUNCTION \(s).check_starts(asked int8[], asked_names text[], asked_created int8[], asked_input bytea[],
        asked_ids text[]) RETURNS void LANGUAGE plpgsql AS $perdure$
    DECLARE
        i int4;
    BEGIN
        FOR i IN 1..coalesce(array_length(asked, 1), 0) LOOP
            IF EXISTS (SELECT FROM \(s).workflows w WHERE w.number = asked[i]
                AND (w.name <> asked_names[i] OR w.created <> asked_created[i] OR w.input <> asked_input[i]
                    OR w.id IS DISTINCT FROM asked_ids[i])) THEN
                RAISE EXCEPTION 'the number % belongs to another workflow', asked[i] USING ERRCODE = '23505';
            END IF;
        END LOOP;
    END
    $perdure$;
    """
}

/// What users of other drivers start workflows with, documented and stable.
func startFunction(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).start_workflow(name text, input json DEFAULT NULL, id text DEFAULT NULL, queue text DEFAULT '',
        lane_key text DEFAULT '', priority int4 DEFAULT 0, version text DEFAULT '', due timestamptz DEFAULT NULL,
        deadline timestamptz DEFAULT NULL, attributes json DEFAULT NULL) RETURNS text LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $perdure$
    #variable_conflict use_column
    DECLARE
        new_number int8;
        new_lane int8;
        taken_name text;
        now_us int8 := \(serverMicroseconds);
    BEGIN
        IF start_workflow.name IS NULL OR start_workflow.name = '' THEN
            RAISE EXCEPTION 'a workflow needs a name' USING ERRCODE = '22023';
        END IF;
        IF octet_length(start_workflow.name) > 512 OR octet_length(start_workflow.id) > 512 THEN
            RAISE EXCEPTION 'names and ids of workflows have at most 512 bytes' USING ERRCODE = '22001';
        END IF;
        new_number := ((now_us / 1000 - 1735689600000) << 22) | nextval('\(s.forRegclass("workflow_numbers"))');
        IF start_workflow.id IS NOT NULL THEN
            INSERT INTO \(s).workflow_ids AS w (id, number, name) VALUES (start_workflow.id, new_number, start_workflow.name)
                ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                SELECT w.name INTO taken_name FROM \(s).workflow_ids w WHERE w.id = start_workflow.id;
                IF taken_name <> start_workflow.name THEN
                    RAISE EXCEPTION 'the id "%" is taken by a workflow of another type: %', start_workflow.id, taken_name
                        USING ERRCODE = '23505';
                END IF;
                RETURN start_workflow.id;
            END IF;
        END IF;
        SELECT l.lane INTO new_lane FROM \(s).lanes l WHERE l.queue = start_workflow.queue AND l.lane_key = start_workflow.lane_key
            AND l.priority = start_workflow.priority AND l.name = start_workflow.name AND l.version = start_workflow.version AND NOT l.returned;
        IF new_lane IS NULL THEN
            new_lane := nextval('\(s.forRegclass("lane_numbers"))');
            INSERT INTO \(s).lanes (lane, queue, lane_key, priority, name, version, returned)
                SELECT new_lane + r, start_workflow.queue, start_workflow.lane_key, start_workflow.priority, start_workflow.name,
                    start_workflow.version, r = 1 FROM generate_series(0, 1) r ORDER BY r
                ON CONFLICT DO NOTHING;
            SELECT l.lane INTO STRICT new_lane FROM \(s).lanes l WHERE l.queue = start_workflow.queue AND l.lane_key = start_workflow.lane_key
                AND l.priority = start_workflow.priority AND l.name = start_workflow.name AND l.version = start_workflow.version
                AND NOT l.returned;
        END IF;
        INSERT INTO \(s).workflows (number, id, queue, lane_key, priority, name, version, input, codec, attributes, attributes_codec, created,
                due, deadline)
            VALUES (new_number, start_workflow.id, start_workflow.queue, start_workflow.lane_key, start_workflow.priority,
                start_workflow.name, start_workflow.version, coalesce(convert_to(start_workflow.input::text, 'UTF8'), ''),
                CASE WHEN start_workflow.input IS NULL THEN 0 ELSE 1 END, convert_to(start_workflow.attributes::text, 'UTF8'),
                CASE WHEN start_workflow.attributes IS NULL THEN NULL ELSE 1 END, now_us,
                (extract(epoch FROM start_workflow.due) * 1000000)::int8, (extract(epoch FROM start_workflow.deadline) * 1000000)::int8);
        INSERT INTO \(s).live (number, lane, state, due, deadline)
            VALUES (new_number, new_lane, 0, (extract(epoch FROM start_workflow.due) * 1000000)::int8,
                (extract(epoch FROM start_workflow.deadline) * 1000000)::int8);
        RETURN coalesce(start_workflow.id, \(s).public_id(NULL, new_number));
    END
    $perdure$;
    """
}

/// Its other half: a cancel, which the owner of the workflow finds in its inbox.
func cancelFunction(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).cancel_workflow(id text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $perdure$
    #variable_conflict use_column
    DECLARE
        target int8;
    BEGIN
        SELECT w.number INTO target FROM \(s).workflow_ids w WHERE w.id = cancel_workflow.id;
        IF target IS NULL AND cancel_workflow.id ~ '^w[0-7][0-9a-f]{15}$' THEN
            target := ('x' || substr(cancel_workflow.id, 2))::bit(64)::int8;
        END IF;
        INSERT INTO \(s).inbox (workflow, kind) SELECT l.number, 1 FROM \(s).live l WHERE l.number = target;
        RETURN FOUND;
    END
    $perdure$;
    """
}
