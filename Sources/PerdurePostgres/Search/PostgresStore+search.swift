package import Perdure

extension PostgresStore {
    package func search(_ request: SearchRequest) async throws(StoreError) -> [SummaryRecord] {
        let plan = FilterPlan(request.filter, now: request.now)
        if plan.isEmpty { return [] }
        let requests = SearchRequests(schema: schema)
        // A connection of its own: a long search must not hold up the engine's reads.
        return try await connection(.searches).runConnected { session throws(StoreError) in
            let databaseNow = try session.databaseNow(plan, now: request.now)
            guard let range = request.numbers(plan, databaseNow: databaseNow) else { return [] }
            let rows = try session.search(try requests.page(plan, request, range))
            return rows.map { rows.summary($0) }
        }
    }

    package func count(_ filter: WorkflowFilter, now: Microseconds, upTo limit: Int) async throws(StoreError) -> Int {
        let plan = FilterPlan(filter, now: now)
        if plan.isEmpty { return 0 }
        let requests = SearchRequests(schema: schema)
        return try await connection(.searches).runConnected { session throws(StoreError) in
            let range = plan.numbers(now: now, databaseNow: try session.databaseNow(plan, now: now))
            return Int(try session.search(try requests.count(plan, range, now: now, upTo: limit)).int(0, 0))
        }
    }
}

extension Session {
    /// Asked only where a number would follow from it.
    fileprivate func databaseNow(_ plan: FilterPlan, now: Microseconds) throws(StoreError) -> Microseconds {
        guard plan.boundsNumbers else { return now }
        return try query(Statement("perdure_search_time", isPrepared: false, "SELECT \(serverMicroseconds)")).int(0, 0)
    }

    /// Never compiled: what is estimated to be long is cut off by its limit.
    fileprivate func search(_ request: Request) throws(StoreError) -> Rows {
        let begin = Statement("perdure_search_begin", isPrepared: false, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
        return try pipeline([Request(begin), Request(.uncompiled), request, Request(.commit)])[2]
    }
}

extension Rows {
    /// The columns of `SearchRequests.page`.
    fileprivate func summary(_ row: Int) -> SummaryRecord {
        let number = int(row, 0)
        let parent = optionalInt(row, 7).map { parent in
            ParentLink(number: parent, key: optionalText(row, 8) ?? "", closePolicy: StoredClosePolicy(column: optionalInt(row, 9)))
        }
        let record = WorkflowRecord(
            number: number, id: optionalText(row, 1),
            lane: Lane(
                queue: text(row, 2), key: text(row, 3), priority: int16(row, 4), workflow: text(row, 5), version: text(row, 6)),
            input: .void, parent: parent, attributes: payload(row, 10), created: int(row, 12), due: optionalInt(row, 13),
            deadline: optionalInt(row, 14), expires: optionalInt(row, 15))
        var status = StatusRecord(
            record: record, executor: optionalInt(row, 17), due: optionalInt(row, 18), crashes: Int(optionalInt(row, 19) ?? 0),
            reason: optionalText(row, 20))
        status.live = optionalInt(row, 16).flatMap { LiveState(rawValue: Int16(truncatingIfNeeded: $0)) }
        if let code = optionalInt(row, 21) {
            status.outcome = Outcome(
                workflow: number, status: OutcomeStatus(rawValue: Int16(truncatingIfNeeded: code)) ?? .failed, finished: int(row, 22))
        }
        return SummaryRecord(status: status, parentID: optionalText(row, 23))
    }
}
