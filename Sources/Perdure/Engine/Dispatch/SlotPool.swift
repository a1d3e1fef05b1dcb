/// The slots of one limit that this engine holds.
struct SlotPool: Sendable {
    /// Since when it is held.
    private var held: [Int32: Instant] = [:]
    private(set) var used = 0
    /// When one was last needed.
    private var needed: Instant?
    /// The limit was lowered, and others may still run above it: until the database hands out a slot, what leaves makes room for nobody.
    private var isLowered = false

    /// Held for so long without need, they are given back.
    private static let linger = Duration.seconds(1)
    /// Held for so long in one go, they are given back where others serve the queue too.
    private static let turn = Duration.seconds(1)

    var isEmpty: Bool { held.isEmpty && used == 0 }
    var free: Int { max(0, held.count - used) }

    /// How many more may begin with what is held: a slot above a limit that was lowered lets nobody begin.
    func usable(capacity: Int) -> Int { isLowered ? 0 : max(0, held.keys.count { $0 < capacity } - used) }

    mutating func lower() { isLowered = true }

    /// Handed out by the database, which counts all that are held.
    mutating func take(_ index: Int32, now: Instant) {
        held[index] = now
        needed = now
        isLowered = false
    }

    mutating func use(_ count: Int, now: Instant) {
        used += count
        needed = now
    }

    /// One workflow has left.
    mutating func left() { used = max(0, used - 1) }

    /// The next moment at which some may have to go; nil if none ever.
    func nextLook() -> Instant? { free > 0 ? needed.map { $0 + Self.linger } : nil }

    /// Those to be given back now: what nobody needs, what is above a limit that was lowered, what others wait for.
    ///
    /// They are forgotten here.
    mutating func surplus(capacity: Int?, isShared: Bool, hasWork: Bool, now: Instant) -> [Int32] {
        var count = free
        if count == 0 { return [] }
        let isIdle = !hasWork && needed.map { now >= $0 + Self.linger } ?? true
        var surplus: [Int32] = []
        for (index, since) in held.sorted(by: { $0.key > $1.key }) where count > 0 {
            let isAbove = isLowered || capacity.map { index >= $0 } ?? true
            let isOld = isShared && now >= since + Self.turn
            guard isAbove || isIdle || isOld else { continue }
            surplus.append(index)
            held[index] = nil
            count -= 1
        }
        return surplus
    }

    /// What the database says is held is what is held.
    mutating func settle(_ indices: Set<Int32>, now: Instant) {
        held = Dictionary(uniqueKeysWithValues: indices.map { ($0, held[$0] ?? now) })
    }
}
