internal import Perdure

/// A row of a schedule, and when it was declared last.
struct StoredScheduleRow: Sendable {
    var row: ScheduleRow
    var declaredAt: Microseconds?
}

/// What keeps a time from firing twice.
struct FireKey: Sendable, Hashable {
    var schedule: ExactText
    var nominal: Microseconds
    var isTriggered: Bool
}

extension Tables {
    func schedules(_ names: [String]?, now: Microseconds) -> [ScheduleListing] {
        let found = names.map { names in names.compactMap { schedules[ExactText($0)] } } ?? Array(schedules.values)
        return found.sorted { $0.row.name < $1.row.name }.map { stored in
            ScheduleListing(
                row: stored.row, running: stored.row.state.open.count { live[newestRun(of: $0.number)] != nil },
                isOrphaned: isOrphaned(stored, now: now),
                hasConflict: stored.row.declared == nil && isDeclared(stored.row.name, now: now))
        }
    }

    mutating func changeSchedule<Answer>(_ name: String, _ change: (inout ScheduleRow?) -> Answer) -> Answer {
        let key = ExactText(name)
        var row = schedules[key]?.row
        let answer = change(&row)
        if let row {
            schedules[key, default: StoredScheduleRow(row: row)].row = row
        } else if schedules.removeValue(forKey: key) != nil {
            fires = fires.filter { $0.key.schedule != key }
        }
        return answer
    }

    mutating func declareSchedules(_ names: [String], by executor: ExecutorID, now: Microseconds) -> [String] {
        guard let workflows = executors[executor]?.repertoire.workflows else { return [] }
        declaredSchedules[executor, default: []].formUnion(names)
        for key in names.map(ExactText.init) where schedules[key]?.row.declared != nil { schedules[key]?.declaredAt = now }
        let orphans = schedules.values.filter { stored in
            stored.row.definition.map { workflows.contains($0.workflow) } ?? false && isOrphaned(stored, now: now)
        }
        return orphans.map(\.row.name).sorted()
    }

    func nextSchedule() -> Microseconds? { schedules.values.lazy.map(\.row.state.due).filter { $0 < .max }.min() }

    mutating func fire(_ request: FireRequest, now: Microseconds) throws(StoreError) -> FireReport {
        try checkFence(request.executor)
        var report = FireReport()
        for stored in candidates(request) {
            report.looked += 1
            if isOrphaned(stored, now: now) { report.orphaned.append(stored.row.name) }
            fire(stored.row, request, &report, now: now)
        }
        report.next = nextSchedule()
        return report
    }

    private func candidates(_ request: FireRequest) -> [StoredScheduleRow] {
        let due = schedules.values.filter { $0.row.state.due <= request.now && $0.row.state.due < .max }
            .sorted { ($0.row.state.due, $0.row.name) < ($1.row.state.due, $1.row.name) }.prefix(request.limit)
        let waiting = request.ended.sorted().compactMap { schedules[ExactText($0)] }.filter { stored in
            stored.row.waits && !due.contains { $0.row.name == stored.row.name }
        }
        return due + waiting
    }

    private mutating func fire(_ row: ScheduleRow, _ request: FireRequest, _ report: inout FireReport, now: Microseconds) {
        var ended: [WorkflowNumber: OutcomeStatus?] = [:]
        for run in row.state.open {
            let newest = newestRun(of: run.number)
            if live[newest] == nil { ended.updateValue(outcomes[newest]?.status, forKey: run.number) }
        }
        var firing = ScheduleFiring(row, ended: ended, now: request.now)
        var begun: [(start: ScheduledStart, number: WorkflowNumber, result: StartResult?)] = []
        for start in firing.starts {
            let number = numberBlock(count: 1, now: now).first
            let key = FireKey(schedule: ExactText(row.name), nominal: start.nominal, isTriggered: start.kind == .trigger)
            guard fires[key] == nil, let record = firing.record(start, number: number) else {
                begun.append((start, number, nil))
                continue
            }
            let decision = decide(record, IDPolicies())
            apply(decision, record, IDPolicies(), owner: nil, now: now)
            let result = result(decision, record, owner: nil)
            if case .started = result { report.started.append(record.id ?? "") }
            fires[key] = if case .existing(let other) = result { other } else { number }
            begun.append((start, number, result))
        }
        firing.conclude(begun)
        for item in firing.asks { deliver(item) }
        report.hasAsked = report.hasAsked || !firing.asks.isEmpty
        if let complaint = firing.complaint { report.complaints.append(complaint) }
        schedules[ExactText(row.name)]?.row = firing.row
    }

    private func isDeclared(_ name: String, now: Microseconds) -> Bool {
        declaredSchedules.contains { executor, names in names.contains(name) && executors[executor].map { $0.until > now } ?? false }
    }

    private func isOrphaned(_ stored: StoredScheduleRow, now: Microseconds) -> Bool {
        guard stored.row.declared != nil, let declaredAt = stored.declaredAt, let workflow = stored.row.definition?.workflow else {
            return false
        }
        return !isDeclared(stored.row.name, now: now)
            && executors.values.contains { $0.until > now && $0.started > declaredAt && $0.repertoire.workflows.contains(workflow) }
    }
}
