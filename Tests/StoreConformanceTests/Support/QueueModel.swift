internal import Perdure

/// What queues promise, in plain arrays and dictionaries: written without a look at any store.
///
/// It is told what was done and what came of it, and throws if that breaks a promise.
struct QueueModel {
    enum Phase: Equatable {
        /// Started in a transaction that has not committed.
        case uncommitted
        case ready
        case waiting(Microseconds)
        case running(ExecutorID)
        /// Owned, to end without running.
        case ending(ExecutorID)
        case suspect
        case ended
    }

    struct Item: CustomStringConvertible {
        let number: WorkflowNumber
        let lane: Lane
        var input: EncodedPayload
        /// When it was asked to begin.
        var asked: Microseconds?
        /// Of a delayed start that has not been seen yet.
        var due: Microseconds?
        var expires: Microseconds?
        var phase = Phase.ready
        /// It has begun, and was given back since.
        var wasReturned = false
        var hasBegun = false
        var isCancelled = false
        var isDeduplicated = false
        var crashes = 0
        /// A suspect that is to blame if its engine dies.
        var isOnProbation = false
        /// In which operation it became ready: the first and the last that it may have been.
        var since: ClosedRange<Int>
        /// From which operation on nothing hinders a claim.
        var available: Int
        /// Somebody's transaction holds its row.
        var isLocked = false
        /// It began when its queue allowed more, or had other rules.
        var isExempt = false
        var holds = Holds()

        var isOpen: Bool { phase != .ended && phase != .uncommitted }
        /// Nobody has had it.
        var isFresh: Bool {
            guard !wasReturned else { return false }
            if case .waiting = phase { return true }
            return phase == .ready
        }
        var runner: ExecutorID? { if case .running(let executor) = phase { executor } else { nil } }
        var owner: ExecutorID? { if case .ending(let executor) = phase { executor } else { runner } }
        var description: String {
            """
            \(number.brief) of \(lane.workflow) in \(lane.queue) '\(lane.key)' \(wasReturned ? "returned " : "")\(lane.priority) \(phase) since \(since) \
            (available \(available)\(isLocked ? ", locked" : "")\(isExempt ? ", exempt" : "")\(isCancelled ? ", cancelled" : ""), crashes \(crashes), \
            due \(due ?? 0), expires \(expires ?? 0))
            """
        }
        /// The lower goes first.
        var rank: Int { Int(lane.priority) - (wasReturned ? 10 : 0) }
    }

    /// The slots that it runs on: there are none of a limit that was not there when it began.
    struct Holds {
        var ofQueue = false
        var ofKey = false

        init() {}

        init(_ rules: Rules) {
            ofQueue = rules.limits.concurrency != nil && rules.slots == .whileRunning
            ofKey = rules.limits.perKey != nil && rules.slots == .whileRunning
        }
    }

    struct Rules {
        var limits: QueueLimits
        var slots: Queue.SlotHold
        var isPaused = false

        /// Whether what wakes takes its turn again.
        var takesTurns: Bool {
            limits.perEngine != nil || slots == .whileRunning && (limits.concurrency != nil || limits.perKey != nil)
        }
        var isUnlimited: Bool {
            limits.concurrency == nil && limits.perEngine == nil && limits.perKey == nil && limits.rateLimit == nil
                && limits.rateLimitPerKey == nil
        }
    }

    /// A start that counts against a rate, and between which moments it was.
    struct Start {
        var key: String
        var moments: ClosedRange<ContinuousClock.Instant>
    }

    private(set) var items: [WorkflowNumber: Item] = [:]
    private(set) var rules: [String: Rules] = [:]
    private(set) var starts: [String: [Start]] = [:]
    private var keys: [[String]: WorkflowNumber] = [:]
    /// Engines that have died with suspects on probation.
    private var blaming: Set<ExecutorID> = []
    /// In which operation the rules have last changed.
    private(set) var changed = 0
    /// The number of the operation that is done now.
    var operation = 0
    /// The time of day of all engines.
    var now = Fixture.moment

    func numbers(_ isWanted: (Item) -> Bool) -> [WorkflowNumber] { items.values.filter(isWanted).map(\.number).sorted() }

    mutating func change(_ number: WorkflowNumber, _ body: (inout Item) -> Void) {
        guard var item = items[number] else { return }
        body(&item)
        items[number] = item
    }

    func broken(_ what: String, _ item: Item? = nil) -> BrokenPromise {
        BrokenPromise(what: "in operation \(operation): \(what)\(item.map { ": \($0)" } ?? "")")
    }

    // MARK: What clients do

    /// What is to come of it.
    mutating func enqueue(_ record: WorkflowRecord, _ deduplication: StoredDeduplication?, isCommitted: Bool = true) -> StartResult {
        if let deduplication, let holder = keys[[record.lane.queue, deduplication.key]], let held = items[holder], held.isOpen {
            switch deduplication.policy {
            case .reject: return .duplicate(holder)
            case .useExisting: return .existing(holder)
            case .replace where held.isFresh, .cancelExisting where held.isFresh:
                guard held.lane.workflow == record.lane.workflow else { return .otherType(held.lane.workflow) }
                items[holder]?.input = record.input
                // Counted from where it begins.
                let shift = max(held.asked ?? .min, record.created) - (record.due ?? record.created)
                items[holder]?.expires = record.expires.map { $0 + shift }
                return .existing(holder)
            case .cancelExisting: items[holder]?.isCancelled = true
            case .replace: break
            }
        }
        if let deduplication { keys[[record.lane.queue, deduplication.key]] = record.number }
        items[record.number] = Item(
            number: record.number, lane: record.lane, input: record.input, asked: record.due, due: record.due, expires: record.expires,
            phase: isCommitted ? .ready : .uncommitted, isDeduplicated: deduplication != nil, since: operation...operation,
            available: operation)
        return .started(owned: false)
    }

    mutating func commit(_ number: WorkflowNumber) {
        change(number) { [operation] item in
            item.phase = .ready
            item.since = item.since.lowerBound...operation
            item.available = operation
        }
    }

    /// Its row is held by a transaction, or not any more.
    mutating func lock(_ number: WorkflowNumber, _ isLocked: Bool) {
        change(number) { [operation] item in
            item.isLocked = isLocked
            item.available = operation
        }
    }

    mutating func declare(_ queue: Queue) { rules[queue.name] = Rules(limits: queue.limits, slots: queue.slots) }

    mutating func pause(_ queue: String, _ isPaused: Bool) {
        changed = operation
        rules[queue]?.isPaused = isPaused
    }

    mutating func setLimits(_ queue: String, _ limits: QueueLimits, slots: Queue.SlotHold? = nil) {
        guard let old = rules[queue] else { return }
        changed = operation
        rules[queue]?.limits = limits
        rules[queue]?.slots = slots ?? old.slots
        func isLower(_ limit: KeyPath<QueueLimits, Int?>) -> Bool { limits[keyPath: limit] ?? .max < old.limits[keyPath: limit] ?? .max }
        if isLower(\.concurrency) || isLower(\.perKey) || isLower(\.perEngine) || slots ?? old.slots != old.slots {
            // A lower limit stops nothing that runs; but whatever begins from now on keeps to it.
            for item in items.values where item.lane.queue == queue && item.hasBegun { items[item.number]?.isExempt = true }
        }
        if limits.rateLimit != old.limits.rateLimit || limits.rateLimitPerKey != old.limits.rateLimitPerKey { starts[queue] = [] }
    }

    // MARK: What engines do with what they have

    mutating func end(_ number: WorkflowNumber) { change(number) { $0.phase = .ended } }

    mutating func suspend(_ number: WorkflowNumber, until due: Microseconds) {
        change(number) { [operation] item in
            (item.phase, item.wasReturned, item.crashes, item.isOnProbation) = (.waiting(due), true, 0, false)
            item.available = operation
        }
    }

    /// From now on it has nothing; what it had is returned later.
    mutating func die(_ executor: ExecutorID) {
        if items.values.contains(where: { $0.owner == executor && $0.isOnProbation }) { blaming.insert(executor) }
    }

    /// It was handed back, or taken from who had it.
    mutating func giveBack(_ number: WorkflowNumber, hasCrashed: Bool) {
        let isBlaming = items[number]?.owner.map { blaming.contains($0) } ?? false
        change(number) { [operation] item in
            if item.runner == nil {
                // It was only to end, and nobody has: it is as fresh as before.
                item.phase = .ready
            } else {
                item.wasReturned = true
                // The innocent are told from those that may be to blame.
                if hasCrashed, !isBlaming || item.crashes < 2 || item.isOnProbation { item.crashes += 1 }
                item.phase = item.crashes < 2 ? .ready : .suspect
            }
            item.isOnProbation = false
            (item.since, item.available) = (operation...operation, operation)
        }
    }

    mutating func becomesReady(_ number: WorkflowNumber) {
        change(number) { [operation] item in
            item.isOnProbation = item.phase == .suspect
            (item.phase, item.due) = (.ready, nil)
            (item.since, item.available) = (operation...operation, operation)
        }
    }

    /// It goes on without a claim of its lane.
    mutating func resume(_ number: WorkflowNumber, by executor: ExecutorID) {
        change(number) { ($0.phase, $0.holds) = (.running(executor), Holds()) }
    }

    /// It waits for no moment any more, whatever becomes of who has it.
    mutating func endUnrun(_ number: WorkflowNumber, by executor: ExecutorID) {
        change(number) { ($0.phase, $0.due) = (.ending(executor), nil) }
    }

    /// It begins, or goes on, by a claim.
    mutating func begin(_ number: WorkflowNumber, by executor: ExecutorID, _ moments: ClosedRange<ContinuousClock.Instant>) throws {
        guard var item = items[number], let rules = rules[item.lane.queue] else { throw broken("what nobody knows has begun") }
        if !item.wasReturned {
            if rules.isPaused { throw broken("it has begun, and its queue is paused", item) }
            starts[item.lane.queue, default: []].append(Start(key: item.lane.key, moments: moments))
        }
        try checkRoom(for: item, rules)
        // What holds its slot until its end has none if it began under other rules.
        item.isExempt = item.isExempt && item.wasReturned && rules.slots == .untilEnd
        (item.phase, item.hasBegun) = (.running(executor), true)
        item.holds = Holds(rules)
        items[number] = item
    }
}

extension Int64 {
    /// Enough to tell numbers and executors of a test from each other.
    var brief: Int64 { self % 100_000 }
}

/// A promise that was not kept.
struct BrokenPromise: Error, CustomStringConvertible {
    var what: String
    var trace: [String] = []
    var description: String { "\(what)\n after \(trace.suffix(100000).joined(separator: "\n       "))" }
}
