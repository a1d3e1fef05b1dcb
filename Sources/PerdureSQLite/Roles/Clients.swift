package import Perdure

extension Query {
    fileprivate static let nextNumber = Query(
        """
        INSERT INTO perdure_meta (key, value) VALUES ('next_number', CAST(?1 + ?2 AS TEXT))
        ON CONFLICT (key) DO UPDATE SET value = CAST(max(CAST(value AS INTEGER), ?1) + ?2 AS TEXT)
        RETURNING CAST(value AS INTEGER) - ?2
        """)
    fileprivate static let live = Query("SELECT state, executor, due, crashes, lane FROM perdure_live WHERE number = ?1")
    fileprivate static let reason = Query("SELECT reason FROM perdure_asides WHERE number = ?1")
    fileprivate static let outcome = Query(
        "SELECT workflow, status, output, output_codec, error, error_codec, finished FROM perdure_outcomes WHERE workflow = ?1")
    fileprivate static let asideReason = Query(
        """
        SELECT a.reason FROM perdure_live AS l LEFT JOIN perdure_asides AS a ON a.number = l.number
        WHERE l.number = ?1 AND l.state = 3
        """)
    fileprivate static let laneOfAside = Query("SELECT lane FROM perdure_live WHERE number = ?1 AND state = 3")
    fileprivate static let resume = Query(
        "UPDATE perdure_live SET state = 0, lane = ?2, executor = NULL, due = NULL, crashes = 0, turn = ?3 WHERE number = ?1")
}

extension Connection {
    func outcome(of number: WorkflowNumber) throws(StoreError) -> Outcome? {
        let statement = try prepared(.outcome)
        statement.bind(1, number)
        return try statement.first { row throws(StoreError) in
            guard let status = Int16(exactly: row.int(1)).flatMap(OutcomeStatus.init(rawValue:)) else {
                throw StoreError(
                    .rejected,
                    "the outcome of workflow \(number) has an unknown status (\(row.int(1))): its row was edited, or is of a newer "
                        + "version")
            }
            return Outcome(
                workflow: row.int(0), status: status, output: row.payload(2), error: row.payload(4), finished: row.int(6))
        }
    }

    func status(of number: WorkflowNumber, now: Microseconds) throws(StoreError) -> StatusRecord? {
        guard let record = try workflow(number) else { return nil }
        var status = StatusRecord(record: record, outcome: try outcome(of: number), pending: try pending(of: number))
        status.link = try link(of: number)
        let live = try prepared(.live)
        live.bind(1, number)
        let found = try live.first {
            (state: $0.int(0), executor: $0.optionalInt(1), due: $0.optionalInt(2), crashes: $0.int(3), lane: $0.int(4))
        }
        if let found {
            guard let state = Int16(exactly: found.state).flatMap(LiveState.init(rawValue:)) else {
                throw StoreError(
                    .rejected, "workflow \(number) is in an unknown state (\(found.state)): its row was edited, or is of a newer version")
            }
            status.live = state
            status.executor = found.executor
            status.due = found.due
            status.crashes = Int(found.crashes)
            if state == .ready, found.due ?? .min <= now {
                status.wait = try wait(of: record.lane, isReturned: try lane(found.lane)?.returned ?? false, now: now)
            }
        }
        if status.outcome == nil { status.isServed = try isServed(record.lane, now: now) }
        if status.live == .paused { status.pause = try lastPause(of: number) }
        let reason = try prepared(.reason)
        reason.bind(1, number)
        status.reason = try reason.first { $0.text(0) }
        return status
    }

    fileprivate func ending(of number: WorkflowNumber) throws(StoreError) -> Ending? {
        if let outcome = try outcome(of: number) { return .outcome(outcome) }
        let statement = try prepared(.asideReason)
        statement.bind(1, number)
        return try statement.first { .setAside(number, reason: $0.text(0)) }
    }
}

extension Connection {
    func resume(_ asked: WorkflowNumber) throws(StoreError) -> Bool {
        let number = try newestRun(of: asked)
        let aside = try prepared(.laneOfAside)
        aside.bind(1, number)
        guard let lane = try aside.first({ $0.int(0) }) else { return try resumePaused(number) }
        let statement = try prepared(.resume)
        statement.bind(1, number)
        statement.bind(2, try returnLane(of: lane))
        statement.bind(3, try nextTurn())
        try statement.run()
        try clearAside(number)
        return true
    }

    func numberBlock(of count: Int, now: Microseconds) throws(StoreError) -> NumberBlock {
        let statement = try prepared(.nextNumber)
        // Never below what was handed out before, so that a clock that steps back makes no duplicate.
        statement.bind(1, max(0, now / 1000 - 1_735_689_600_000) << 22)
        statement.bind(2, Int64(count))
        guard let first = try statement.first({ $0.int(0) }), first >= 0 else {
            throw StoreError(.misconfigured, "perdure_meta.next_number in '\(file)' is not a number: delete that row")
        }
        return NumberBlock(first: first, count: count)
    }
}

extension SQLiteStore {
    /// How many numbers a block has; what is not used within seconds is dropped.
    private static let blockSize = 4096

    package func numberBlock() async throws(StoreError) -> NumberBlock {
        try await writer.write { [options] connection throws(StoreError) in
            try connection.numberBlock(of: Self.blockSize, now: options.clock())
        }
    }

    package func start(
        _ starts: [(WorkflowRecord, IDPolicies)], by executor: ExecutorID?, isOwned: Bool
    ) async throws(StoreError) -> [StartResult] {
        guard !starts.isEmpty else { return [] }
        return try await writer.write { [options] connection throws(StoreError) in
            if let executor { try connection.fence(executor) }
            return try connection.start(starts, owner: isOwned ? executor : nil, now: options.clock())
        }
    }

    package func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        try await reader.read { connection throws(StoreError) in try connection.run(ofID: id)?.number }
    }

    package func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        try await reader.read { [options] connection throws(StoreError) in try connection.status(of: number, now: options.clock()) }
    }

    package func endings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending] {
        try await reader.read { connection throws(StoreError) in
            var endings: [Ending] = []
            for number in numbers {
                if let ending = try connection.ending(of: number) { endings.append(ending) }
            }
            return endings
        }
    }

    package func newestRuns(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: WorkflowNumber] {
        try await reader.read { connection throws(StoreError) in
            var runs: [WorkflowNumber: WorkflowNumber] = [:]
            for number in numbers {
                let newest = try connection.newestRun(of: number)
                if newest != number { runs[number] = newest }
            }
            return runs
        }
    }

    package func deliver(_ items: [InboxItem]) async throws(StoreError) {
        guard !items.isEmpty else { return }
        try await writer.write { connection throws(StoreError) in
            for item in items { try connection.deliver(item) }
        }
    }

    package func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        try await writer.write { connection throws(StoreError) in try connection.send(items) }
    }

    package func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        try await writer.write { connection throws(StoreError) in try connection.resume(number) }
    }
}
