internal import Perdure

/// What may be in a queue once.
struct DeduplicationKey: Hashable, Sendable {
    private let queue: ExactText
    private let key: ExactText

    init(queue: String, key: String) { (self.queue, self.key) = (ExactText(queue), ExactText(key)) }

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

    /// From now on the key is this one's; who redrives a dead letter must know that it had it.
    mutating func take(_ key: DeduplicationKey, for record: WorkflowRecord) {
        if let former = currentHolder(of: key)?.number, letters[former]?.redriven == nil { letters[former]?.uniqueKey = key }
        deduplications[key] = DeduplicationHolder(record)
    }

    /// The key by which a dead letter kept others out is the new run's; false if somebody open has it.
    mutating func retakeKey(of letter: WorkflowNumber, for record: WorkflowRecord) -> Bool {
        let queue = record.lane.queue
        var key = letters[letter]?.uniqueKey ?? deduplications.first { currentHolder(of: $0.key)?.number == letter }?.key
        if key == nil, queues[queue]?.declared.singleton != nil {
            key = DeduplicationKey(queue: queue, key: StoredDeduplication.singletonKey(record.lane.key))
        }
        guard let key else { return true }
        if let holder = currentHolder(of: key), outcomes[holder.number] == nil { return false }
        take(key, for: record)
        return true
    }

    /// Of a run that was continued, the newest of its chain.
    private func currentHolder(of key: DeduplicationKey) -> DeduplicationHolder? {
        guard var holder = deduplications[key] else { return nil }
        holder.number = newestRun(of: holder.number)
        return holder
    }

    /// It keeps its place, and its key.
    mutating func replace(_ number: WorkflowNumber, by record: WorkflowRecord, _ policies: IDPolicies, since: Microseconds) {
        guard var held = workflows[number], let deduplication = policies.deduplication else { return }
        held.take(record, deduplication, since: since)
        workflows[number] = held
        live[number]?.expires = held.expires
        watchExpiry(of: number)
        guard deduplication.isDebounced else { return }
        if live[number]?.state == .waiting {
            makeWaiting(number, due: held.due ?? .min)
        } else {
            live[number]?.due = held.due
        }
    }
}
