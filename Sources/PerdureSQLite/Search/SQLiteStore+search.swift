package import Perdure

extension SQLiteStore {
    package func search(_ request: SearchRequest) async throws(StoreError) -> [SummaryRecord] {
        let plan = FilterPlan(request.filter, now: request.now)
        guard !plan.isEmpty, let range = request.numbers(plan, databaseNow: options.clock()) else { return [] }
        let search = SearchStatement.page(plan, request, range)
        return try await searcher().read { connection throws(StoreError) in
            let statement = try connection.userStatement(search.sql)
            try statement.bind(search.values)
            return try statement.all { row throws(StoreError) in try SummaryRecord(row) }
        }
    }

    package func count(_ filter: WorkflowFilter, now: Microseconds, upTo limit: Int) async throws(StoreError) -> Int {
        let plan = FilterPlan(filter, now: now)
        if plan.isEmpty { return 0 }
        let search = SearchStatement.count(plan, plan.numbers(now: now, databaseNow: options.clock()), now: now, upTo: limit)
        return try await searcher().read { connection throws(StoreError) in
            let statement = try connection.userStatement(search.sql)
            try statement.bind(search.values)
            return try statement.first { Int($0.int(0)) } ?? 0
        }
    }

    /// A connection of its own, opened with the first search: a long one must not hold up the engine's reads.
    private func searcher() throws(StoreError) -> ReadConnection {
        try searching.withLock { searching throws(StoreError) in
            if let open = searching.connection { return open }
            if searching.isClosed { throw StoreError(.unavailable, "the store '\(location.path)' is closed") }
            let connection = try Connection.open(location, for: .read, options: options, create: false)
            let opened = ReadConnection(connection: connection, thread: ThreadExecutor(name: "perdure-sql-s"), at: location)
            searching.connection = opened
            return opened
        }
    }

    func closeSearcher() async {
        let open = searching.withLock { searching in
            searching.isClosed = true
            return searching.connection
        }
        guard let open else { return }
        await open.close()
        open.thread.stop()
    }
}

/// The connection of searches, once there was one.
struct Searching: Sendable {
    var connection: ReadConnection?
    var isClosed = false
}

extension SummaryRecord {
    /// The columns of `SearchStatement.page`.
    fileprivate init(_ row: Statement) throws(StoreError) {
        let number = row.int(0)
        let record = WorkflowRecord(
            number: number, id: row.optionalText(1),
            lane: Lane(
                queue: row.text(2), key: row.text(3), priority: Int16(clamping: row.int(4)), workflow: row.text(5), version: row.text(6)),
            input: .void,
            parent: row.optionalInt(7).map { parent in
                ParentLink(number: parent, key: row.text(8), closePolicy: StoredClosePolicy(column: row.optionalInt(9)))
            },
            attributes: row.payload(10), created: row.int(12), due: row.optionalInt(13), deadline: row.optionalInt(14),
            expires: row.optionalInt(15))
        var status = StatusRecord(record: record, executor: row.optionalInt(17), due: row.optionalInt(18), crashes: Int(row.int(19)))
        status.live = row.optionalInt(16).flatMap { Int16(exactly: $0) }.flatMap(LiveState.init(rawValue:))
        status.reason = row.optionalText(20)
        if let code = row.optionalInt(21) {
            guard let ended = Int16(exactly: code).flatMap(OutcomeStatus.init(rawValue:)) else {
                throw StoreError(
                    .rejected,
                    "the outcome of workflow \(number) has an unknown status (\(code)): its row was edited, or is of a newer version")
            }
            status.outcome = Outcome(workflow: number, status: ended, finished: row.int(22))
        }
        self.init(status: status, parentID: row.optionalText(23))
    }
}
