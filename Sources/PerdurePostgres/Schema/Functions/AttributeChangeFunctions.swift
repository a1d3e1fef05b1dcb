internal import Perdure

/// How workflows change what they are found by; `set_attributes` is documented and stable.
func attributeChangeFunctions(_ s: SchemaName) -> String {
    """
    -- As `AttributeChanges.applied`: what is null is removed. NULL without any, and the count of them.
    CREATE FUNCTION \(s).merged_attributes(before json, changes json, OUT after json, OUT count int8) LANGUAGE sql STABLE AS $perdure$
        WITH a AS (
            SELECT DISTINCT ON (e.key) e.key, e.value FROM json_each(coalesce(before, '{}')) WITH ORDINALITY AS e
                WHERE e.key NOT IN (SELECT c.key FROM json_each(changes) c) ORDER BY e.key, e.ordinality DESC),
        c AS (SELECT DISTINCT ON (e.key) e.key, e.value FROM json_each(changes) WITH ORDINALITY AS e ORDER BY e.key, e.ordinality DESC),
        m AS (SELECT * FROM a UNION ALL SELECT * FROM c WHERE json_typeof(c.value) <> 'null')
        SELECT ('{' || string_agg(to_json(m.key)::text || ':' || m.value::text, ',' ORDER BY m.key COLLATE "C") || '}')::json, count(*) FROM m
    $perdure$;

    CREATE FUNCTION \(s).attributes_fit(asked int8, changes json) RETURNS bool LANGUAGE plpgsql STABLE AS $perdure$
    DECLARE
        before json;
        total int8;
    BEGIN
        EXECUTE 'SELECT \(s.inLiteral).payload_json(attributes, attributes_codec) FROM \(s.inLiteral).workflows WHERE number = $1'
            INTO before USING asked;
        SELECT m.count INTO total FROM \(s).merged_attributes(before, changes) m;
        RETURN total <= \(SearchAttribute.countLimit) OR total <= (SELECT count(*) FROM json_object_keys(before));
    END
    $perdure$;

    -- Whoever changes the same workflow at the same time waits here.
    CREATE FUNCTION \(s).change_attributes(asked int8, changes json) RETURNS bool LANGUAGE plpgsql AS $perdure$
    DECLARE
        before record;
        changed bytea;
    BEGIN
        EXECUTE 'SELECT \(s.inLiteral).payload_json(attributes, attributes_codec) AS attributes FROM \(s.inLiteral).workflows
            WHERE number = $1 FOR UPDATE' INTO before USING asked;
        IF before IS NULL THEN
            EXECUTE 'SELECT number FROM \(s.inLiteral).workflows WHERE number = $1' INTO before USING asked;
            IF before IS NULL THEN
                RETURN false;
            END IF;
            SELECT NULL::json AS attributes INTO before;
        END IF;
        SELECT convert_to(m.after::text, 'UTF8') INTO changed FROM \(s).merged_attributes(before.attributes, changes) m;
        EXECUTE 'UPDATE \(s.inLiteral).workflows SET attributes = $2, attributes_codec = CASE WHEN $2 IS NOT NULL THEN 1 END WHERE number = $1'
            USING asked, changed;
        PERFORM \(s).index_attributes(asked, changed, 1::int2);
        RETURN true;
    END
    $perdure$;

    CREATE FUNCTION \(s).set_attributes_recorded(asked int8, changes json, by_whom text, reason text, asked_at int8) RETURNS text
        LANGUAGE plpgsql AS $perdure$
    #variable_conflict use_column
    DECLARE
        run int8;
    BEGIN
        -- Before it is counted: nobody else's may come in between. A run that goes on as a new one copies them behind the same lock.
        LOOP
            run := \(s).newest_run(set_attributes_recorded.asked);
            EXECUTE 'SELECT FROM \(s.inLiteral).workflows WHERE number = $1 FOR UPDATE' USING run;
            EXIT WHEN run = \(s).newest_run(set_attributes_recorded.asked);
        END LOOP;
        IF NOT \(s).attributes_fit(run, changes) THEN
            RETURN '\(AttributesResult.tooMany.rawValue)';
        END IF;
        IF NOT \(s).change_attributes(run, changes) THEN
            RETURN '\(AttributesResult.unknown.rawValue)';
        END IF;
        INSERT INTO \(s).interventions (workflow, kind, by_whom, reason, asked, applied) VALUES (run,
            '\(InterventionKind.setAttributes.rawValue)', set_attributes_recorded.by_whom, set_attributes_recorded.reason,
            set_attributes_recorded.asked_at, true);
        RETURN '\(AttributesResult.changed.rawValue)';
    END
    $perdure$;

    CREATE FUNCTION \(s).set_attributes(id text, attributes json, by_whom text, reason text DEFAULT NULL) RETURNS void LANGUAGE plpgsql
        SECURITY DEFINER \(fixed) AS $perdure$
    DECLARE
        number int8 := \(s).known_number(set_attributes.id);
    BEGIN
        PERFORM \(s).check_name(set_attributes.by_whom, 'who intervenes');
        IF set_attributes.attributes IS NULL OR json_typeof(set_attributes.attributes) <> 'object' THEN
            RAISE EXCEPTION 'attributes are a JSON object, in which null removes' USING ERRCODE = '22023';
        END IF;
        -- What is removed needs no value, and only a name.
        PERFORM \(s).checked_attributes((SELECT ('{' || string_agg(to_json(e.key)::text || ':' || CASE json_typeof(e.value) WHEN 'null' THEN 'true'
            ELSE e.value::text END, ',') || '}')::json FROM json_each(set_attributes.attributes) e));
        IF \(s).set_attributes_recorded(number, set_attributes.attributes, set_attributes.by_whom, set_attributes.reason, \(serverMicroseconds))
                = '\(AttributesResult.tooMany.rawValue)' THEN
            RAISE EXCEPTION 'a workflow has at most \(SearchAttribute.countLimit) attributes, and "%" would have more', set_attributes.id
                USING ERRCODE = '22023';
        END IF;
    END
    $perdure$;

    REVOKE ALL ON FUNCTION \(s).set_attributes FROM PUBLIC;
    """
}
