extension Schema {
    /// For people, beside `views`; the first is for the library, too.
    static let versionViews = versionCounts + versions

    private static let versionCounts = """
        CREATE VIEW perdure_version_counts AS
        WITH alive AS (
            SELECT
                w.version AS version, count(*) AS open, sum(l.state = 0) AS queued, sum(l.state = 1) AS running,
                sum(l.state IN (2, 4)) AS waiting, sum(l.state IN (3, 5)) AS set_aside, min(w.created) AS oldest,
                max(CASE WHEN l.due < 9223372036854775807 THEN l.due END) AS latest_due,
                CASE WHEN count(w.deadline) = count(*) AND sum(l.state IN (3, 5)) = 0 THEN max(w.deadline) END AS drained
            FROM perdure_live AS l JOIN perdure_workflows AS w ON w.number = l.number GROUP BY w.version
        ),
        serving AS (
            SELECT v.version AS version, count(DISTINCT v.executor) AS engines
            FROM perdure_served AS v JOIN perdure_executors AS e ON e.executor = v.executor
            WHERE e.lease_until > \(now) GROUP BY v.version
        ),
        ended AS (
            SELECT w.version AS version, count(*) AS workflows
            FROM perdure_outcomes AS o JOIN perdure_workflows AS w ON w.number = o.workflow
            WHERE o.finished > \(now) - 3600000000 GROUP BY w.version
        )
        SELECT
            n.version AS version, coalesce(a.open, 0) AS open, coalesce(a.queued, 0) AS queued, coalesce(a.running, 0) AS running,
            coalesce(a.waiting, 0) AS waiting, coalesce(a.set_aside, 0) AS set_aside, a.oldest AS oldest, a.latest_due AS latest_due,
            a.drained AS drained, coalesce(s.engines, 0) AS engines, coalesce(e.workflows, 0) AS ended_in_hour
        FROM (SELECT version FROM alive UNION SELECT version FROM serving) AS n
        LEFT JOIN alive AS a ON a.version = n.version
        LEFT JOIN serving AS s ON s.version = n.version
        LEFT JOIN ended AS e ON e.version = n.version;

        """

    private static let versions = """
        CREATE VIEW perdure_versions AS
        SELECT
            version, open, queued, running, waiting, set_aside,
            \(timestamp("oldest")) AS oldest_created_at,
            \(timestamp("latest_due")) AS latest_due_at,
            \(timestamp("drained")) AS drained_at,
            engines, ended_in_hour
        FROM perdure_version_counts;

        """
}
