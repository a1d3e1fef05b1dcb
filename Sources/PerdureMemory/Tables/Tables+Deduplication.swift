internal import Perdure

/// What may be in a queue once.
struct DeduplicationKey: Hashable, Sendable {
    private let queue: ExactText
    private let key: ExactText

    /// nil: nothing is kept out.
    init?(_ record: WorkflowRecord, _ policies: IDPolicies) {
        guard let deduplication = policies.deduplication else { return nil }
        (queue, key) = (ExactText(record.lane.queue), ExactText(deduplication.key))
    }
}

/// Who has a deduplication key, until it has ended.
struct DeduplicationHolder: Sendable {
    var number: WorkflowNumber
    /// When the first call came.
    var since: Microseconds

    init(_ record: WorkflowRecord) { (number, since) = (record.number, record.created) }
}

extension Tables {
    /// What becomes of a start under a deduplication key.
    func decide(
        _ record: WorkflowRecord, _ deduplication: StoredDeduplication, _ policies: IDPolicies, after uncommitted: UncommittedStarts?
    ) -> StartDecision {
        do { try Limits.check(key: deduplication.key, "a deduplication key") } catch { return .rejected(error.message) }
        guard let key = DeduplicationKey(record, policies), let holder = uncommitted?.deduplications[key] ?? currentHolder(of: key),
            outcomes[holder.number] == nil, let held = uncommitted?.records[holder.number] ?? workflows[holder.number]
        else { return .succeed(cancelling: nil) }
        let hasNotBegun = uncommitted?.records[holder.number] != nil || live[holder.number]?.hasNotBegun == true
        switch deduplication.policy {
        case .reject: return .duplicate(holder.number)
        case .useExisting: return .existing(holder.number)
        case .replace where !hasNotBegun: return .succeed(cancelling: nil)
        case .cancelExisting where !hasNotBegun: return .succeed(cancelling: holder.number)
        case .replace, .cancelExisting:
            return held.lane.workflow == record.lane.workflow ? .replace(holder.number) : .otherType(held.lane.workflow)
        }
    }

    /// Of a run that was continued, the newest of its chain.
    private func currentHolder(of key: DeduplicationKey) -> DeduplicationHolder? {
        guard var holder = deduplications[key] else { return nil }
        holder.number = newestRun(of: holder.number)
        return holder
    }

    /// It keeps its place, and its key; what is debounced is put off.
    mutating func replace(_ number: WorkflowNumber, by record: WorkflowRecord, _ policies: IDPolicies, since: Microseconds) {
        guard var held = workflows[number], let deduplication = policies.deduplication else { return }
        (held.input, held.attributes) = (record.input, record.attributes)
        if deduplication.isDebounced { held.postpone(to: record, since: since, atMost: deduplication.maximumWait) }
        workflows[number] = held
        guard deduplication.isDebounced else { return }
        live[number]?.expires = held.expires
        watchExpiry(of: number)
        if live[number]?.state == .waiting {
            makeWaiting(number, due: held.due ?? .min)
        } else {
            live[number]?.due = held.due
        }
    }
}
