extension Schema {
    /// For people, beside `views`.
    static let queueViews = queueStatus + deadLetters

    private static let queueStatus = """
        CREATE VIEW perdure_queue_status AS
        SELECT
            q.name AS name,
            q.paused AS paused,
            q.pause_reason AS pause_reason,
            \(limit("concurrency")) AS concurrency,
            \(limit("perEngine")) AS per_engine,
            \(limit("perKey")) AS per_key,
            \(limit("rateLimit.count")) AS rate_limit,
            \(limit("rateLimit.period")) / 1000.0 AS rate_period_ms,
            q.declared AS declared,
            q.changed AS changed,
            q.revision AS revision,
            (
                SELECT count(*) FROM perdure_served_queues AS v JOIN perdure_executors AS e ON e.executor = v.executor
                WHERE v.queue = q.name AND e.lease_until > \(now)
            ) AS engines,
            coalesce(c.waiting, 0) AS waiting,
            coalesce(c.delayed, 0) AS delayed,
            coalesce(c.running, 0) AS running,
            \(timestamp("c.oldest")) AS oldest_waiting_at,
            (SELECT count(*) FROM perdure_lanes AS n JOIN perdure_items AS i ON i.lane = n.lane WHERE n.queue = q.name) AS items
        FROM perdure_queues AS q
        LEFT JOIN (
            SELECT
                n.queue AS queue,
                sum(l.state = 0 AND (l.due IS NULL OR l.due <= \(now))) AS waiting,
                sum(l.state = 0 AND l.due > \(now) OR l.state = 2 AND n.returned = 0) AS delayed,
                sum(l.state = 1) AS running,
                min(CASE WHEN l.state = 0 AND (l.due IS NULL OR l.due <= \(now)) THEN w.created END) AS oldest
            FROM perdure_live AS l JOIN perdure_lanes AS n ON n.lane = l.lane JOIN perdure_workflows AS w ON w.number = l.number
            WHERE n.queue <> '' GROUP BY n.queue
        ) AS c ON c.queue = q.name;

        """

    private static let deadLetters = """
        CREATE VIEW perdure_dead_letters AS
        SELECT
            \(publicID("w", orNumber: "d.number")) AS id,
            d.number AS workflow_number,
            w.name AS name,
            d.queue AS queue,
            d.lane_key AS key,
            CASE o.status
                WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' WHEN 4 THEN 'terminated'
                WHEN 5 THEN 'timed out' WHEN 6 THEN 'expired' WHEN 7 THEN 'continued' ELSE 'unknown' END AS state,
            \(json("o.error", "o.error_codec")) AS error,
            \(timestamp("o.finished")) AS finished_at
        FROM perdure_letters AS d
        JOIN perdure_workflows AS w ON w.number = d.number
        JOIN perdure_outcomes AS o ON o.workflow = d.number
        WHERE d.redriven IS NULL;
        """

    /// What a ready row of `w`, `l`, `n` and `q` waits for, with the texts of `QueueWait`.
    static let waitsFor = """
        CASE
            WHEN NOT \(isServed("w", andQueue: false)) THEN 'an engine that runs it'
            WHEN w.queue = '' THEN 'its turn'
            WHEN NOT \(isServed("w", andQueue: true)) THEN 'an engine that serves its queue'
            WHEN q.paused AND NOT n.returned THEN 'its queue, which is paused'
            WHEN n.returned AND json_extract(\(declared), '$.slots') = 'untilEnd' THEN 'its turn'
            WHEN \(limit("perKey")) <= (
                SELECT count(*) FROM perdure_slots AS s WHERE s.queue = w.queue AND s.is_key = 1 AND s.lane_key = w.lane_key
            ) THEN 'a slot of its key'
            WHEN \(limit("concurrency")) <= (SELECT count(*) FROM perdure_slots AS s WHERE s.queue = w.queue AND s.is_key = 0)
                THEN 'a slot of its queue'
            ELSE 'its turn'
        END
        """

    /// Whether an engine is alive that can run it.
    static func isServed(_ workflow: String, andQueue: Bool) -> String {
        let queue =
            "AND (\(workflow).queue = '' OR EXISTS (SELECT 1 FROM perdure_served_queues AS u WHERE u.executor = v.executor AND u.queue = \(workflow).queue))"
        return """
            EXISTS (
                SELECT 1 FROM perdure_served AS v JOIN perdure_executors AS e ON e.executor = v.executor
                WHERE v.name = \(workflow).name AND v.version = \(workflow).version AND e.lease_until > \(now) \(andQueue ? queue : "")
            )
            """
    }

    /// What somebody has written by hand must not make a view fail.
    private static let declared = "CASE WHEN json_valid(q.declared) THEN q.declared ELSE '{}' END"

    /// A limit of the queue `q`: as it was changed, or else as it is declared.
    private static func limit(_ name: String) -> String {
        """
        CASE WHEN json_valid(q.changed) THEN json_extract(q.changed, '$.\(name)') \
        ELSE json_extract(\(declared), '$.limits.\(name)') END
        """
    }
}
