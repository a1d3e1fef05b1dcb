package import Perdure

/// Reads are not prepared: a plan for the values prunes partitions, a generic one locks them all.
extension PostgresStore {
    package func load(_ numbers: [WorkflowNumber], limit: Int) async throws(StoreError) -> [LoadedWorkflow] {
        guard let least = numbers.min(), let most = numbers.max() else { return [] }
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let all = ParameterBuffer.int8s(numbers)
            let range: [ParameterBuffer?] = [all, .int8(least), .int8(most)]
            let results = try session.pipeline([
                Request(.begin), Request(.uncompiled),
                Request(Self.workflows(s), range),
                Request(Self.steps(s, one: numbers.count == 1), range + [.int8(Int64(limit) + 1)]),
                Request(
                    Statement(
                        "perdure_load_pending", isPrepared: false,
                        """
                        SELECT workflow, key, attempt, started, due, error, error_codec, progress, progress_codec FROM \(s).pending
                        WHERE workflow = ANY($1::int8[]) ORDER BY workflow, key
                        """),
                    [all]),
                Request(Self.inbox(s), [all]), Request(.commit),
            ])
            return Self.assemble(results, limit: limit)
        }
    }

    package func loadFresh(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [LoadedWorkflow] {
        guard let least = numbers.min(), let most = numbers.max() else { return [] }
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let all = ParameterBuffer.int8s(numbers)
            let results = try session.pipeline([
                Request(.begin), Request(.uncompiled), Request(Self.workflows(s), [all, .int8(least), .int8(most)]),
                Request(Self.inbox(s), [all]), Request(.commit),
            ])
            let inbox = Dictionary(grouping: results[3].compactMap { results[3].inboxItem($0, 0) }, by: \.workflow)
            return results[2].map { row in
                let record = results[2].workflow(row, 0)
                return LoadedWorkflow(record: record, inbox: inbox[record.number] ?? [])
            }
        }
    }

    private static func workflows(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_load", isPrepared: false,
            "SELECT \(WorkflowColumns.names) FROM \(s).workflows WHERE number = ANY($1::int8[]) AND number BETWEEN $2::int8 AND $3::int8")
    }

    package func history(
        of number: WorkflowNumber, after order: Int64, limit: Int
    ) async throws(StoreError) -> [StepRecord] {
        let statement = Statement(
            "perdure_history", isPrepared: false,
            "SELECT \(StepColumns.names) FROM \(schema).steps WHERE workflow = $1::int8 AND ord > $2::int8 ORDER BY ord LIMIT $3::int8")
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8(number), .int8(order), .int8(Int64(limit))])
            return rows.map { rows.step($0, 0) }
        }
    }

    package func inbox(of numbers: [WorkflowNumber]) async throws(StoreError) -> [InboxItem] {
        if numbers.isEmpty { return [] }
        let statement = Self.inbox(schema)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8s(numbers)])
            return rows.compactMap { rows.inboxItem($0, 0) }
        }
    }

    package func openChildren(of number: WorkflowNumber) async throws(StoreError) -> [OpenChild] {
        let statement = Statement(
            "perdure_open_children", isPrepared: false,
            """
            SELECT w.number, w.close_policy FROM \(schema).workflows w JOIN \(schema).live l ON l.number = w.number
            WHERE w.parent = $1::int8 ORDER BY w.number
            """)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8(number)])
            return rows.map { OpenChild(number: rows.int($0, 0), closePolicy: StoredClosePolicy(column: rows.optionalInt($0, 1))) }
        }
    }

    private static func inbox(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_inbox", isPrepared: false,
            "SELECT sequence, workflow, kind, reference, payload, codec FROM \(s).inbox WHERE workflow = ANY($1::int8[]) ORDER BY sequence")
    }

    /// At most `$4` ordered rows of each workflow, and all that have no place in the order.
    private static func steps(_ s: SchemaName, one: Bool) -> Statement {
        let names = StepColumns.names
        if one {
            return Statement(
                "perdure_load_steps", isPrepared: false,
                """
                SELECT * FROM (SELECT \(names) FROM \(s).steps WHERE workflow = ($1::int8[])[1] AND workflow BETWEEN $2::int8 AND $3::int8
                    AND ord IS NOT NULL ORDER BY ord LIMIT $4::int8) o
                UNION ALL
                SELECT \(names) FROM \(s).steps WHERE workflow = ($1::int8[])[1] AND workflow BETWEEN $2::int8 AND $3::int8 AND ord IS NULL
                """)
        }
        return Statement(
            "perdure_load_all_steps", isPrepared: false,
            """
            SELECT \(names) FROM (SELECT *, row_number() OVER (PARTITION BY workflow ORDER BY ord) AS place FROM \(s).steps
                WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8) r
            WHERE place <= $4::int8 OR ord IS NULL ORDER BY workflow, ord
            """)
    }

    private static func assemble(_ results: [Rows], limit: Int) -> [LoadedWorkflow] {
        let (workflows, steps, pending, inbox) = (results[2], results[3], results[4], results[5])
        var loaded = workflows.map { LoadedWorkflow(record: workflows.workflow($0, 0)) }
        let index = Dictionary(loaded.indices.map { (loaded[$0].record.number, $0) }, uniquingKeysWith: { first, _ in first })
        for row in 0..<steps.count {
            guard let place = index[steps.int(row, 0)] else { continue }
            if steps.isNull(row, 2) {
                loaded[place].unordered.append(steps.step(row, 0))
            } else if loaded[place].history.count < limit {
                loaded[place].history.append(steps.step(row, 0))
            } else {
                loaded[place].isComplete = false
            }
        }
        for row in 0..<pending.count {
            if let place = index[pending.int(row, 0)] { loaded[place].pending.append(pending.pending(row, 0)) }
        }
        for row in 0..<inbox.count {
            guard let item = inbox.inboxItem(row, 0), let place = index[item.workflow] else { continue }
            loaded[place].inbox.append(item)
        }
        return loaded
    }
}
