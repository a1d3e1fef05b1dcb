package import Perdure

extension Query {
    // What the runs of a chain have told is kept under the number of the first.
    fileprivate static let events = Query(
        """
        SELECT workflow, name, value, codec, published FROM perdure_events
        WHERE workflow = coalesce((SELECT first FROM perdure_successors WHERE number = ?1), ?1) ORDER BY name
        """)
    fileprivate static let stream = Query(
        """
        SELECT workflow, stream, position, value, codec, appended, step, attempt FROM perdure_streams
        WHERE workflow = coalesce((SELECT first FROM perdure_successors WHERE number = ?1), ?1) AND stream = ?2 AND position >= ?3 ORDER BY position LIMIT ?4
        """)
    // The codec is that of the row with the greatest place.
    fileprivate static let streamEnds = Query(
        """
        SELECT stream, max(position) + 1, codec IS NULL FROM perdure_streams
        WHERE workflow = coalesce((SELECT first FROM perdure_successors WHERE number = ?1), ?1) GROUP BY stream
        """)
    fileprivate static let reply = Query(
        """
        SELECT workflow, request, key, output, output_codec, error, error_codec, replied FROM perdure_replies
        WHERE workflow = coalesce((SELECT first FROM perdure_successors WHERE number = ?1), ?1) AND request = ?2 AND key = ?3
        """)
}

// What workflows have told the world.
extension SQLiteStore {
    package func events(of number: WorkflowNumber) async throws(StoreError) -> [EventRecord] {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.events)
            statement.bind(1, number)
            return try statement.all { row in
                EventRecord(
                    workflow: row.int(0), name: row.text(1), value: row.payload(2) ?? .void, published: row.int(4))
            }
        }
    }

    package func stream(
        _ name: String, of number: WorkflowNumber, from offset: Int64, limit: Int
    ) async throws(StoreError) -> [StreamRecord] {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.stream)
            statement.bind(1, number)
            try statement.bind(2, name)
            statement.bind(3, offset)
            statement.bind(4, Int64(limit))
            return try statement.all { row in
                StreamRecord(
                    workflow: row.int(0), stream: row.text(1), offset: row.int(2), value: row.payload(3), appended: row.int(5),
                    step: row.optionalText(6), attempt: Int32(clamping: row.int(7)))
            }
        }
    }

    package func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd] {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.streamEnds)
            statement.bind(1, number)
            let rows = try statement.all { ($0.text(0), StreamEnd(next: $0.int(1), isClosed: $0.int(2) == 1)) }
            return Dictionary(rows) { $1 }
        }
    }

    package func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber {
        try await reader.read { connection throws(StoreError) in try connection.firstRun(of: number) }
    }

    package func reply(to key: String, of request: String, by number: WorkflowNumber) async throws(StoreError) -> ReplyRecord? {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.reply)
            statement.bind(1, number)
            try statement.bind(2, request)
            try statement.bind(3, key)
            return try statement.first { row in
                ReplyRecord(
                    workflow: row.int(0), request: row.text(1), key: row.text(2), output: row.payload(3), error: row.payload(5),
                    replied: row.int(7))
            }
        }
    }
}
