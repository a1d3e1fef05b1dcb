/// What people read about versions: a documented, stable contract, as `views` is; `version_counts` is for the library.
func versionViews(_ s: SchemaName) -> String {
    """
    CREATE VIEW \(s).version_counts AS
    SELECT n.version, coalesce(a.open, 0) AS open, coalesce(a.queued, 0) AS queued, coalesce(a.running, 0) AS running,
        coalesce(a.waiting, 0) AS waiting, coalesce(a.set_aside, 0) AS set_aside, a.oldest, a.latest_due, a.drained,
        coalesce(v.engines, 0) AS engines, coalesce(e.workflows, 0) AS ended_in_hour
    FROM (
        SELECT DISTINCT l.version FROM \(s).live i JOIN \(s).lanes l ON l.lane = i.lane
        UNION SELECT v.version FROM \(s).served v JOIN \(s).executors e ON e.executor = v.executor WHERE e.lease_until > \(serverMicroseconds)
    ) n
    LEFT JOIN (
        SELECT w.version, count(*) AS open, count(*) FILTER (WHERE l.state = 0) AS queued, count(*) FILTER (WHERE l.state = 1) AS running,
            count(*) FILTER (WHERE l.state IN (2, 4)) AS waiting, count(*) FILTER (WHERE l.state IN (3, 5)) AS set_aside,
            min(w.created) AS oldest, max(l.due) FILTER (WHERE l.due < 9223372036854775807) AS latest_due,
            CASE WHEN count(w.deadline) = count(*) AND NOT bool_or(l.state IN (3, 5)) THEN max(w.deadline) END AS drained
        FROM \(s).live l JOIN \(s).workflows w ON w.number = l.number GROUP BY w.version
    ) a ON a.version = n.version
    LEFT JOIN (
        SELECT v.version, count(DISTINCT v.executor) AS engines FROM \(s).served v JOIN \(s).executors e ON e.executor = v.executor
        WHERE e.lease_until > \(serverMicroseconds) GROUP BY v.version
    ) v ON v.version = n.version
    LEFT JOIN (
        SELECT w.version, count(*) AS workflows FROM \(s).outcomes o JOIN \(s).workflows w ON w.number = o.workflow
        WHERE o.finished > \(serverMicroseconds) - 3600000000 GROUP BY w.version
    ) e ON e.version = n.version;

    CREATE VIEW \(s).versions AS
    SELECT version, open, queued, running, waiting, set_aside, \(s).moment(oldest) AS oldest_created_at,
        \(s).moment(latest_due) AS latest_due_at, \(s).moment(drained) AS drained_at, engines, ended_in_hour
    FROM \(s).version_counts;
    """
}
