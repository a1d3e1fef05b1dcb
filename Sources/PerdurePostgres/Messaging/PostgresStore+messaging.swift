package import Perdure

// What workflows are told by clients, and what they have told the world.
extension PostgresStore {
    package func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        let access = access
        return try await connection(.reads).runConnected { session throws(StoreError) in
            try session.transaction { () throws(StoreError) in try access.send(session, items) }
        }
    }

    package func events(of number: WorkflowNumber) async throws(StoreError) -> [EventRecord] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_read_events",
                    "SELECT name, value, codec, published FROM \(s).events WHERE workflow = \(s).first_run($1::int8) ORDER BY name"),
                [.int8(number)])
            return rows.map {
                EventRecord(workflow: number, name: rows.text($0, 0), value: rows.payload($0, 1) ?? .void, published: rows.int($0, 3))
            }
        }
    }

    package func stream(
        _ name: String, of number: WorkflowNumber, from offset: Int64, limit: Int
    ) async throws(StoreError) -> [StreamRecord] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_read_stream",
                    """
                    SELECT position, value, codec, appended, step, attempt FROM \(s).streams
                    WHERE workflow = \(s).first_run($1::int8) AND stream = $2::text AND position >= $3::int8 ORDER BY position LIMIT $4::int8
                    """), [.int8(number), .text(name), .int8(offset), .int8(Int64(limit))])
            return rows.map {
                StreamRecord(
                    workflow: number, stream: name, offset: rows.int($0, 0), value: rows.payload($0, 1), appended: rows.int($0, 3),
                    step: rows.optionalText($0, 4), attempt: Int32(truncatingIfNeeded: rows.int($0, 5)))
            }
        }
    }

    package func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_stream_ends", isPrepared: false,
                    """
                    SELECT r.stream, r.position + 1, (r.codec IS NULL)::int::int8 FROM (SELECT stream, max(position) AS last FROM \(s).streams
                        WHERE workflow = \(s).first_run($1::int8) GROUP BY stream) e
                    JOIN \(s).streams r ON r.workflow = \(s).first_run($1::int8) AND r.stream = e.stream AND r.position = e.last
                    """), [.int8(number)])
            let ends = rows.map { (rows.text($0, 0), StreamEnd(next: rows.int($0, 1), isClosed: rows.int($0, 2) == 1)) }
            return Dictionary(ends) { $1 }
        }
    }

    package func reply(to key: String, of number: WorkflowNumber) async throws(StoreError) -> ReplyRecord? {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_read_reply",
                    """
                    SELECT output, output_codec, error, error_codec, replied FROM \(s).replies
                    WHERE workflow = \(s).first_run($1::int8) AND key = $2::text
                    """),
                [.int8(number), .text(key)])
            if rows.count == 0 { return nil }
            return ReplyRecord(
                workflow: number, key: key, output: rows.payload(0, 0), error: rows.payload(0, 2), replied: rows.int(0, 4))
        }
    }
}

extension AccessStatements {
    /// In the order of the items, each in the transaction that is open.
    func send(_ session: Session, _ items: [InboxItem]) throws(StoreError) -> [SendResult] {
        var results: [SendResult] = []
        for item in items {
            let topic = try item.topic.map { topic throws(StoreError) in try ParameterBuffer.text(topic) }
            let key = try item.key.map { key throws(StoreError) in try ParameterBuffer.text(key) }
            let rows = try session.query(
                post,
                [
                    .int8(item.workflow), .int2(item.kind.rawValue), topic, item.payload.map { .bytes($0.bytes) },
                    item.payload.map { .int2($0.codec) }, key,
                ])
            switch rows.text(0, 0) {
            case "duplicate": results.append(.duplicate)
            case "ended": results.append(.ended)
            default: results.append(.sent)
            }
        }
        return results
    }
}
