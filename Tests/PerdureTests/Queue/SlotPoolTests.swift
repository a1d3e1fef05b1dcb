import Testing

@testable import Perdure

/// The slots of a limit that an engine holds.
@Suite struct SlotPoolTests {
    private let start = ContinuousClock.now

    private func pool(_ indices: Range<Int32>, used: Int = 0) -> SlotPool {
        var pool = SlotPool()
        for index in indices { pool.take(index, now: start) }
        pool.use(used, now: start)
        return pool
    }

    private func surplus(_ pool: inout SlotPool, capacity: Int?, isShared: Bool, hasWork: Bool, now: Instant) -> [Int32] {
        pool.surplus(capacity: capacity, isShared: isShared, hasWork: hasWork, now: now)
    }

    @Test func `what is used is not free`() {
        var pool = pool(0..<3, used: 2)
        #expect(pool.free == 1 && pool.used == 2 && !pool.isEmpty)
        pool.left()
        #expect(pool.free == 2)
        pool.left()
        pool.left()
        #expect(pool.free == 3 && pool.used == 0)
        #expect(SlotPool().isEmpty)
    }

    @Test func `what nobody needs is given back after a while`() {
        var pool = pool(0..<3, used: 1)
        #expect(surplus(&pool, capacity: 9, isShared: false, hasWork: false, now: start + .milliseconds(999)).isEmpty)
        #expect(pool.nextLook() == start + .seconds(1))
        #expect(surplus(&pool, capacity: 9, isShared: false, hasWork: true, now: start + .seconds(9)).isEmpty)
        #expect(surplus(&pool, capacity: 9, isShared: false, hasWork: false, now: start + .seconds(1)) == [2, 1])
        #expect(pool.free == 0 && pool.used == 1 && pool.nextLook() == nil)
    }

    @Test func `where others want them too they are given on, even if there is work`() {
        var pool = pool(0..<2)
        #expect(surplus(&pool, capacity: 9, isShared: true, hasWork: true, now: start + .milliseconds(900)).isEmpty)
        #expect(Set(surplus(&pool, capacity: 9, isShared: true, hasWork: true, now: start + .seconds(1))) == [0, 1])
        #expect(pool.isEmpty)
    }

    @Test func `what is above a limit that was lowered goes at once`() {
        var pool = pool(0..<4, used: 1)
        #expect(surplus(&pool, capacity: 2, isShared: false, hasWork: true, now: start) == [3, 2])
        #expect(surplus(&pool, capacity: nil, isShared: false, hasWork: true, now: start) == [1])
        #expect(pool.free == 0)
    }

    /// Others may run above it, of whom this engine knows nothing.
    @Test func `when a limit was lowered, what leaves makes room for nobody until the database hands out a slot`() {
        var pool = pool(0..<2, used: 2)
        pool.lower()
        pool.left()
        #expect(pool.usable(capacity: 2) == 0)
        #expect(surplus(&pool, capacity: 2, isShared: true, hasWork: true, now: start) == [1])
        pool.take(1, now: start)
        #expect(pool.usable(capacity: 2) == 1)
    }

    @Test func `what the database says is what is held`() {
        var pool = pool(0..<2, used: 1)
        pool.settle([1, 5, 6], now: start + .seconds(1))
        #expect(pool.free == 2)
        pool.settle([], now: start + .seconds(2))
        #expect(pool.free == 0 && pool.used == 1)
    }
}
