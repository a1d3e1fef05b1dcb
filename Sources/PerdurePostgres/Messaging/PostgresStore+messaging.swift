package import Perdure

// What workflows are told by clients, and what they have told the world.
extension PostgresStore {
    package func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        let access = access
        let key = items.lazy.compactMap(\.key).first
        return try await connection(.reads).runConnected { session throws(StoreError) in
            try session.transaction { () throws(StoreError) in
                guard let key else { return try access.send(session, items) }
                // Somebody's open transaction may hold the key: others wait for this connection, so that is not waited for.
                try session.simple("SET LOCAL lock_timeout = '1s'")
                do throws(StoreError) {
                    return try access.send(session, items)
                } catch {
                    throw error.nativeCode == "55P03" ? Self.held(key, error) : error
                }
            }
        }
    }

    private static func held(_ key: String, _ error: StoreError) -> StoreError {
        StoreError(
            error.code, "a transaction that is still open has sent a message under the key '\(key)': \(error.message)",
            nativeCode: error.nativeCode)
    }

    package func takeBack(_ item: InboxItem) async throws(StoreError) -> Bool {
        let statement = Self.takeBack(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let text: (String?) throws(StoreError) -> ParameterBuffer? = { text throws(StoreError) in
                try text.map { text throws(StoreError) in try .text(text) }
            }
            let rows = try session.query(
                statement,
                [
                    .int8(item.workflow), .int2(item.kind.rawValue), try text(item.topic), try text(item.key),
                    item.payload.map { .bytes($0.bytes) }, item.payload.map { .int2($0.codec) },
                ])
            return rows.count > 0
        }
    }

    private static func takeBack(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_take_back", isPrepared: false,
            """
            WITH r AS MATERIALIZED (SELECT t.number FROM (SELECT \(s).newest_run($1::int8) AS number OFFSET 0) t
                WHERE EXISTS (SELECT FROM \(s).outcomes o WHERE o.workflow = t.number AND o.status <> \(OutcomeStatus.continued.rawValue))),
            d AS (DELETE FROM \(s).inbox WHERE sequence = (SELECT max(i.sequence) FROM r JOIN \(s).inbox i ON i.workflow = r.number
                WHERE i.kind = $2::int2 AND i.topic IS NOT DISTINCT FROM $3::text AND i.key IS NOT DISTINCT FROM $4::text
                    AND i.payload IS NOT DISTINCT FROM $5::bytea AND i.codec IS NOT DISTINCT FROM $6::int2)
                RETURNING workflow, kind, topic, key),
            k AS (DELETE FROM \(s).message_keys m USING d WHERE m.workflow = \(s).first_run(d.workflow) AND m.kind = d.kind
                AND m.topic = d.topic AND m.key = d.key)
            SELECT workflow FROM d
            """)
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

    package func reply(to key: String, of request: String, by number: WorkflowNumber) async throws(StoreError) -> ReplyRecord? {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_read_reply",
                    """
                    SELECT output, output_codec, error, error_codec, replied FROM \(s).replies
                    WHERE workflow = \(s).first_run($1::int8) AND key = $2::text AND request = $3::text
                    """),
                [.int8(number), .text(key), .text(request)])
            if rows.count == 0 { return nil }
            return ReplyRecord(
                workflow: number, request: request, key: key, output: rows.payload(0, 0), error: rows.payload(0, 2), replied: rows.int(0, 4)
            )
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
