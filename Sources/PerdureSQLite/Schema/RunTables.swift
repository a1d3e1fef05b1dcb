extension Schema {
    /// Version 3: where runs came from that came of earlier ones; of those that continue others the first of the chain, and how many came before.
    static let runTables = """
        CREATE TABLE perdure_successors (
            number INTEGER PRIMARY KEY, previous INTEGER NOT NULL, kind INTEGER NOT NULL, step TEXT, by_whom TEXT, reason TEXT,
            at INTEGER NOT NULL, origin TEXT, first INTEGER, place INTEGER
        ) STRICT;
        CREATE INDEX perdure_successors_chain ON perdure_successors (first, place) WHERE first IS NOT NULL;

        """

    /// For people, beside `views`.
    static let runViews = """
        CREATE VIEW perdure_workflow_runs AS
        SELECT
            \(publicID("w", orNumber: "r.number")) AS id,
            r.number AS workflow_number,
            w.name AS workflow_name,
            r.previous AS previous_number,
            CASE r.kind WHEN 1 THEN 'restarted' WHEN 2 THEN 'forked' WHEN 3 THEN 'rewound' WHEN 4 THEN 'continued' ELSE 'unknown' END AS kind,
            r.step AS step,
            r.by_whom AS by_whom,
            r.reason AS reason,
            \(timestamp("r.at")) AS at
        FROM perdure_successors AS r LEFT JOIN perdure_workflows AS w ON w.number = r.number;

        """
}
