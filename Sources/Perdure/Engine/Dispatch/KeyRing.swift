/// The keys of one priority that have work, in the order of their turns: fair queueing by weights.
///
/// Each key has a time of its own, which runs on with each workflow that has begun, the slower the more the key weighs; the turn is the one's whose
/// time is earliest. It goes around keys and not around workflows, so one key with a million of them delays another by no more than its own
/// turn. Only what has begun is counted: a turn that a limit has cut short is not lost, and whose it was comes first the next time.
struct KeyRing: Sendable {
    private struct Entry {
        var lanes: [ReadyLane]
        var time: Double
        /// The one of its turns in the heap that counts; nil if its limit is reached, and it is not asked.
        var turn: Int?
    }

    private var entries: [String: Entry] = [:]
    private var turns = TurnHeap()
    private var lastTurn = 0
    private(set) var blockedCount = 0

    var isEmpty: Bool { entries.isEmpty }
    /// Whether somebody would be asked.
    var hasTurns: Bool { entries.count > blockedCount }

    mutating func add(_ lane: ReadyLane) {
        let key = lane.lane.key
        guard var entry = entries[key] else {
            let time = now()
            entries[key] = Entry(lanes: [lane], time: time)
            return queue(key)
        }
        if !entry.lanes.contains(where: { $0.number == lane.number }) {
            entry.lanes.append(lane)
            entries[key] = entry
        }
    }

    mutating func remove(_ key: String) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        if entry.turn == nil { blockedCount -= 1 }
    }

    mutating func block(_ key: String) {
        guard entries[key]?.turn != nil else { return }
        entries[key]?.turn = nil
        blockedCount += 1
    }

    /// True if it was.
    @discardableResult
    mutating func unblock(_ key: String) -> Bool {
        guard let entry = entries[key], entry.turn == nil else { return false }
        blockedCount -= 1
        // What it could not use meanwhile is not made up for.
        let time = max(entry.time, now())
        entries[key]?.time = time
        queue(key)
        return true
    }

    mutating func unblockAll() {
        if blockedCount == 0 { return }
        for key in entries.filter({ $0.value.turn == nil }).keys.sorted() { unblock(key) }
    }

    func lanes(of key: String) -> [ReadyLane] { entries[key]?.lanes ?? [] }

    /// Hands out turns for `capacity` workflows, in their order; nothing is counted before they have begun.
    mutating func take(_ capacity: Int, weight: (String) -> Double) -> [(key: String, count: Int)] {
        if capacity > 0, entries.count == 1, hasTurns, let only = entries.keys.first { return [(only, capacity)] }
        var shares: [(key: String, count: Int)] = []
        var drawn = TurnHeap()
        var index: [String: Int] = [:]
        var left = capacity
        while left > 0, let turn = next(&drawn) {
            if let index = index[turn.key] {
                shares[index].count += 1
            } else {
                index[turn.key] = shares.count
                shares.append((turn.key, 1))
            }
            left -= 1
            drawn.push(Turn(time: turn.time + 1 / weight(turn.key), number: turn.number, key: turn.key))
        }
        for share in shares {
            if let entry = entries[share.key], let number = entry.turn {
                turns.push(Turn(time: entry.time, number: number, key: share.key))
            }
        }
        return shares
    }

    /// So many of it have begun.
    mutating func charge(_ key: String, _ count: Int, weight: Double) {
        guard count > 0, let entry = entries[key] else { return }
        entries[key]?.time += Double(count) / weight
        if entry.turn != nil { queue(key) }
    }

    /// The earliest turn, of those that were drawn before and those that were not.
    private mutating func next(_ drawn: inout TurnHeap) -> Turn? {
        dropStale()
        guard let fresh = turns.first else { return drawn.pop() }
        if let again = drawn.first, again < fresh { return drawn.pop() }
        return turns.pop()
    }

    private mutating func queue(_ key: String) {
        guard let time = entries[key]?.time else { return }
        lastTurn += 1
        entries[key]?.turn = lastTurn
        turns.push(Turn(time: time, number: lastTurn, key: key))
    }

    /// The time of whose turn it is: where who comes anew begins.
    private mutating func now() -> Double {
        dropStale()
        return turns.first?.time ?? entries.values.lazy.map(\.time).max() ?? 0
    }

    private mutating func dropStale() {
        while let turn = turns.first, entries[turn.key]?.turn != turn.number { _ = turns.pop() }
    }
}

/// When it is a key's turn.
private struct Turn: Comparable {
    var time: Double
    /// In the order of arrival.
    var number: Int
    var key: String

    static func < (left: Turn, right: Turn) -> Bool { (left.time, left.number) < (right.time, right.number) }
}

/// A binary heap of turns, the earliest first.
private struct TurnHeap: Sendable {
    private var turns: [Turn] = []

    var first: Turn? { turns.first }

    mutating func push(_ turn: Turn) {
        turns.append(turn)
        var child = turns.count - 1
        while child > 0, turns[child] < turns[(child - 1) / 2] {
            turns.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Turn? {
        guard let last = turns.popLast() else { return nil }
        guard let first = turns.first else { return last }
        turns[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < turns.count && turns[child] < turns[least] { least = child }
            if least == parent { return first }
            turns.swapAt(parent, least)
            parent = least
        }
    }
}
