package import Perdure

extension PostgresStore {
    package func fireSchedules(_ request: FireRequest) async throws(StoreError) -> FireReport {
        let statements = ScheduleStatements(schema)
        return try await connection(.starts).run { session throws(StoreError) in
            try session.ready(for: request.executor, self.registry)
            var report = FireReport()
            // An engine looks, and writes nothing where nothing is to be done.
            let found = try session.query(
                statements.candidates, [.int8(request.now), .texts(request.ended), .int8(Int64(request.limit))])
            if found.count > 0 {
                let firer = Firer(store: self, statements: statements, session: session, request: request)
                try firer.fire(found.map { (found.text($0, 0), found.text($0, 1)) }, &report)
            }
            let next = try session.query(statements.next)
            report.next = next.count == 0 ? nil : next.int(0, 0)
            return report
        }
    }
}

/// Has schedules fire on one connection.
private struct Firer {
    typealias Candidate = (name: String, text: String)
    typealias Begun = (start: ScheduledStart, number: WorkflowNumber, result: StartResult?)

    let store: PostgresStore
    let statements: ScheduleStatements
    let session: Session
    let request: FireRequest

    /// All in one transaction; where one of them is at fault, or its id is held by somebody's open transaction, one by one.
    func fire(_ candidates: [Candidate], _ report: inout FireReport) throws(StoreError) {
        do throws(StoreError) {
            try fireAtOnce(candidates, &report)
        } catch {
            guard error.code == .rejected || error.nativeCode == "55P03" else { throw error }
            guard let only = candidates.first, candidates.count == 1 else {
                for candidate in candidates { try fire([candidate], &report) }
                return
            }
            // Held by somebody: it is looked at again in a moment.
            guard error.code == .rejected else { return }
            try setAside(only.name, error)
            report.complaints.append("schedule '\(only.name)' is paused: the database refused to start a run: \(error)")
        }
    }

    private func fireAtOnce(_ candidates: [Candidate], _ report: inout FireReport) throws(StoreError) {
        // Before the transaction: what it makes must not be remembered if that is rolled back.
        let lanes = try store.lanes.numbers(
            of: Set(candidates.compactMap { ScheduleDefinition(text: $0.text)?.lane }), session)
        let done = try session.transaction { () throws(StoreError) in
            let fence: [ParameterBuffer?] = [.int8(request.executor), .int4(store.slots.starts)]
            try session.query(store.journal.fence, fence)
            try session.simple("SET LOCAL lock_timeout = '1s'")
            var done = FireReport()
            var firings = try lock(candidates.map(\.name), lanes, &done)
            try carryOut(&firings, lanes, &done)
            store.registry.acknowledge(request.executor, try session.query(store.journal.fence, fence).int(0, 0))
            return done
        }
        report.started += done.started
        report.hasAsked = report.hasAsked || done.hasAsked
        report.looked += done.looked
        report.complaints += done.complaints
        report.orphaned += done.orphaned
    }

    /// The rows that nobody else is at, with what they decide.
    private func lock(
        _ names: [String], _ lanes: [Lane: Int64], _ done: inout FireReport
    ) throws(StoreError) -> [(before: ScheduleRow, firing: ScheduleFiring)] {
        let rows = try session.query(statements.lockDue, [.texts(names)])
        var found: [ScheduleRow] = []
        for index in 0..<rows.count {
            let row = rows.schedule(index)
            // Changed in this moment, it is for the next look.
            if let lane = row.definition?.lane, lanes[lane] == nil { continue }
            found.append(row)
            if rows.bool(index, ScheduleColumns.count) { done.orphaned.append(row.name) }
        }
        done.looked = rows.count
        let ended = try ended(found.flatMap { $0.state.open.map(\.number) })
        return found.map { row in
            let own = Set(row.state.open.map(\.number))
            return (row, ScheduleFiring(row, ended: ended.filter { own.contains($0.key) }, now: request.now))
        }
    }

    /// What is not alive has ended; how, where that is still known.
    private func ended(_ numbers: [WorkflowNumber]) throws(StoreError) -> [WorkflowNumber: OutcomeStatus?] {
        if numbers.isEmpty { return [:] }
        let closed = try session.query(statements.closed, [.int8s(numbers)])
        let runs = Dictionary(grouping: closed.map { $0 }, by: { closed.int($0, 1) }).mapValues { $0.map { closed.int($0, 0) } }
        var ended: [WorkflowNumber: OutcomeStatus?] = Dictionary(runs.values.joined().map { ($0, nil) }) { first, _ in first }
        let gone = Array(runs.keys)
        if gone.isEmpty { return ended }
        let outcomes = try session.query(statements.outcomes, [.int8s(gone), .int8(gone.min()), .int8(gone.max())])
        for row in 0..<outcomes.count {
            for run in runs[outcomes.int(row, 0)] ?? [] { ended.updateValue(OutcomeStatus(rawValue: outcomes.int16(row, 1)), forKey: run) }
        }
        return ended
    }

    private func carryOut(
        _ firings: inout [(before: ScheduleRow, firing: ScheduleFiring)], _ lanes: [Lane: Int64], _ done: inout FireReport
    ) throws(StoreError) {
        var numbers = try blocks(firings.reduce(0) { $0 + $1.firing.starts.count })
        var plans: [(index: Int, start: ScheduledStart, record: WorkflowRecord)] = []
        for (index, entry) in firings.enumerated() {
            for start in entry.firing.starts {
                guard let number = numbers.popLast(), let record = entry.firing.record(start, number: number) else { continue }
                plans.append((index, start, record))
            }
        }
        let granted = try insertFires(plans.map { (firings[$0.index].before.name, $0.start, $0.record.number) })
        let begin = plans.filter { granted.contains($0.record.number) }
        let starter = Starter(statements: store.starting, lanes: lanes, owner: nil)
        let results = begin.isEmpty ? [] : try starter.start(session, begin.map { ($0.record, IDPolicies()) })
        var begun: [Int: [Begun]] = [:]
        for plan in plans where !granted.contains(plan.record.number) {
            begun[plan.index, default: []].append((plan.start, plan.record.number, nil))
        }
        for (plan, result) in zip(begin, results) {
            begun[plan.index, default: []].append((plan.start, plan.record.number, result))
            if case .started = result { done.started.append(plan.record.id ?? "") }
            if case .existing(let number) = result { try refire(firings[plan.index].before.name, plan.start, number) }
        }
        for index in firings.indices { firings[index].firing.conclude(begun[index] ?? []) }
        try write(firings, &done)
    }

    private func insertFires(_ fires: [(name: String, start: ScheduledStart, number: WorkflowNumber)]) throws(StoreError) -> Set<
        WorkflowNumber
    > {
        if fires.isEmpty { return [] }
        let triggered = Column(PostgresType.bool)
        for fire in fires { triggered.append(fire.start.kind == .trigger) }
        let rows = try session.query(
            statements.fire,
            [.texts(fires.map(\.name)), .int8s(fires.map(\.start.nominal)), triggered.sealed, .int8s(fires.map(\.number))])
        return Set(rows.map { rows.int($0, 0) })
    }

    /// A workflow that was there already under its id is its run.
    private func refire(_ name: String, _ start: ScheduledStart, _ number: WorkflowNumber) throws(StoreError) {
        try session.query(statements.refire, [.text(name), .int8(start.nominal), .bool(start.kind == .trigger), .int8(number)])
    }

    private func write(
        _ firings: [(before: ScheduleRow, firing: ScheduleFiring)], _ done: inout FireReport
    ) throws(StoreError) {
        let asks = firings.flatMap(\.firing.asks)
        try store.access.deliver(session, asks)
        done.hasAsked = !asks.isEmpty
        done.complaints += firings.compactMap(\.firing.complaint)
        for (before, firing) in firings where before != firing.row {
            try session.query(statements.update, ScheduleColumns.parameters(firing.row))
        }
    }

    /// As many numbers.
    private func blocks(_ count: Int) throws(StoreError) -> [WorkflowNumber] {
        if count == 0 { return [] }
        let rows = try session.query(statements.blocks, [.int4(Int32((count + 1_023) / 1_024))])
        let numbers = rows.map { rows.int($0, 0) }.flatMap { first in (0..<1_024).map { first + WorkflowNumber($0) } }
        // Taken from the end: the first start gets the lowest.
        return numbers.prefix(count).reversed()
    }

    private func setAside(_ name: String, _ error: StoreError) throws(StoreError) {
        try session.transaction { () throws(StoreError) in
            let rows = try session.query(statements.lock, [.text(name)])
            if rows.count == 0 { return }
            var row = rows.schedule(0)
            row.set(aside: error, now: request.now)
            try session.query(statements.update, ScheduleColumns.parameters(row))
        }
    }
}
