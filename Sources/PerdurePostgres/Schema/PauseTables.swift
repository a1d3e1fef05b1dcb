internal import Perdure

/// What is paused, for all engines, and how the last pause of each subject ended.
func pauseTables(_ s: SchemaName) -> String {
    """
    CREATE TABLE \(s).pauses (number int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, name text NOT NULL,
        scope text NOT NULL DEFAULT '', by_whom text NOT NULL, reason text, since int8 NOT NULL, until int8, ended int8, ended_by text,
        breaker text, revision int8 NOT NULL DEFAULT 1, UNIQUE (kind, name, scope));
    """
}

/// What people read about it: a documented, stable contract, as `views` is.
func pauseViews(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).workflow_pauses AS
    SELECT p.kind, p.name, nullif(p.scope, '') AS workflow_name,
        CASE WHEN NOT \(isActive("p")) THEN 'over' WHEN p.kind = '\(PauseKind.breaker.rawValue)'
            THEN CASE WHEN p.until > \(serverMicroseconds) THEN 'open' ELSE 'half open' END ELSE 'paused' END AS state,
        p.by_whom, p.reason, \(s).moment(p.since) AS since, \(s).moment(p.until) AS until,
        \(s).moment(CASE WHEN p.ended IS NOT NULL THEN p.ended WHEN NOT \(isActive("p")) THEN p.until END) AS ended_at, p.ended_by,
        (SELECT count(*) FROM \(s).pending d WHERE d.held_by = p.number) AS steps_held
    FROM \(s).pauses p;
    """
}

/// Whether row `p` of the pauses holds anything back; a breaker does until it is closed.
func isActive(_ p: String) -> String {
    "(\(p).ended IS NULL AND (\(p).kind = '\(PauseKind.breaker.rawValue)' OR coalesce(\(p).until > \(serverMicroseconds), true)))"
}

/// Whether the type of workflow `w` is paused.
func isTypePaused(_ s: SchemaName) -> String {
    """
    EXISTS (SELECT FROM \(s).pauses z WHERE z.kind = '\(PauseKind.workflowType.rawValue)' AND z.name = w.name AND z.scope = ''
        AND \(isActive("z")))
    """
}
