package import Perdure

extension Query {
    // The places first, then the rows: sorting carries no payloads, and with a limit keeps no more than that many.
    fileprivate static let history = Query(
        """
        SELECT s.workflow, s.key, s.ord, s.kind, s.started, s.finished, s.attempts, s.output, s.output_codec, s.error, s.error_codec
        FROM (SELECT key, ord FROM perdure_steps WHERE workflow = ?1 AND ord > ?2 ORDER BY ord LIMIT ?3) AS place
        CROSS JOIN perdure_steps AS s ON s.workflow = ?1 AND s.key = place.key
        """)
    fileprivate static let unordered = Query(
        """
        SELECT workflow, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec
        FROM perdure_steps WHERE workflow = ?1 AND ord IS NULL
        """)
    fileprivate static let patches = Query(
        "SELECT key FROM perdure_steps WHERE workflow = ?1 AND key >= '@patch:' AND key < '@patch;'")
    fileprivate static let pending = Query(
        """
        SELECT workflow, key, attempt, started, due, error, error_codec, progress, progress_codec, held_by
        FROM perdure_pending WHERE workflow = ?1
        """)
    fileprivate static let inbox = Query(
        """
        SELECT sequence, workflow, kind, reference, payload, payload_codec, topic, key, seen FROM perdure_inbox
        WHERE workflow = ?1 AND kind < 100
        UNION ALL SELECT * FROM (
            SELECT sequence, workflow, kind, reference, payload, payload_codec, topic, key, seen FROM perdure_inbox
            WHERE workflow = ?1 AND kind = 100 AND seen = 0 ORDER BY sequence LIMIT 1)
        ORDER BY sequence
        """)
    fileprivate static let openChildren = Query(
        """
        SELECT w.number, w.close_policy, (SELECT r.first FROM perdure_successors AS r WHERE r.number = w.number)
        FROM perdure_workflows AS w JOIN perdure_live AS l ON l.number = w.number
        WHERE w.parent = ?1 ORDER BY w.number
        """)
}

extension Connection {
    func history(of number: WorkflowNumber, after order: Int64, limit: Int) throws(StoreError) -> [StepRecord] {
        let statement = try prepared(.history)
        statement.bind(1, number)
        statement.bind(2, order)
        statement.bind(3, Int64(limit))
        // The rows come in the order of their places, which SQL does not promise.
        return try statement.all { row throws(StoreError) in try StepRecord(row) }.sorted { $0.order ?? 0 < $1.order ?? 0 }
    }

    func pending(of number: WorkflowNumber) throws(StoreError) -> [PendingRecord] {
        let statement = try prepared(.pending)
        statement.bind(1, number)
        return try statement.all { row in
            PendingRecord(
                workflow: row.int(0), key: row.text(1), attempt: Int32(clamping: row.int(2)), started: row.int(3), due: row.optionalInt(4),
                error: row.payload(5), progress: row.payload(7), heldBy: row.optionalInt(9))
        }
    }

    /// Rows of a kind that this library does not know are left where they are.
    func inbox(of number: WorkflowNumber) throws(StoreError) -> [InboxItem] {
        let statement = try prepared(.inbox)
        statement.bind(1, number)
        let rows: [InboxItem?] = try statement.all { row in
            guard let kind = Int16(exactly: row.int(2)).flatMap(InboxKind.init(rawValue:)) else { return nil }
            return InboxItem(
                sequence: row.int(0), workflow: row.int(1), kind: kind, reference: row.optionalInt(3), payload: row.payload(4),
                topic: row.optionalText(6), key: row.optionalText(7), isSeen: row.int(8) != 0)
        }
        return rows.compactMap(\.self)
    }

    func load(_ number: WorkflowNumber, limit: Int) throws(StoreError) -> LoadedWorkflow? {
        guard let record = try workflow(number) else { return nil }
        var history = try history(of: number, after: .min, limit: limit == .max ? limit : limit + 1)
        let isComplete = history.count <= limit
        if !isComplete { history.removeLast(history.count - limit) }
        let unordered = try prepared(.unordered)
        unordered.bind(1, number)
        return LoadedWorkflow(
            record: record, history: history, isComplete: isComplete,
            unordered: try unordered.all { row throws(StoreError) in try StepRecord(row) },
            pending: try pending(of: number), inbox: try inbox(of: number), patches: isComplete ? [] : try patches(of: number),
            origin: try link(of: number)?.origin)
    }

    private func patches(of number: WorkflowNumber) throws(StoreError) -> Set<String> {
        let statement = try prepared(.patches)
        statement.bind(1, number)
        return Set(try statement.all { $0.text(0) })
    }
}

extension SQLiteStore {
    package func load(_ numbers: [WorkflowNumber], limit: Int) async throws(StoreError) -> [LoadedWorkflow] {
        try await reader.read { connection throws(StoreError) in
            var loaded: [LoadedWorkflow] = []
            for number in numbers {
                if let workflow = try connection.load(number, limit: limit) { loaded.append(workflow) }
            }
            return loaded
        }
    }

    package func history(of number: WorkflowNumber, after order: Int64, limit: Int) async throws(StoreError) -> [StepRecord] {
        try await reader.read { connection throws(StoreError) in try connection.history(of: number, after: order, limit: limit) }
    }

    package func inbox(of numbers: [WorkflowNumber]) async throws(StoreError) -> [InboxItem] {
        try await reader.read { connection throws(StoreError) in
            var items: [InboxItem] = []
            for number in numbers { items += try connection.inbox(of: number) }
            return items.sorted { $0.sequence < $1.sequence }
        }
    }

    package func openChildren(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: [OpenChild]] {
        try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.openChildren)
            var children: [WorkflowNumber: [OpenChild]] = [:]
            for number in Set(numbers) {
                statement.bind(1, number)
                let open = try statement.all { row in
                    OpenChild(
                        number: row.int(0), first: row.optionalInt(2), closePolicy: StoredClosePolicy(column: row.optionalInt(1)))
                }
                if !open.isEmpty { children[number] = open }
            }
            return children
        }
    }
}
