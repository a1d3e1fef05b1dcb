internal import Perdure

/// What workflows are found by: a row for each value of each attribute, and the indexes that searches need besides.
///
/// `kind` 1 is text, 2 a number, 3 a truth value (1 or 0), 4 a moment, which is text too. A workflow that changes its attributes changes its rows.
/// The indexes beside them cost nothing where most workflows are: those that complete, and that have no id of the user's.
func searchTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).attributes (workflow int8 NOT NULL, name text COLLATE "C" NOT NULL, place int2 NOT NULL, kind int2 NOT NULL,
        text text COLLATE "C", number numeric, PRIMARY KEY (workflow, name, place)) PARTITION BY RANGE (workflow);
    CREATE INDEX attributes_text ON \(s).attributes (name, text, workflow) WHERE text IS NOT NULL;
    CREATE INDEX attributes_number ON \(s).attributes (name, number, workflow) WHERE number IS NOT NULL;
    CREATE INDEX outcomes_ends ON \(s).outcomes (status, workflow) WHERE status <> 1;
    CREATE INDEX workflows_ids ON \(s).workflows (id COLLATE "C") WHERE id IS NOT NULL;
    """
}

/// How SQL makes rows of attributes: as `WorkflowRecord.attributeRows` does.
func attributeFunctions(_ s: SchemaName) -> String {
    """
    -- Microseconds of text that is a moment in ISO 8601 with a Z; NULL for other text.
    CREATE FUNCTION \(s).attribute_moment(value text) RETURNS int8 LANGUAGE plpgsql STABLE \(fixed) AS $perdure$
    BEGIN
        IF value !~ '^\\d{4}-\\d\\d-\\d\\dT([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?Z$' THEN
            RETURN NULL;
        END IF;
        RETURN (extract(epoch FROM value::timestamptz) * 1000000)::int8;
    EXCEPTION WHEN data_exception THEN
        RETURN NULL;
    END
    $perdure$;

    -- As Swift writes it.
    CREATE FUNCTION \(s).attribute_moment_text(moment int8) RETURNS text LANGUAGE sql STABLE \(fixed) AS $perdure$
        SELECT to_char('epoch'::timestamp + (moment / 1000000) * interval '1 second' + (moment % 1000000) * interval '1 microsecond',
            'YYYY-MM-DD"T"HH24:MI:SS' || CASE WHEN moment % 1000000 = 0 THEN '"Z"' ELSE '.US"Z"' END)
    $perdure$;

    -- A whole number, or what a double makes of it.
    CREATE FUNCTION \(s).attribute_number(value text) RETURNS numeric LANGUAGE plpgsql STABLE \(fixed) SET extra_float_digits = 1 AS $perdure$
    BEGIN
        IF value ~ '^-?\\d+$' AND value::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
            RETURN value::numeric;
        END IF;
        RETURN value::float8::text::numeric;
    EXCEPTION WHEN data_exception THEN
        RETURN NULL;
    END
    $perdure$;

    CREATE FUNCTION \(s).attribute_rows(given json) RETURNS TABLE (name text, place int2, kind int2, text text, number numeric)
        LANGUAGE plpgsql STABLE \(fixed) AS $perdure$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        WITH e AS MATERIALIZED (SELECT DISTINCT ON (e.key) e.key, e.value, json_typeof(e.value) AS type FROM json_each(given) WITH ORDINALITY AS e
                WHERE octet_length(e.key) BETWEEN 1 AND 512 ORDER BY e.key, e.ordinality DESC),
            v AS MATERIALIZED (SELECT e.key, e.type, e.value #>> '{}' AS value, CASE e.type WHEN 'string' THEN \(s).attribute_moment(e.value #>> '{}')
                WHEN 'number' THEN \(s).attribute_number(e.value #>> '{}') WHEN 'boolean' THEN ((e.value #>> '{}') = 'true')::int4::numeric END AS number
                FROM e WHERE e.type IN ('string', 'number', 'boolean'))
        SELECT v.key, 0::int2, (CASE v.type WHEN 'number' THEN 2 WHEN 'boolean' THEN 3 ELSE CASE WHEN v.number IS NULL THEN 1 ELSE 4 END END)::int2,
                CASE WHEN v.type = 'string' THEN coalesce(\(s).attribute_moment_text(v.number::int8), v.value) END, v.number
            FROM v WHERE CASE v.type WHEN 'string' THEN octet_length(v.value) <= 2048 ELSE v.number IS NOT NULL END
        UNION ALL
        SELECT e.key, (row_number() OVER (PARTITION BY e.key ORDER BY min(t.place)) - 1)::int2, 1::int2, t.value, NULL
            FROM e CROSS JOIN LATERAL json_array_elements_text(CASE WHEN e.type = 'array' THEN e.value ELSE '[]' END) WITH ORDINALITY AS t(value, place)
            WHERE json_array_length(CASE WHEN e.type = 'array' THEN e.value ELSE '[]' END) <= 64 AND NOT EXISTS (
                SELECT FROM json_array_elements(CASE WHEN e.type = 'array' THEN e.value ELSE '[]' END) x
                WHERE json_typeof(x.value) <> 'string' OR octet_length(x.value #>> '{}') > 2048)
            GROUP BY e.key, t.value;
    EXCEPTION WHEN data_exception THEN
        RETURN;
    END
    $perdure$;

    -- Instead of those that it had.
    CREATE FUNCTION \(s).index_attributes(asked int8, given bytea, codec int2) RETURNS void LANGUAGE plpgsql \(fixed) AS $perdure$
    DECLARE
        value json := \(s).payload_json(given, codec);
    BEGIN
        EXECUTE 'DELETE FROM \(s.inLiteral).attributes WHERE workflow = $1' USING asked;
        IF json_typeof(value) = 'object' THEN
            INSERT INTO \(s).attributes (workflow, name, place, kind, text, number)
                SELECT asked, r.name, r.place, r.kind, r.text, r.number FROM \(s).attribute_rows(value) r;
        END IF;
    END
    $perdure$;

    \(checkedAttributes(s))
    """
}

/// What a start by SQL may be given, as `SearchAttribute.check` says it.
private func checkedAttributes(_ s: SchemaName) -> String {
    """
    CREATE FUNCTION \(s).checked_attributes(asked json) RETURNS json LANGUAGE plpgsql AS $perdure$
    DECLARE
        attribute record;
        is_valid bool;
    BEGIN
        IF asked IS NULL OR json_typeof(asked) = 'null' THEN
            RETURN NULL;
        END IF;
        IF json_typeof(asked) <> 'object' THEN
            RAISE EXCEPTION 'attributes are a JSON object, not %', left(asked::text, 100) USING ERRCODE = '22023';
        END IF;
        IF (SELECT count(*) FROM json_object_keys(asked)) > \(SearchAttribute.countLimit) THEN
            RAISE EXCEPTION 'a workflow has at most \(SearchAttribute.countLimit) attributes' USING ERRCODE = '22023';
        END IF;
        FOR attribute IN SELECT e.key, e.value, json_typeof(e.value) AS type FROM json_each(asked) e LOOP
            PERFORM \(s).check_name(attribute.key, 'the name of an attribute');
            IF starts_with(attribute.key, 'perdure.') THEN
                RAISE EXCEPTION 'attribute "%": what begins with perdure. is the library''s own', attribute.key USING ERRCODE = '22023';
            END IF;
            is_valid := CASE attribute.type WHEN 'string' THEN octet_length(attribute.value #>> '{}') <= \(SearchAttribute.textLimit)
                WHEN 'boolean' THEN true
                WHEN 'number' THEN \(s).attribute_number(attribute.value #>> '{}') IS NOT NULL
                WHEN 'array' THEN json_array_length(attribute.value) <= \(SearchAttribute.countLimit) AND NOT EXISTS (
                    SELECT FROM json_array_elements(attribute.value) x
                    WHERE json_typeof(x.value) <> 'string' OR octet_length(x.value #>> '{}') > \(SearchAttribute.textLimit))
                ELSE false END;
            IF NOT is_valid THEN
                RAISE EXCEPTION 'attribute "%" is text of at most \(SearchAttribute.textLimit) bytes, a number, a truth value or a list of at most \(SearchAttribute.countLimit) such texts, not %',
                    attribute.key, left(attribute.value::text, 100) USING ERRCODE = '22023';
            END IF;
        END LOOP;
        RETURN CASE WHEN EXISTS (SELECT FROM json_object_keys(asked)) THEN asked END;
    END
    $perdure$;
    """
}
