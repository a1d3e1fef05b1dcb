/// Finding a workflow by its id, with the checks that Swift makes.
///
/// `workflow_number` and `find_workflow` are documented and stable. What has partitions is read by EXECUTE, which plans for the value: a
/// plan that is kept locks every partition.
func nameFunctions(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).check_name(name text, what text) RETURNS void LANGUAGE plpgsql AS $perdure$
    BEGIN
        IF check_name.name IS NULL OR check_name.name = '' THEN
            RAISE EXCEPTION '% is empty', what USING ERRCODE = '22023';
        END IF;
        IF octet_length(check_name.name) > 512 THEN
            RAISE EXCEPTION '% is % bytes long, and the limit is 512: use a digest of it', what, octet_length(check_name.name)
                USING ERRCODE = '22001';
        END IF;
        IF check_name.name ~ E'[\\\\u0001-\\\\u001F\\\\u007F-\\\\u009F]' THEN
            RAISE EXCEPTION '% has the control character U+%', what,
                upper(to_hex(ascii(substring(check_name.name FROM E'[\\\\u0001-\\\\u001F\\\\u007F-\\\\u009F]')))) USING ERRCODE = '22023';
        END IF;
    END
    $perdure$;

    CREATE FUNCTION \(s).workflow_number(id text) RETURNS int8 LANGUAGE plpgsql STABLE SECURITY DEFINER \(fixed) AS $perdure$
    #variable_conflict use_column
    DECLARE
        found int8;
    BEGIN
        SELECT w.number INTO found FROM \(s).workflow_ids w WHERE w.id = workflow_number.id;
        -- An id of ours says its number.
        IF found IS NULL AND workflow_number.id ~ '^w[0-7][0-9a-f]{15}$' THEN
            found := ('x' || substr(workflow_number.id, 2))::bit(64)::int8;
            EXECUTE 'SELECT number FROM \(s.inLiteral).workflows WHERE number = $1' INTO found USING found;
        END IF;
        RETURN found;
    END
    $perdure$;

    CREATE FUNCTION \(s).known_number(id text) RETURNS int8 LANGUAGE plpgsql AS $perdure$
    DECLARE
        found int8;
    BEGIN
        PERFORM \(s).check_name(known_number.id, 'the id of a workflow');
        found := \(s).workflow_number(known_number.id);
        IF found IS NULL THEN
            RAISE EXCEPTION 'no workflow has the id "%"', known_number.id USING ERRCODE = 'P0002';
        END IF;
        RETURN found;
    END
    $perdure$;

    CREATE FUNCTION \(s).find_workflow(id text) RETURNS SETOF \(s).workflow_status LANGUAGE plpgsql STABLE ROWS 1 SECURITY DEFINER \(fixed)
        AS $perdure$
    BEGIN
        RETURN QUERY EXECUTE 'SELECT * FROM \(s.inLiteral).workflow_status WHERE workflow_number = $1'
            USING \(s).workflow_number(find_workflow.id);
    END
    $perdure$;
    """
}

/// For what users call with the owner's rights: nothing that they have set changes what it does.
let fixed = "SET search_path = pg_catalog, pg_temp"
