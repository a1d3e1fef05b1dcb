package import Perdure

extension Query {
    fileprivate static let openNumbers = Query(
        """
        SELECT l.number FROM perdure_live AS l JOIN perdure_workflows AS w ON w.number = l.number
        WHERE l.number > ?1 AND (?2 IS NULL OR w.name = ?2) AND (?3 IS NULL OR w.created >= ?3) ORDER BY l.number LIMIT ?4
        """)
    fileprivate static let allNumbers = Query(
        """
        SELECT number FROM perdure_workflows
        WHERE number > ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR created >= ?3) ORDER BY number LIMIT ?4
        """)
    fileprivate static let aside = Query(
        """
        SELECT a.reason FROM perdure_asides AS a JOIN perdure_live AS l ON l.number = a.number
        WHERE a.number = ?1 AND l.state = 3
        """)
    fileprivate static let versions = Query(
        """
        SELECT version, open, queued, running, waiting, set_aside, oldest, latest_due, drained, engines, ended_in_hour
        FROM perdure_version_counts ORDER BY version
        """)
}

extension Connection {
    fileprivate func reason(of number: WorkflowNumber) throws(StoreError) -> String? {
        let statement = try prepared(.aside)
        statement.bind(1, number)
        return try statement.first { $0.text(0) }
    }
}

// What is read by those who look and do not run.
extension SQLiteStore {
    package func numbers(
        of selection: ArchiveSelection, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [WorkflowNumber] {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(selection.includesClosed ? .allNumbers : .openNumbers)
            statement.bind(1, number)
            try statement.bind(2, selection.workflow)
            statement.bind(3, selection.since)
            statement.bind(4, Int64(limit))
            return try statement.all { $0.int(0) }
        }
    }

    package func recorded(_ number: WorkflowNumber) async throws(StoreError) -> RecordedHistory? {
        try await reader.read { connection throws(StoreError) in
            guard let loaded = try connection.load(number, limit: .max) else { return nil }
            return RecordedHistory(
                record: loaded.record, steps: loaded.history + loaded.unordered, pending: loaded.pending, inbox: loaded.inbox,
                outcome: try connection.outcome(of: number), aside: try connection.reason(of: number),
                origin: loaded.origin)
        }
    }

    package func versions() async throws(StoreError) -> [VersionRecord] {
        try await reader.read { connection throws(StoreError) in
            try connection.prepared(.versions).all { row in
                var version = VersionRecord(version: row.text(0))
                version.open = Int(row.int(1))
                version.queued = Int(row.int(2))
                version.running = Int(row.int(3))
                version.waiting = Int(row.int(4))
                version.setAside = Int(row.int(5))
                version.oldest = row.optionalInt(6)
                version.latestDue = row.optionalInt(7)
                version.drained = row.optionalInt(8)
                version.engines = Int(row.int(9))
                version.endedInHour = Int(row.int(10))
                return version
            }
        }
    }
}
