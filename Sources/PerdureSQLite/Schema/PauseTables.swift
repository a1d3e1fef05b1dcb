internal import Perdure

extension Schema {
    /// Version 3: what is paused, for all engines, and how the last pause of each subject ended.
    static let pauseTables = """
        CREATE TABLE perdure_pauses (
            number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL DEFAULT '',
            by_whom TEXT NOT NULL, reason TEXT, since INTEGER NOT NULL, until INTEGER, ended INTEGER, ended_by TEXT, breaker TEXT,
            revision INTEGER NOT NULL DEFAULT 1, UNIQUE (kind, name, scope)
        ) STRICT;

        """

    /// For people, beside `views`.
    static let pauseViews = """
        CREATE VIEW perdure_workflow_pauses AS
        SELECT
            p.kind AS kind,
            p.name AS name,
            nullif(p.scope, '') AS workflow_name,
            CASE WHEN NOT \(isActive("p")) THEN 'over'
                WHEN p.kind = '\(PauseKind.breaker.rawValue)' THEN CASE WHEN p.until > \(now) THEN 'open' ELSE 'half open' END
                ELSE 'paused' END AS state,
            p.by_whom AS by_whom,
            p.reason AS reason,
            \(timestamp("p.since")) AS since,
            \(timestamp("p.until")) AS until,
            CASE WHEN p.ended IS NOT NULL THEN \(timestamp("p.ended")) WHEN NOT \(isActive("p")) THEN \(timestamp("p.until")) END AS ended_at,
            p.ended_by AS ended_by,
            (SELECT count(*) FROM perdure_pending AS d WHERE d.held_by = p.number) AS steps_held
        FROM perdure_pauses AS p;

        """

    /// Whether it holds anything back; a breaker does until it is closed.
    static func isActive(_ row: String) -> String {
        "(\(row).ended IS NULL AND (\(row).kind = '\(PauseKind.breaker.rawValue)' OR \(row).until IS NULL OR \(row).until > \(now)))"
    }

    /// Whether the type of workflow `w` is paused.
    static let isTypePaused = """
        EXISTS (SELECT 1 FROM perdure_pauses AS z WHERE z.kind = '\(PauseKind.workflowType.rawValue)' AND z.name = w.name AND z.scope = ''
            AND \(isActive("z")))
        """
}
