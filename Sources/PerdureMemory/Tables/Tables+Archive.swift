internal import Perdure

extension Tables {
    func numbers(of selection: ArchiveSelection, after number: WorkflowNumber, limit: Int) -> [WorkflowNumber] {
        let all = selection.includesClosed ? Array(workflows.keys) : Array(live.keys)
        let selected = all.filter { candidate in
            guard candidate > number, let record = workflows[candidate] else { return false }
            return (selection.workflow.map { record.lane.workflow == $0 } ?? true) && (selection.since.map { record.created >= $0 } ?? true)
        }
        return Array(selected.sorted().prefix(limit))
    }

    func recorded(_ number: WorkflowNumber) -> RecordedHistory? {
        guard let loaded = load([number], limit: .max).first else { return nil }
        return RecordedHistory(
            record: loaded.record, steps: loaded.history + loaded.unordered, pending: loaded.pending, inbox: loaded.inbox,
            outcome: outcomes[number], aside: asides[number], origin: loaded.origin)
    }

    /// Looks at all that is there: no test has so much that it matters.
    func versions(now: Microseconds) -> [VersionRecord] {
        var found: [String: VersionRecord] = [:]
        var withoutEnd: Set<String> = []
        for (number, row) in live {
            guard let record = workflows[number] else { continue }
            if record.deadline == nil || row.state == .setAside || row.state == .paused { withoutEnd.insert(record.lane.version) }
            found[record.lane.version, default: VersionRecord(version: record.lane.version)].add(record, row)
        }
        for version in withoutEnd { found[version]?.drained = nil }
        for lease in executors.values where lease.until > now {
            for version in lease.repertoire.versions { found[version, default: VersionRecord(version: version)].engines += 1 }
        }
        for (number, outcome) in outcomes where outcome.finished > now - 3_600_000_000 {
            if let version = workflows[number]?.lane.version { found[version]?.endedInHour += 1 }
        }
        return found.values.sorted { $0.version < $1.version }
    }
}

extension VersionRecord {
    fileprivate mutating func add(_ record: WorkflowRecord, _ row: LiveRow) {
        open += 1
        switch row.state {
        case .ready: queued += 1
        case .owned: running += 1
        case .waiting, .suspect: waiting += 1
        case .setAside, .paused: setAside += 1
        }
        oldest = min(oldest ?? .max, record.created)
        if let due = row.due, due < .max { latestDue = max(latestDue ?? .min, due) }
        if let deadline = record.deadline { drained = max(drained ?? .min, deadline) }
    }
}
