package import Perdure

extension Query {
    fileprivate static let leader = Query("SELECT executor, until FROM perdure_leaders WHERE duty = ?1")
    fileprivate static let lead = Query(
        """
        INSERT INTO perdure_leaders (duty, executor, until) VALUES (?1, ?2, ?4)
        ON CONFLICT (duty) DO UPDATE SET executor = ?2, until = ?4 WHERE executor = ?2 OR until < ?3 OR until > ?4 + 1000000
        RETURNING duty
        """)
    fileprivate static let inboxPage = Query(
        """
        SELECT sequence, EXISTS (SELECT 1 FROM perdure_outcomes AS o WHERE o.workflow = i.workflow)
        FROM perdure_inbox AS i WHERE sequence > ?1 ORDER BY sequence LIMIT ?2
        """)
    fileprivate static let deleteArrival = Query("DELETE FROM perdure_inbox WHERE sequence = ?1")
}

extension SQLiteStore {
    package func lead(_ duty: Duty, _ executor: ExecutorID, for term: Duration) async throws(StoreError) -> Bool {
        let now = options.clock()
        let until = now.addingSaturating(term.microseconds)
        // Looks first: who does not lead does not ask for the write lock.
        let isTaken = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.leader)
            try statement.bind(1, duty.rawValue)
            // An end that lies further ahead than any can was written before the clock was set back.
            return try statement.first {
                $0.int(0) != executor && $0.int(1) >= now && $0.int(1) <= until.addingSaturating(1_000_000)
            } ?? false
        }
        if isTaken { return false }
        return try await writer.write { connection throws(StoreError) in
            let statement = try connection.prepared(.lead)
            try statement.bind(1, duty.rawValue)
            statement.bind(2, executor)
            statement.bind(3, now)
            statement.bind(4, until)
            return try statement.first { _ in true } ?? false
        }
    }

    package func tidy(after sequence: Int64, limit: Int) async throws(StoreError) -> Tidied {
        let page = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.inboxPage)
            statement.bind(1, sequence)
            statement.bind(2, Int64(limit))
            return try statement.all { (sequence: $0.int(0), isLeft: $0.int(1) != 0) }
        }
        let left = page.filter(\.isLeft).map(\.sequence)
        if !left.isEmpty {
            try await writer.write { connection throws(StoreError) in
                for sequence in left {
                    let statement = try connection.prepared(.deleteArrival)
                    statement.bind(1, sequence)
                    try statement.run()
                }
            }
        }
        return Tidied(deleted: left.count, next: page.count < limit ? nil : page.last?.sequence)
    }
}
