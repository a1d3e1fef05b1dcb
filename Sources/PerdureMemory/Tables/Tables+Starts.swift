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
    case duplicate(WorkflowNumber)
    /// What it was given takes the place of what this one, which has not begun, was given.
    case replace(WorkflowNumber)
    /// It is new, and the deduplication key is its from now on; the one that held it until now may be asked to cancel.
    case succeed(cancelling: WorkflowNumber?)
    case rejected(String)

    var isNew: Bool {
        switch self {
        case .insert, .succeed: true
        default: false
        }
    }
}

/// Starts of a transaction that has not committed, as it sees them itself.
struct UncommittedStarts: Sendable {
    var records: [WorkflowNumber: WorkflowRecord] = [:]
    var ids: [ExactText: WorkflowNumber] = [:]
    var deduplications: [DeduplicationKey: DeduplicationHolder] = [:]

    mutating func apply(_ decision: StartDecision, _ record: WorkflowRecord, _ policies: IDPolicies) {
        guard decision.isNew else { return }
        records[record.number] = record
        if let id = record.id { ids[ExactText(id)] = record.number }
        if let key = DeduplicationKey(record, policies) { deduplications[key] = DeduplicationHolder(record) }
    }
}

extension Tables {
    func decide(_ record: WorkflowRecord, _ policies: IDPolicies, after uncommitted: UncommittedStarts? = nil) -> StartDecision {
        do { try validate(record) } catch { return .rejected(error.message) }
        if let known = uncommitted?.records[record.number] ?? workflows[record.number] {
            return record.isResend(of: known) ? .resend : .rejected(Self.numberTaken(record.number).message)
        }
        if let deduplication = policies.deduplication { return decide(record, deduplication, policies, after: uncommitted) }
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
            apply(decision, record, policies, owner: owner, now: now)
            return result(decision, record, owner: owner)
        }
    }

    mutating func apply(
        _ decision: StartDecision, _ record: WorkflowRecord, _ policies: IDPolicies, owner: ExecutorID?, now: Microseconds
    ) {
        switch decision {
        case .insert: insert(record, owner: owner, now: now)
        case .succeed(let former):
            insert(record, owner: owner, now: now)
            if let key = DeduplicationKey(record, policies) { take(key, for: record) }
            if let former { deliver(InboxItem(workflow: former, kind: .cancel)) }
        case .replace(let number):
            guard let key = DeduplicationKey(record, policies) else { return }
            replace(number, by: record, policies, since: deduplications[key]?.since ?? record.created)
        default: break
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
        case .insert, .succeed, .resend: .started(owned: owner.map { isOwned(record.number, by: $0) } ?? false)
        case .existing(let number), .replace(let number): .existing(number)
        case .open(let number): .open(number)
        case .closed(let number): .closed(number)
        case .otherType(let name): .otherType(name)
        case .duplicate(let number): .duplicate(number)
        case .rejected(let message): .rejected(StoreError(.rejected, message))
        }
    }
}
