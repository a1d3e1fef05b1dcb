internal import Perdure

/// What is to become of a start, before anything is done.
enum StartDecision: Sendable, Equatable {
    case insert
    /// This same start was sent before.
    case resend
    case existing(WorkflowNumber)
    case open(WorkflowNumber)
    case closed(WorkflowNumber)
    case otherType(String)
    case rejected(String)
}

/// Starts of a transaction that has not committed, as it sees them itself.
struct UncommittedStarts: Sendable {
    var records: [WorkflowNumber: WorkflowRecord] = [:]
    var ids: [ExactText: WorkflowNumber] = [:]

    mutating func insert(_ record: WorkflowRecord) {
        records[record.number] = record
        if let id = record.id { ids[ExactText(id)] = record.number }
    }
}

extension Tables {
    func decide(_ record: WorkflowRecord, _ policies: IDPolicies, after uncommitted: UncommittedStarts? = nil) -> StartDecision {
        do { try validate(record) } catch { return .rejected(error.message) }
        if let known = uncommitted?.records[record.number] ?? workflows[record.number] {
            return known == record ? .resend : .rejected(Self.numberTaken(record.number).message)
        }
        guard let id = record.id.map(ExactText.init), let newest = uncommitted?.ids[id] ?? ids[id] else { return .insert }
        if let name = (uncommitted?.records[newest] ?? workflows[newest])?.lane.workflow, name != record.lane.workflow {
            return .otherType(name)
        }
        guard let outcome = outcomes[newest] else {
            return policies.conflict == .useExisting ? .existing(newest) : .open(newest)
        }
        switch policies.reuse {
        case .useExisting: return .existing(newest)
        case .allowDuplicate: return .insert
        case .allowDuplicateFailedOnly: return outcome.status == .completed ? .closed(newest) : .insert
        case .rejectDuplicate: return .closed(newest)
        }
    }

    /// One after the other, so that the second of one id finds the first.
    mutating func start(
        _ starts: [(WorkflowRecord, IDPolicies)], owner: ExecutorID?, now: Microseconds
    ) throws(StoreError) -> [StartResult] {
        if let owner { try checkFence(owner) }
        return starts.map { record, policies in
            let decision = decide(record, policies)
            if decision == .insert { insert(record, owner: owner, now: now) }
            return result(decision, record, owner: owner)
        }
    }

    mutating func insert(_ record: WorkflowRecord, owner: ExecutorID?, now: Microseconds) {
        workflows[record.number] = record
        if let id = record.id { ids[ExactText(id)] = record.number }
        if let owner, record.due ?? .min <= now {
            insertOwned(record, by: owner)
        } else {
            insertReady(record)
        }
    }

    func result(_ decision: StartDecision, _ record: WorkflowRecord, owner: ExecutorID?) -> StartResult {
        switch decision {
        case .insert, .resend: .started(owned: owner.map { isOwned(record.number, by: $0) } ?? false)
        case .existing(let number): .existing(number)
        case .open(let number): .open(number)
        case .closed(let number): .closed(number)
        case .otherType(let name): .otherType(name)
        case .rejected(let message): .rejected(StoreError(.rejected, message))
        }
    }
}
