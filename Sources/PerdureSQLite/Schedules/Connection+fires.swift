internal import Perdure

extension Query {
    fileprivate static let fire = Query(
        """
        INSERT INTO perdure_fires (schedule, nominal, triggered, number, fired) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING
        RETURNING number
        """)
    fileprivate static let refire = Query(
        "UPDATE perdure_fires SET number = ?4 WHERE schedule = ?1 AND nominal = ?2 AND triggered = ?3")
    fileprivate static let status = Query("SELECT status FROM perdure_outcomes WHERE workflow = ?1")
}

extension Connection {
    /// Those that are due, and those of which something waits for the end of a run.
    func candidates(_ request: FireRequest) throws(StoreError) -> [String] {
        var names = try dueSchedules(request.now, limit: request.limit)
        for name in request.ended.sorted() where !names.contains(name) {
            if try schedule(name)?.row.waits == true { names.append(name) }
        }
        return names
    }

    /// One decides, what it decides is carried out, and its row is written.
    func fire(_ stored: StoredScheduleRow, _ request: FireRequest, _ report: inout FireReport, now: Microseconds) throws(StoreError) {
        let row = stored.row
        report.looked += 1
        if try isOrphaned(stored, now: now) { report.orphaned.append(row.name) }
        var firing = ScheduleFiring(row, ended: try ended(row.state.open), now: request.now)
        var begun: [(start: ScheduledStart, number: WorkflowNumber, result: StartResult?)] = []
        for start in firing.starts {
            let number = try numberBlock(of: 1, now: now).first
            guard let record = firing.record(start, number: number), try insertFire(row.name, start, number, now: now) else {
                begun.append((start, number, nil))
                continue
            }
            let result = try self.start([(record, IDPolicies())], owner: nil, now: now).first
            if case .started = result { report.started.append(record.id ?? "") }
            if case .existing(let other) = result { try refire(row.name, start, other) }
            begun.append((start, number, result))
        }
        firing.conclude(begun)
        for item in firing.asks { try deliver(item) }
        report.hasAsked = report.hasAsked || !firing.asks.isEmpty
        if let complaint = firing.complaint { report.complaints.append(complaint) }
        if firing.row != row { try write(firing.row) }
    }

    /// What is not alive has ended; how, where that is still known.
    private func ended(_ runs: [ScheduledRun]) throws(StoreError) -> [WorkflowNumber: OutcomeStatus?] {
        var ended: [WorkflowNumber: OutcomeStatus?] = [:]
        for run in runs {
            let newest = try newestRun(of: run.number)
            if try isLive(newest) { continue }
            let statement = try prepared(.status)
            statement.bind(1, newest)
            let status = try statement.first { Int16(exactly: $0.int(0)).flatMap(OutcomeStatus.init(rawValue:)) }
            ended.updateValue(status ?? nil, forKey: run.number)
        }
        return ended
    }

    /// False if it has fired before.
    private func insertFire(
        _ name: String, _ start: ScheduledStart, _ number: WorkflowNumber, now: Microseconds
    ) throws(StoreError) -> Bool {
        let statement = try prepared(.fire)
        try statement.bind(1, name)
        statement.bind(2, start.nominal)
        statement.bind(3, start.kind == .trigger ? 1 : 0)
        statement.bind(4, number)
        statement.bind(5, now)
        return try statement.first { _ in true } ?? false
    }

    /// A workflow that was there already under its id is its run.
    private func refire(_ name: String, _ start: ScheduledStart, _ number: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.refire)
        try statement.bind(1, name)
        statement.bind(2, start.nominal)
        statement.bind(3, start.kind == .trigger ? 1 : 0)
        statement.bind(4, number)
        try statement.run()
    }
}
