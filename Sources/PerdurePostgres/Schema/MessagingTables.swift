/// What workflows are told and tell.
func messagingTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).message_keys (workflow int8 NOT NULL, kind int2 NOT NULL, topic text NOT NULL, key text NOT NULL,
        PRIMARY KEY (workflow, key, topic, kind));
    -- What runs that came to no good end had not received: for the run that goes on in their place.
    CREATE TABLE \(s).unread (workflow int8 NOT NULL, sequence int8 NOT NULL, kind int2 NOT NULL, reference int8, payload bytea, codec int2,
        topic text, key text, PRIMARY KEY (workflow, sequence));
    CREATE TABLE \(s).events (workflow int8 NOT NULL, name text NOT NULL, value bytea NOT NULL, codec int2 NOT NULL, ord int8 NOT NULL,
        published int8 NOT NULL, PRIMARY KEY (workflow, name)) WITH (fillfactor = 70);
    CREATE TABLE \(s).streams (workflow int8 NOT NULL, stream text NOT NULL, position int8 NOT NULL, value bytea, codec int2,
        appended int8 NOT NULL, step text, attempt int4 NOT NULL, PRIMARY KEY (workflow, stream, position));
    -- The row of history that holds it is that of this step of this run; a refusal has none.
    CREATE TABLE \(s).replies (workflow int8 NOT NULL, request text NOT NULL, key text NOT NULL, output bytea, output_codec int2, error bytea,
        error_codec int2, replied int8 NOT NULL, run int8, step text, PRIMARY KEY (workflow, key, request));
    """
}

/// What people read about them: a documented, stable contract, as `views` is.
func messagingViews(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).workflow_events AS
    SELECT \(s).public_id(w.id, e.workflow) AS id, e.workflow AS workflow_number, w.name AS workflow_name, e.name,
        \(s).payload_json(e.value, e.codec) AS value, \(s).moment(e.published) AS published_at
    FROM \(s).events e LEFT JOIN \(s).workflows w ON w.number = e.workflow;

    CREATE VIEW \(s).workflow_messages AS
    SELECT \(s).public_id(w.id, i.workflow) AS id, i.workflow AS workflow_number, w.name AS workflow_name, i.sequence AS message_number,
        CASE i.kind WHEN 4 THEN 'message' ELSE 'request' END AS kind, i.topic, i.key, \(s).payload_json(i.payload, i.codec) AS payload
    FROM (SELECT workflow, sequence, kind, topic, key, payload, codec FROM \(s).inbox
        UNION ALL SELECT workflow, sequence, kind, topic, key, payload, codec FROM \(s).unread) i
    LEFT JOIN \(s).workflows w ON w.number = i.workflow WHERE i.kind IN (4, 5);

    CREATE VIEW \(s).workflow_streams AS
    SELECT \(s).public_id(w.id, r.workflow) AS id, r.workflow AS workflow_number, w.name AS workflow_name, r.stream, r.position,
        \(s).payload_json(r.value, r.codec) AS value, r.codec IS NULL AS closes, \(s).moment(r.appended) AS appended_at, r.step, r.attempt
    FROM \(s).streams r LEFT JOIN \(s).workflows w ON w.number = r.workflow;
    """
}
