internal import Perdure

extension Schema {
    /// For people: a stable contract.
    ///
    /// Nothing in a row, whatever its bytes are, makes them fail.
    static let views = workflowStatus + workflowSteps

    private static let workflowStatus = """
        CREATE VIEW perdure_workflow_status AS
        SELECT
            \(publicID("w")) AS id,
            w.number AS workflow_number,
            w.name AS name,
            w.version AS version,
            w.queue AS queue,
            CASE
                WHEN o.status IS NOT NULL THEN CASE o.status
                    WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' WHEN 4 THEN 'terminated'
                    WHEN 5 THEN 'timed out' WHEN 6 THEN 'expired' WHEN 7 THEN 'continued' ELSE 'unknown' END
                ELSE CASE l.state
                    WHEN 0 THEN CASE WHEN l.due > \(now) THEN 'scheduled' ELSE 'queued' END
                    WHEN 1 THEN 'running' WHEN 2 THEN CASE WHEN l.due = w.due THEN 'scheduled' ELSE 'waiting' END
                    WHEN 3 THEN 'set aside' WHEN 4 THEN 'waiting' WHEN 5 THEN 'paused' ELSE 'unknown' END
            END AS state,
            \(timestamp("w.created")) AS created_at,
            \(timestamp("o.finished")) AS finished_at,
            \(json("w.input", "w.codec")) AS input,
            \(json("o.output", "o.output_codec")) AS output,
            \(json("o.error", "o.error_codec")) AS error,
            CASE WHEN w.parent IS NOT NULL THEN coalesce(p.id, 'w' || printf('%016x', w.parent)) END AS parent_id,
            \(json("w.attributes", "w.attributes_codec")) AS attributes,
            \(timestamp("l.due")) AS due_at,
            \(timestamp("w.deadline")) AS deadline_at,
            coalesce(l.crashes, 0) AS crashes,
            CASE WHEN l.state = 5 THEN (SELECT i.reason FROM perdure_interventions AS i WHERE i.workflow = w.number AND i.kind = 'pause'
                ORDER BY i.number DESC LIMIT 1) ELSE a.reason END AS reason,
            l.executor AS executor,
            CASE WHEN o.status IS NULL THEN \(isServed("w", andQueue: true)) END AS is_served,
            w.lane_key AS key,
            w.priority AS priority,
            \(timestamp("w.expires")) AS expires_at,
            CASE
                WHEN o.status IS NOT NULL OR l.state IN (3, 5) THEN NULL
                WHEN \(isTypePaused) THEN '\(QueueWait.typePaused.rawValue)'
                WHEN l.state = 0 AND (l.due IS NULL OR l.due <= \(now)) THEN \(waitsFor)
                WHEN EXISTS (SELECT 1 FROM perdure_pending AS d WHERE d.workflow = w.number AND d.held_by IS NOT NULL)
                THEN '\(QueueWait.stepPaused.rawValue)' END AS waits_for
        FROM perdure_workflows AS w
        LEFT JOIN perdure_live AS l ON l.number = w.number
        LEFT JOIN perdure_outcomes AS o ON o.workflow = w.number
        LEFT JOIN perdure_asides AS a ON a.number = w.number
        LEFT JOIN perdure_workflows AS p ON p.number = w.parent
        LEFT JOIN perdure_lanes AS n ON n.lane = l.lane
        LEFT JOIN perdure_queues AS q ON q.name = w.queue AND w.queue <> '';

        """

    /// Rows of kind 9 are not steps: they give a place in the order to the row that they name.
    private static let workflowSteps = """
        CREATE VIEW perdure_workflow_steps AS
        SELECT
            \(publicID("w", orNumber: "s.workflow")) AS id,
            s.workflow AS workflow_number,
            w.name AS workflow_name,
            s.key AS key,
            CASE s.kind
                WHEN 1 THEN 'step' WHEN 2 THEN 'transaction' WHEN 3 THEN 'timer' WHEN 4 THEN 'receive' WHEN 5 THEN 'child start'
                WHEN 6 THEN 'child result' WHEN 7 THEN 'cancel' WHEN 8 THEN 'patch' WHEN 10 THEN 'receive again' WHEN 11 THEN 'send' WHEN 12 THEN 'event'
                WHEN 13 THEN 'append' WHEN 14 THEN 'request' WHEN 16 THEN 'children start'
                WHEN 17 THEN 'children ended' WHEN 20 THEN 'set attributes' ELSE 'unknown' END AS kind,
            coalesce(s.ord, (
                SELECT o.ord FROM perdure_steps AS o
                WHERE o.workflow = s.workflow AND o.key >= '@order#' AND o.key < '@order$' AND o.kind = 9
                    AND CAST(o.output AS TEXT) = s.key
            )) AS ordinal,
            CASE WHEN s.error_codec IS NULL THEN 'completed' ELSE 'failed' END AS state,
            \(timestamp("s.started")) AS started_at,
            \(timestamp("s.finished")) AS finished_at,
            (s.finished - s.started) / 1000.0 AS duration_ms,
            s.attempts AS attempts,
            \(json("s.output", "s.output_codec")) AS output,
            \(json("s.error", "s.error_codec")) AS error,
            NULL AS next_attempt_at,
            NULL AS progress
        FROM perdure_steps AS s
        LEFT JOIN perdure_workflows AS w ON w.number = s.workflow
        WHERE s.kind <> 9
        UNION ALL
        SELECT
            \(publicID("w", orNumber: "r.workflow")), r.workflow, w.name, r.key, 'step', NULL,
            CASE WHEN r.held_by IS NOT NULL THEN 'paused' WHEN r.due IS NULL THEN 'running' ELSE 'retrying' END,
            \(timestamp("r.started")), NULL, NULL, r.attempt, NULL,
            \(json("r.error", "r.error_codec")),
            \(timestamp("r.due")),
            \(json("r.progress", "r.progress_codec"))
        FROM perdure_pending AS r
        LEFT JOIN perdure_workflows AS w ON w.number = r.workflow;
        """

    static let now = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"

    static func publicID(_ workflow: String, orNumber number: String? = nil) -> String {
        "coalesce(\(workflow).id, 'w' || printf('%016x', \(number ?? "\(workflow).number")))"
    }

    /// UTC, to the microsecond; NULL for what is beyond the calendar (a wait without an end).
    static func timestamp(_ column: String) -> String {
        """
        strftime('%Y-%m-%d %H:%M:%S', (\(column) - ((\(column) % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') \
        || printf('.%06dZ', ((\(column) % 1000000) + 1000000) % 1000000)
        """
    }

    /// The text of a JSON payload; NULL for other codecs and for bytes that are no JSON.
    static func json(_ bytes: String, _ codec: String) -> String {
        "CASE WHEN \(codec) = 1 AND json_valid(CAST(\(bytes) AS TEXT)) THEN CAST(\(bytes) AS TEXT) END"
    }
}
