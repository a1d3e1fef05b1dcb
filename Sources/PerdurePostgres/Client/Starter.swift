internal import Perdure

/// Starts workflows inside an open transaction: ids are taken first, in order, then rows are inserted for what is new.
struct Starter: Sendable {
    typealias Start = (record: WorkflowRecord, policies: IDPolicies)

    let statements: StartStatements
    let lanes: [Lane: Int64]
    let owner: ExecutorID?

    /// One result each, in order.
    ///
    /// Of several under one id the first goes first, and the next finds it.
    func start(_ session: Session, _ starts: [Start]) throws(StoreError) -> [StartResult] {
        var results = [StartResult?](repeating: nil, count: starts.count)
        var left = Array(starts.indices)
        while !left.isEmpty {
            var ids: Set<String> = []
            var round: [Int] = []
            var later: [Int] = []
            for index in left {
                if let id = starts[index].record.id, !ids.insert(id).inserted { later.append(index) } else { round.append(index) }
            }
            try startRound(session, starts, round, &results)
            left = later
        }
        return results.compactMap { $0 }
    }

    /// No two of `round` are under one id.
    private func startRound(
        _ session: Session, _ starts: [Start], _ round: [Int], _ results: inout [StartResult?]
    ) throws(StoreError) {
        let named = round.filter { starts[$0].record.id != nil }.sorted { starts[$0].record.id ?? "" < starts[$1].record.id ?? "" }
        var new = round.filter { starts[$0].record.id == nil }
        if !named.isEmpty {
            let taken = try session.query(
                statements.takeIDs,
                [
                    .texts(named.map { starts[$0].record.id ?? "" }), .int8s(named.map { starts[$0].record.number }),
                    .texts(named.map { starts[$0].record.lane.workflow }),
                ])
            let ours = Set(taken.map { taken.text($0, 0) })
            new += named.filter { ours.contains(starts[$0].record.id ?? "") }
            let conflicting = named.filter { !ours.contains(starts[$0].record.id ?? "") }
            new += try resolve(session, starts, conflicting, &results)
        }
        try insert(session, starts, new, &results)
    }

    /// What the policies say of those whose id is taken; returns those that become a new run.
    private func resolve(
        _ session: Session, _ starts: [Start], _ conflicting: [Int], _ results: inout [StartResult?]
    ) throws(StoreError) -> [Int] {
        if conflicting.isEmpty { return [] }
        let holders = try holders(session, starts, conflicting, lock: false)
        // One that was sent before has its row, even if its id has gone on to a newer run.
        let again = try known(session, conflicting.map { starts[$0].record.number })
        var runs: [Int] = []
        for index in conflicting where !again.contains(starts[index].record.number) {
            guard let holder = holders[starts[index].record.id ?? ""] else {
                // The row that was in the way is gone: nobody deletes ids but retention.
                throw StoreError(.transient, "an id was released while it was asked for")
            }
            results[index] = holder.verdict(starts[index])
            if results[index] == nil { runs.append(index) }
        }
        let sentBefore = conflicting.filter { again.contains(starts[$0].record.number) }
        if runs.isEmpty { return sentBefore }
        // Closed is positive evidence and never changes back; but somebody else may have begun the next run already.
        let locked = try self.holders(session, starts, runs, lock: true)
        var granted: [Int] = []
        for index in runs {
            guard let holder = locked[starts[index].record.id ?? ""] else { continue }
            results[index] = holder.verdict(starts[index])
            if results[index] == nil { granted.append(index) }
        }
        if !granted.isEmpty {
            try session.query(
                statements.moveIDs,
                [.texts(granted.map { starts[$0].record.id ?? "" }), .int8s(granted.map { starts[$0].record.number })])
        }
        return sentBefore + granted
    }

    private func known(_ session: Session, _ numbers: [WorkflowNumber]) throws(StoreError) -> Set<WorkflowNumber> {
        let range: [ParameterBuffer?] = [.int8(numbers.min()), .int8(numbers.max())]
        let rows = try session.query(statements.known, [.int8s(numbers)] + range)
        return Set(rows.map { rows.int($0, 0) })
    }

    private func holders(
        _ session: Session, _ starts: [Start], _ indices: [Int], lock: Bool
    ) throws(StoreError) -> [String: Holder] {
        let rows = try session.query(
            lock ? statements.lockIDs : statements.holders, [.texts(indices.map { starts[$0].record.id ?? "" })])
        var holders: [String: Holder] = [:]
        for row in 0..<rows.count {
            holders[rows.text(row, 0)] = Holder(
                number: rows.int(row, 1), name: rows.text(row, 2),
                status: rows.optionalInt(row, 3).flatMap { OutcomeStatus(rawValue: Int16($0)) })
        }
        return holders
    }

    private func insert(
        _ session: Session, _ starts: [Start], _ new: [Int], _ results: inout [StartResult?]
    ) throws(StoreError) {
        if new.isEmpty { return }
        let columns = WorkflowColumns()
        for index in new { try columns.append(starts[index].record, lane: lanes[starts[index].record.lane] ?? 0) }
        let rows = try session.query(statements.insert, columns.parameters + [.int8(owner)])
        var owned: [WorkflowNumber: Bool] = [:]
        for row in 0..<rows.count where !rows.isNull(row, 0) { owned[rows.int(row, 0)] = rows.int16(row, 1) == LiveState.owned.rawValue }
        // What was there already is this same start, sent before.
        let again = new.map { starts[$0].record.number }.filter { owned[$0] == nil }
        if !again.isEmpty, let owner {
            let rows = try session.query(statements.owners, [.int8s(again), .int8(owner)])
            for row in 0..<rows.count { owned[rows.int(row, 0)] = true }
        }
        for index in new { results[index] = .started(owned: owned[starts[index].record.number] ?? false) }
    }
}

/// The run that holds an id.
private struct Holder {
    let number: WorkflowNumber
    let name: String
    /// nil while it is open.
    let status: OutcomeStatus?

    /// nil: a new run.
    func verdict(_ start: Starter.Start) -> StartResult? {
        if name != start.record.lane.workflow { return .otherType(name) }
        guard let status else {
            switch start.policies.conflict {
            case .useExisting: return .existing(number)
            case .fail, .terminateExisting: return .open(number)
            }
        }
        switch start.policies.reuse {
        case .useExisting: return .existing(number)
        case .allowDuplicate: return nil
        case .allowDuplicateFailedOnly: return status == .completed ? .closed(number) : nil
        case .rejectDuplicate: return .closed(number)
        }
    }
}
