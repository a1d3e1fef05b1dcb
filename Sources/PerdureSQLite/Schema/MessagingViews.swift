extension Schema {
    /// For people, beside `views`.
    static let messagingViews = """
        CREATE VIEW perdure_workflow_events AS
        SELECT
            \(publicID("w", orNumber: "e.workflow")) AS id,
            e.workflow AS workflow_number,
            w.name AS workflow_name,
            e.name AS name,
            \(json("e.value", "e.codec")) AS value,
            \(timestamp("e.published")) AS published_at
        FROM perdure_events AS e LEFT JOIN perdure_workflows AS w ON w.number = e.workflow;

        CREATE VIEW perdure_workflow_messages AS
        SELECT
            \(publicID("w", orNumber: "i.workflow")) AS id,
            i.workflow AS workflow_number,
            w.name AS workflow_name,
            i.sequence AS message_number,
            CASE i.kind WHEN 4 THEN 'message' ELSE 'request' END AS kind,
            i.topic AS topic,
            i.key AS key,
            \(json("i.payload", "i.payload_codec")) AS payload
        FROM (SELECT workflow, sequence, kind, topic, key, payload, payload_codec FROM perdure_inbox
            UNION ALL SELECT workflow, sequence, kind, topic, key, payload, payload_codec FROM perdure_unread) AS i
        LEFT JOIN perdure_workflows AS w ON w.number = i.workflow WHERE i.kind IN (4, 5);

        CREATE VIEW perdure_workflow_streams AS
        SELECT
            \(publicID("w", orNumber: "s.workflow")) AS id,
            s.workflow AS workflow_number,
            w.name AS workflow_name,
            s.stream AS stream,
            s.position AS position,
            \(json("s.value", "s.codec")) AS value,
            s.codec IS NULL AS closes,
            \(timestamp("s.appended")) AS appended_at,
            s.step AS step,
            s.attempt AS attempt
        FROM perdure_streams AS s LEFT JOIN perdure_workflows AS w ON w.number = s.workflow;

        """
}
