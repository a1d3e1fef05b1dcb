package import Perdure

extension Query {
    fileprivate static let leader = Query("SELECT executor, until FROM perdure_leaders WHERE duty = ?1")
    fileprivate static let lead = Query(
        """
        INSERT INTO perdure_leaders (duty, executor, until) VALUES (?1, ?2, ?4)
        ON CONFLICT (duty) DO UPDATE SET executor = ?2, until = ?4 WHERE executor = ?2 OR until < ?3
        RETURNING duty
        """)
    fileprivate static let leftovers = Query(
        "SELECT sequence FROM perdure_inbox AS i WHERE EXISTS (SELECT 1 FROM perdure_outcomes AS o WHERE o.workflow = i.workflow) LIMIT ?1")
    fileprivate static let deleteArrival = Query("DELETE FROM perdure_inbox WHERE sequence = ?1")
}

extension SQLiteStore {
    package func lead(_ duty: Duty, _ executor: ExecutorID, for term: Duration) async throws(StoreError) -> Bool {
        let now = options.clock()
        // Looks first: who does not lead does not ask for the write lock.
        let isTaken = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.leader)
            try statement.bind(1, duty.rawValue)
            return try statement.first { $0.int(0) != executor && $0.int(1) >= now } ?? false
        }
        if isTaken { return false }
        return try await writer.write { connection throws(StoreError) in
            let statement = try connection.prepared(.lead)
            try statement.bind(1, duty.rawValue)
            statement.bind(2, executor)
            statement.bind(3, now)
            statement.bind(4, now.addingSaturating(term.microseconds))
            return try statement.first { _ in true } ?? false
        }
    }

    package func tidy(limit: Int) async throws(StoreError) -> Int {
        let found = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.leftovers)
            statement.bind(1, Int64(limit))
            return try statement.all { $0.int(0) }
        }
        guard !found.isEmpty else { return 0 }
        return try await writer.write { connection throws(StoreError) in
            for sequence in found {
                let statement = try connection.prepared(.deleteArrival)
                statement.bind(1, sequence)
                try statement.run()
            }
            return found.count
        }
    }
}
