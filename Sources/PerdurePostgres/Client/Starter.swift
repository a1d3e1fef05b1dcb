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
        var new = round.filter { starts[$0].record.id == nil && starts[$0].policies.deduplication == nil }
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
        for index in round {
            guard let deduplication = starts[index].policies.deduplication else { continue }
            try start(session, starts, index, unless: deduplication, &results)
        }
    }

    /// One after the other: the next of the same key must find it.
    private func start(
        _ session: Session, _ starts: [Start], _ index: Int, unless deduplication: StoredDeduplication, _ results: inout [StartResult?]
    ) throws(StoreError) {
        let record = starts[index].record
        let answer = try session.query(
            statements.deduplicate,
            [
                .text(record.lane.queue), .text(deduplication.key), .text(deduplication.policy.rawValue), .int8(record.number),
                .text(record.lane.workflow), .bytes(record.input.bytes), .int8(Int64(record.input.codec)),
                record.attributes.map { .bytes($0.bytes) }, .int8(record.attributes.map { Int64($0.codec) }), .int8(record.created),
                .int8(record.due), .int8(record.deadline), .int8(record.expires), .bool(deduplication.isDebounced),
                .int8(deduplication.maximumWait?.microseconds),
            ])
        switch answer.int(0, 0) {
        case 1: results[index] = .existing(answer.int(0, 1))
        case 2: results[index] = .duplicate(answer.int(0, 1))
        case 3: results[index] = .otherType(answer.optionalText(0, 2) ?? "another")
        default: try insert(session, starts, [index], &results)
        }
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
        if owner == nil, let first = new.first, new.count > 1, new.allSatisfy({ starts[$0].record.isAlike(starts[first].record) }) {
            return try insertAlike(session, starts, new, &results)
        }
        let request = try careful(new.map { starts[$0] })
        let rows = try session.query(request.statement, request.parameters)
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

extension Starter {
    /// All in one round trip, where no id and no key has to be asked for first; nil otherwise.
    ///
    /// - Parameter announcement: What tells others of it, behind its commit.
    func startAtOnce(_ session: Session, _ starts: [Start], announcement: [Request]) throws(StoreError) -> [StartResult]? {
        guard owner == nil, let first = starts.first?.record,
            starts.allSatisfy({ $0.record.id == nil && $0.policies.deduplication == nil })
        else { return nil }
        let isAlike = starts.count > 1 && starts.allSatisfy { $0.record.isAlike(first) }
        let request = isAlike ? try alike(starts, first) : try careful(starts)
        let timeout = Statement("perdure_start_timeout", "SET LOCAL lock_timeout = '1s'")
        let start = [Request(.begin), Request(timeout), request, Request(.commit)]
        do throws(StoreError) {
            let results = try session.pipeline(start + announcement)
            guard results.count >= start.count, results[start.count - 1].tag == "COMMIT" else {
                throw StoreError(.transient, "the start was rolled back instead of committed")
            }
        } catch {
            // That nobody could be told is no reason to fail: it is committed, and the poll finds it.
            guard let failed = session.failedIndex, failed >= start.count else { throw error }
        }
        return starts.map { _ in .started(owned: false) }
    }

    /// One of which it is known that it is new.
    func insertNew(_ session: Session, _ record: WorkflowRecord) throws(StoreError) {
        let request = try careful([(record: record, policies: IDPolicies())])
        try session.query(request.statement, request.parameters)
    }

    private func careful(_ starts: [Start]) throws(StoreError) -> Request {
        let columns = WorkflowColumns()
        for start in starts { try columns.append(start.record, lane: lanes[start.record.lane] ?? 0) }
        let parameters = columns.parameters + [.int8(owner)]
        guard starts.contains(where: { $0.record.attributes != nil }) else { return Request(statements.insert, parameters) }
        let attributes = AttributeColumns()
        for start in starts { try attributes.append(start.record) }
        return Request(statements.insertWithAttributes, parameters + attributes.parameters)
    }

    /// What is enqueued in bulk.
    ///
    /// If one of them was sent before, it fails as a whole, and each is tried by itself.
    private func insertAlike(
        _ session: Session, _ starts: [Start], _ new: [Int], _ results: inout [StartResult?]
    ) throws(StoreError) {
        guard let first = new.first.map({ starts[$0].record }) else { return }
        let request = try alike(new.map { starts[$0] }, first)
        try session.query(request.statement, request.parameters)
        for index in new { results[index] = .started(owned: false) }
    }

    private func alike(_ starts: [Start], _ first: WorkflowRecord) throws(StoreError) -> Request {
        let (numbers, inputs) = (Column(PostgresType.int8), Column(PostgresType.bytea))
        for start in starts {
            numbers.append(start.record.number)
            inputs.append(start.record.input.bytes)
        }
        let lane = first.lane
        let (queue, key) = (try ParameterBuffer.text(lane.queue), try ParameterBuffer.text(lane.key))
        let (name, version) = (try ParameterBuffer.text(lane.workflow), try ParameterBuffer.text(lane.version))
        return Request(
            statements.insertAlike,
            [
                numbers.sealed, inputs.sealed, .int4(Int32(first.input.codec)), queue, key,
                .int4(Int32(lane.priority)), name, version, .int8(first.created), .int8(first.due),
                .int8(first.deadline), .int8(first.expires), .int8(lanes[lane] ?? 0),
            ])
    }
}

extension WorkflowRecord {
    /// Whether nothing differs but number and input.
    fileprivate func isAlike(_ other: WorkflowRecord) -> Bool {
        id == nil && parent == nil && attributes == nil && created == other.created && due == other.due && deadline == other.deadline
            && expires == other.expires && input.codec == other.input.codec && lane == other.lane
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
        guard let status, status != .continued else {
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
