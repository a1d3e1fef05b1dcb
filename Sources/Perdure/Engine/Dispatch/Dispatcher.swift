/// Which lanes an engine asks next, and for how many: pure.
///
/// It knows the lanes that have work, whose turn it is, and what of the limits this engine holds. The queues take turns, in a queue what was
/// returned and then the priorities go first, and in a priority the keys take turns. What cannot run now is not asked: a key that is full
/// until a slot of it is free, a queue whose rate is used up until the next start is allowed.
package struct Dispatcher: Sendable {
    var queues: [String: QueueState] = [:]
    /// In the order of their turns.
    private var turns: [String] = []
    private var pools: [LimitID: SlotPool] = [:]
    /// Workflows of limited queues that this engine runs.
    private var held: [WorkflowNumber: Place] = [:]
    /// Keys that are full, whose queues say that something gives way.
    private(set) var displacing: [DisplaceRequest] = []
    private var lastUnblock: Instant?

    private struct Place: Sendable {
        var queue: String
        var key: String
        var limits: [LimitID]
    }

    /// What one claim asks for at most: more would make the others of the transaction wait.
    static let claimLimit = 500
    /// When to ask again for what is at a limit that others hold, if nobody tells.
    static let patience = Duration.seconds(1)

    init() {}

    var hasQueues: Bool { queues.contains { $0.value.row != nil } }

    // MARK: What there is

    mutating func learn(_ lanes: [ReadyLane]) {
        for lane in lanes {
            if queues[lane.lane.queue] == nil { queues[lane.lane.queue] = QueueState() }
            if queues[lane.lane.queue]?.isEmpty == true, !turns.contains(lane.lane.queue) { turns.append(lane.lane.queue) }
            queues[lane.lane.queue]?.add(lane)
        }
    }

    /// It is told anew what there is: some of that is not to be asked for any more.
    mutating func forgetLanes() {
        for name in queues.keys { queues[name]?.forget() }
        turns = []
    }

    /// The queues of the engine are these now.
    mutating func configure(_ rows: [QueueRow]) {
        for row in rows {
            if queues[row.name] == nil { queues[row.name] = QueueState() }
            let limits = pools.keys.filter { $0.queue == row.name }
            let before = limits.map { capacity($0) ?? .max }
            queues[row.name]?.row = row
            queues[row.name]?.unblockAll()
            for (limit, before) in zip(limits, before) where capacity(limit).map({ $0 < before }) ?? false { pools[limit]?.lower() }
        }
    }

    /// Something may have become free somewhere; not again and again in the same moment.
    mutating func unblockAll(now: Instant) {
        if let lastUnblock, now < lastUnblock + .milliseconds(20) { return }
        lastUnblock = now
        for name in queues.keys { queues[name]?.unblockAll() }
    }

    /// Whether a workflow of the queue leaves its slot to others while it waits.
    func leavesSlot(_ queue: String) -> Bool { queues[queue]?.row?.rules.isLimited ?? false }

    /// Whether somebody would be asked now.
    func hasTurns(now: Instant) -> Bool { queues.values.contains { !$0.ranks(at: now).isEmpty } }

    // MARK: The next claim

    /// The next claim, or nil if there is nothing to ask for.
    mutating func plan(room: Int, now: Instant, time: Microseconds) -> ClaimRequest? {
        var draft = ClaimDraft(time: time)
        var left = min(room, Self.claimLimit)
        let active = turns.filter { queues[$0]?.ranks(at: now).isEmpty == false || queues[$0]?.isDue(now) == true }
        var waiting = active.count
        if let first = active.first {
            // The one that goes first this time goes last the next.
            turns.removeAll { $0 == first }
            turns.append(first)
        }
        for name in active where left > 0 {
            // Each gets its part; what one does not need is there for the next round.
            left -= plan(name, capacity: max(1, left / max(1, waiting)), &draft, now)
            waiting -= 1
        }
        return draft.asks.isEmpty ? nil : finish(draft)
    }

    private mutating func plan(_ name: String, capacity: Int, _ draft: inout ClaimDraft, _ now: Instant) -> Int {
        guard let state = queues[name] else { return 0 }
        if state.isDue(now) { queues[name]?.unblockAll() }
        let perEngine = state.row?.rules.limits.perEngine.map { max(0, $0 - state.running) } ?? .max
        var left = min(capacity, perEngine)
        let all = left
        for rank in queues[name]?.ranks(at: now) ?? [] where left > 0 {
            for share in queues[name]?.take(left, of: rank) ?? [] {
                let ask = ask(name, rank, share.key, share.lanes, share.count)
                draft.asks.append(ask)
                left -= share.count
            }
        }
        if let row = state.row, all > left { draft.revisions[name] = row.revision }
        return all - left
    }

    private func ask(_ queue: String, _ rank: QueueState.Rank, _ key: String, _ lanes: [ReadyLane], _ count: Int) -> ClaimAsk {
        var ask = ClaimAsk(
            lanes: lanes.map(\.number), isReturned: rank.isReturned, priority: rank.priority, queue: queue, key: key, limit: count)
        guard let rules = queues[queue]?.row?.rules else { return ask }
        // What has begun holds its slot until its end, and a start is counted once.
        let needsSlot = rules.slots == .whileRunning || !rank.isReturned
        if needsSlot {
            if rules.limits.concurrency != nil { ask.slots.append(LimitID(queue: queue)) }
            if rules.limits.perKey != nil { ask.slots.append(LimitID(queue: queue, key: key)) }
            ask.holdsUntilEnd = rules.slots == .untilEnd && !ask.slots.isEmpty
        }
        if !rank.isReturned {
            if rules.limits.rateLimit != nil { ask.rates.append(LimitID(queue: queue)) }
            if rules.limits.rateLimitPerKey != nil { ask.rates.append(LimitID(queue: queue, key: key)) }
        }
        return ask
    }

    /// With what it needs of slots and rates.
    private func finish(_ draft: ClaimDraft) -> ClaimRequest {
        var request = ClaimRequest(asks: draft.asks, revisions: draft.revisions, now: draft.time)
        var needed: [LimitID: Int] = [:]
        var rates: [LimitID: RateLimit] = [:]
        for ask in draft.asks {
            for limit in ask.slots { needed[limit, default: 0] += ask.limit }
            for limit in ask.rates { rates[limit] = rate(limit) }
        }
        for (limit, count) in needed {
            let capacity = capacity(limit) ?? 0
            if queues[limit.queue]?.row?.rules.slots == .untilEnd {
                // What this engine holds was taken while the queue's slots were held otherwise, and cannot be a workflow's own.
                request.slots.append(SlotWish(limit: limit, capacity: capacity, wanted: min(count, capacity)))
                continue
            }
            let free = pools[limit]?.usable(capacity: capacity) ?? 0
            let held = (pools[limit]?.used ?? 0) + (pools[limit]?.free ?? 0)
            request.slots.append(
                SlotWish(limit: limit, capacity: capacity, free: free, wanted: max(0, min(count - free, capacity - held))))
        }
        request.rates = rates.map { RateWish(limit: $0.key, rate: $0.value) }
        // In one order everywhere: two engines that lock the same rows never wait for each other.
        request.slots.sort { $0.limit < $1.limit }
        request.rates.sort { $0.limit < $1.limit }
        return request
    }

    func capacity(_ limit: LimitID) -> Int? {
        let limits = queues[limit.queue]?.row?.rules.limits
        return limit.key == nil ? limits?.concurrency : limits?.perKey
    }

    private func rate(_ limit: LimitID) -> RateLimit? {
        let limits = queues[limit.queue]?.row?.rules.limits
        return limit.key == nil ? limits?.rateLimit : limits?.rateLimitPerKey
    }

    // MARK: What became of it

    /// What was claimed; those of limited queues count from now on until `left`.
    mutating func apply(_ report: ClaimReport, to request: ClaimRequest, now: Instant) -> [Claimed] {
        for slot in report.taken { pools[slot.limit, default: SlotPool()].take(slot.index, now: now) }
        var claimed: [Claimed] = []
        // One that has no more may have left something of its share to the others: they are asked again at once.
        let spared = Set(
            zip(request.asks, report.answers).filter { !$1.hasMore && $1.shortOf == nil && $1.claimed.beginning.count < $0.limit }
                .flatMap { $0.0.slots + $0.0.rates })
        for (ask, answer) in zip(request.asks, report.answers) {
            apply(answer, to: ask, report, spared: spared, now)
            claimed += answer.claimed
        }
        return claimed
    }

    private mutating func apply(
        _ answer: ClaimReport.Answer, to ask: ClaimAsk, _ report: ClaimReport, spared: Set<LimitID>, _ now: Instant
    ) {
        let rank = QueueState.Rank(isReturned: ask.isReturned, priority: ask.priority)
        let beginning = answer.claimed.beginning
        for one in beginning { hold(one.number, ask, now) }
        queues[ask.queue]?.charge(ask.key, beginning.count, of: rank)
        if report.stale.contains(ask.queue) { return }
        if !answer.hasMore, answer.shortOf == nil { queues[ask.queue]?.remove(ask.key, of: rank) }
        guard let limit = answer.shortOf, !spared.contains(limit) else { return }
        let token = report.nextTokens[limit].flatMap { $0 > .zero ? max($0, .milliseconds(1)) : nil }
        let until = now + (token ?? Self.patience)
        if limit.key == nil {
            queues[ask.queue]?.blockedUntil = until
            queues[ask.queue]?.isFull = token == nil
        } else {
            queues[ask.queue]?.block(ask.key, until: until)
            displace(limit, ask)
        }
    }

    /// A key is full: what its queue says about that.
    private mutating func displace(_ limit: LimitID, _ ask: ClaimAsk) {
        guard let row = queues[ask.queue]?.row, row.rules.whenFull != .wait, ask.slots.contains(limit), let capacity = capacity(limit)
        else { return }
        displacing.append(
            DisplaceRequest(
                limit: limit, capacity: capacity, lanes: ask.lanes, cancels: row.rules.whenFull == .cancelRunning, revision: row.revision))
    }

    mutating func takeDisplacing() -> [DisplaceRequest] {
        defer { displacing = [] }
        return displacing
    }

    private mutating func hold(_ number: WorkflowNumber, _ ask: ClaimAsk, _ now: Instant) {
        guard held[number] == nil, queues[ask.queue]?.isDeclared == true else { return }
        let limits = ask.holdsUntilEnd ? [] : ask.slots
        held[number] = Place(queue: ask.queue, key: ask.key, limits: limits)
        queues[ask.queue]?.running += 1
        for limit in limits { pools[limit, default: SlotPool()].use(1, now: now) }
    }

    /// A workflow that this engine has all the same: the reply to its claim was lost.
    mutating func adopt(_ number: WorkflowNumber, _ lane: Lane, now: Instant) {
        guard held[number] == nil, let rules = queues[lane.queue]?.row?.rules else { return }
        var limits: [LimitID] = []
        if rules.slots == .whileRunning {
            if rules.limits.concurrency != nil { limits.append(LimitID(queue: lane.queue)) }
            if rules.limits.perKey != nil { limits.append(LimitID(queue: lane.queue, key: lane.key)) }
        }
        held[number] = Place(queue: lane.queue, key: lane.key, limits: limits)
        queues[lane.queue]?.running += 1
        for limit in limits { pools[limit, default: SlotPool()].use(1, now: now) }
    }

    /// A workflow is this engine's no more, and the database knows it.
    ///
    /// - Returns: Whether another of its queue may begin now, and under which limits it may have made room for other engines.
    mutating func left(_ number: WorkflowNumber) -> (makesRoom: Bool, freed: [LimitID]) {
        guard let place = held.removeValue(forKey: number) else { return (false, []) }
        for limit in place.limits { pools[limit]?.left() }
        let makesRoom = queues[place.queue]?.leave(place.key) ?? false
        // Where the slots are the workflows' own, one goes with the end of its workflow, and nobody gives it back.
        guard let row = queues[place.queue]?.row, row.engines > 1, row.rules.slots == .untilEnd else { return (makesRoom, []) }
        let limits = [LimitID(queue: place.queue), LimitID(queue: place.queue, key: place.key)]
        return (makesRoom, limits.filter { capacity($0) != nil })
    }

    /// Somebody has left room under these limits; true if that is a reason to ask.
    mutating func unblock(_ limits: [LimitID]) -> Bool {
        var isReason = false
        for limit in limits where queues[limit.queue]?.unblock(limit) == true { isReason = true }
        return isReason
    }

    // MARK: Slots

    /// The slots that this engine holds according to the database.
    mutating func settle(_ slots: [Slot], now: Instant) {
        let byLimit = Dictionary(grouping: slots, by: \.limit)
        for limit in Set(pools.keys).union(byLimit.keys) {
            pools[limit, default: SlotPool()].settle(Set(byLimit[limit, default: []].map(\.index)), now: now)
        }
    }

    /// Slots to give back now.
    mutating func surplus(now: Instant) -> [Slot] {
        var slots: [Slot] = []
        for (limit, pool) in pools {
            var pool = pool
            let state = queues[limit.queue]
            // Of a queue whose slots are the workflows' own, this engine needs none.
            let capacity = state?.row?.rules.slots == .untilEnd ? nil : capacity(limit)
            let indices = pool.surplus(
                capacity: capacity, isShared: state?.row?.engines ?? 1 > 1, hasWork: state?.hasWork(limit.key) ?? false, now: now)
            slots += indices.map { Slot(limit: limit, index: $0) }
            pools[limit] = pool.isEmpty ? nil : pool
        }
        return slots
    }

    /// When to look again although nobody says so.
    func nextLook(now: Instant) -> Instant? {
        let queues = queues.values.filter { !$0.isEmpty }.compactMap { $0.nextLook(now) }
        let pools = pools.values.compactMap { $0.nextLook() }
        return (queues + pools).min()
    }
}

/// A claim in the making.
private struct ClaimDraft {
    var asks: [ClaimAsk] = []
    var revisions: [String: Int64] = [:]
    let time: Microseconds
}

extension LimitID: Comparable {
    package static func < (left: LimitID, right: LimitID) -> Bool {
        (left.queue, left.key == nil ? 0 : 1, left.key ?? "") < (right.queue, right.key == nil ? 0 : 1, right.key ?? "")
    }
}
