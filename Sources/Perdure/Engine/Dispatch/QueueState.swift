/// One queue as a dispatcher sees it.
struct QueueState: Sendable {
    /// What was returned goes before what is fresh, then the lower number of priority.
    struct Rank: Hashable, Comparable, Sendable {
        var isReturned: Bool
        var priority: Int16

        static func < (left: Rank, right: Rank) -> Bool {
            left.isReturned == right.isReturned ? left.priority < right.priority : left.isReturned
        }
    }

    /// nil: work that is in no queue, or in one that is not declared any more; nothing limits it.
    var row: QueueRow?
    private var rings: [Rank: KeyRing] = [:]
    /// How many of its workflows this engine runs.
    var running = 0
    /// The whole queue is not asked before this moment.
    var blockedUntil: Instant?
    /// Because its slots are taken: then the end of any of its workflows is reason enough to ask.
    var isFull = false
    /// When those keys that are full are tried again: nobody may have told that one is not.
    var keysBlockedUntil: Instant?

    var isEmpty: Bool { rings.isEmpty }

    func weight(_ key: String) -> Double { row?.rules.limits.weights[key] ?? 1 }

    /// The ranks that have work and may begin some, in order.
    func ranks(at now: Instant) -> [Rank] {
        if let blockedUntil, blockedUntil > now { return [] }
        let isPaused = row?.isPaused ?? false
        return rings.filter { $0.value.hasTurns && (!isPaused || $0.key.isReturned) }.keys.sorted()
    }

    mutating func add(_ lane: ReadyLane) {
        rings[Rank(isReturned: lane.isReturned, priority: lane.lane.priority), default: KeyRing()].add(lane)
    }

    mutating func forget() { rings = [:] }

    mutating func take(_ capacity: Int, of rank: Rank) -> [(key: String, count: Int, lanes: [ReadyLane])] {
        let weights = row?.rules.limits.weights ?? [:]
        let shares = rings[rank]?.take(capacity) { weights[$0] ?? 1 } ?? []
        return shares.map { ($0.key, $0.count, rings[rank]?.lanes(of: $0.key) ?? []) }
    }

    var isDeclared: Bool { row != nil }

    /// One of the key has left; true if that is a reason to ask again.
    mutating func leave(_ key: String) -> Bool {
        running -= 1
        var wasHeldUp = row?.rules.limits.perEngine != nil
        for rank in rings.keys where rings[rank]?.unblock(key) == true { wasHeldUp = true }
        if isFull {
            (blockedUntil, isFull) = (nil, false)
            wasHeldUp = true
        }
        return wasHeldUp && !rings.isEmpty
    }

    /// So many of the key have begun.
    mutating func charge(_ key: String, _ count: Int, of rank: Rank) {
        let weight = weight(key)
        rings[rank]?.charge(key, count, weight: weight)
    }

    mutating func remove(_ key: String, of rank: Rank) {
        rings[rank]?.remove(key)
        if rings[rank]?.isEmpty == true { rings[rank] = nil }
    }

    /// The key is full; in all ranks but those whose work holds its slot already.
    mutating func block(_ key: String, until: Instant) {
        let holds = row?.rules.slots == .untilEnd
        for rank in rings.keys where !(holds && rank.isReturned) { rings[rank]?.block(key) }
        keysBlockedUntil = min(keysBlockedUntil ?? until, until)
    }

    /// True if something was held up by it.
    mutating func unblock(_ limit: LimitID) -> Bool {
        var wasHeldUp = false
        if let key = limit.key {
            for rank in rings.keys where rings[rank]?.unblock(key) == true { wasHeldUp = true }
        } else if isFull {
            (blockedUntil, isFull) = (nil, false)
            wasHeldUp = true
        }
        return wasHeldUp
    }

    mutating func unblockAll() {
        for rank in rings.keys { rings[rank]?.unblockAll() }
        (blockedUntil, keysBlockedUntil, isFull) = (nil, nil, false)
    }

    /// Whether what is blocked is to be tried again.
    func isDue(_ now: Instant) -> Bool {
        [blockedUntil, keysBlockedUntil].contains { $0.map { $0 <= now } ?? false }
    }

    /// When there is a reason to ask again that nobody tells.
    func nextLook(_ now: Instant) -> Instant? {
        [blockedUntil, keysBlockedUntil].compactMap(\.self).min()
    }

    func hasWork(_ key: String?) -> Bool {
        guard let key else { return !rings.isEmpty }
        return rings.values.contains { !$0.lanes(of: key).isEmpty }
    }
}
