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
                Request(Self.pending(s), [all]), Request(Self.inbox(s), [all]), Request(Self.origins(s), [all]), Request(.commit),
            ])
            var loaded = Self.assemble(results, limit: limit)
            try Self.addPatches(to: &loaded, s, session)
            try Self.forward(to: &loaded, results[6], s, session)
            return loaded
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

    static func workflows(_ s: SchemaName) -> Statement {
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

    package func openChildren(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: [OpenChild]] {
        let statement = Statement(
            "perdure_open_children", isPrepared: false,
            """
            SELECT w.parent, w.number, w.close_policy, (SELECT r.first FROM \(schema).successors r WHERE r.number = w.number) FROM \(schema).workflows w JOIN \(schema).live l ON l.number = w.number
            WHERE w.parent = ANY($1::int8[]) ORDER BY w.number
            """)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(statement, [.int8s(numbers)])
            var children: [WorkflowNumber: [OpenChild]] = [:]
            for row in 0..<rows.count {
                let policy = StoredClosePolicy(column: rows.optionalInt(row, 2))
                children[rows.int(row, 0), default: []].append(
                    OpenChild(number: rows.int(row, 1), first: rows.optionalInt(row, 3), closePolicy: policy))
            }
            return children
        }
    }

    static func pending(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_load_pending", isPrepared: false,
            """
            SELECT workflow, key, attempt, started, due, error, error_codec, progress, progress_codec, held_by FROM \(s).pending
            WHERE workflow = ANY($1::int8[]) ORDER BY workflow, key
            """)
    }

    /// Of histories that are longer than a page: their later rows are asked for before they are read.
    private static func addPatches(to loaded: inout [LoadedWorkflow], _ s: SchemaName, _ session: Session) throws(StoreError) {
        let long = loaded.filter { !$0.isComplete }.map(\.record.number)
        guard let least = long.min(), let most = long.max() else { return }
        // By the kind: where keys are sorted by a language, they have no prefix.
        let statement = Statement(
            "perdure_load_patches", isPrepared: false,
            "SELECT workflow, key FROM \(s).steps WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8 AND kind = 8")
        let rows = try session.query(statement, [.int8s(long), .int8(least), .int8(most)])
        var keys: [WorkflowNumber: Set<String>] = [:]
        for row in 0..<rows.count { keys[rows.int(row, 0), default: []].insert(rows.text(row, 1)) }
        for index in loaded.indices { loaded[index].patches = keys[loaded[index].record.number] ?? [] }
    }

    static func inbox(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_inbox", isPrepared: false,
            """
            SELECT sequence, workflow, kind, reference, payload, codec, topic, key, seen FROM \(s).inbox
            WHERE workflow = ANY($1::int8[]) AND kind < \(InboxKind.groupEnded.rawValue)
            UNION ALL SELECT g.* FROM unnest($1::int8[]) AS u(workflow) CROSS JOIN LATERAL (
                SELECT sequence, workflow, kind, reference, payload, codec, topic, key, seen FROM \(s).inbox i
                WHERE i.workflow = u.workflow AND i.kind = \(InboxKind.groupEnded.rawValue) AND NOT i.seen ORDER BY i.sequence LIMIT 1) g
            ORDER BY sequence
            """)
    }

    /// Of those that came of other runs, and have some of their history.
    static func origins(_ s: SchemaName) -> Statement {
        Statement(
            "perdure_origins", isPrepared: false,
            "SELECT number, origin, first FROM \(s).successors WHERE number = ANY($1::int8[]) AND origin IS NOT NULL")
    }

    /// At most `$4` ordered rows of each workflow, and all that have no place in the order.
    static func steps(_ s: SchemaName, one: Bool) -> Statement {
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

    static func assemble(_ results: [Rows], limit: Int) -> [LoadedWorkflow] {
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
        for row in 0..<results[6].count {
            if let place = index[results[6].int(row, 0)] { loaded[place].origin = results[6].text(row, 1) }
        }
        return loaded
    }
}
