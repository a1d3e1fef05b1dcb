import ReplayPrograms
import Testing

@testable import Perdure

/// Whose turn it is among the keys of a priority.
@Suite struct KeyRingTests {
    private func ring(_ keys: [String]) -> KeyRing {
        var ring = KeyRing()
        for (number, key) in keys.enumerated() { ring.add(lane(Int64(number), key)) }
        return ring
    }

    private func lane(_ number: Int64, _ key: String) -> ReadyLane {
        ReadyLane(number: number, lane: Lane(queue: "work", key: key, workflow: "flow"), isReturned: false)
    }

    /// What is handed out, by keys in their order.
    private func take(_ count: Int, _ ring: inout KeyRing) -> [String] { ring.take(count) { _ in 1 }.map(\.key) }

    /// So many turns, one at a time, each of which begins.
    private func turns(_ count: Int, _ ring: inout KeyRing, weights: [String: Double] = [:]) -> [String] {
        (0..<count).flatMap { _ in
            let shares = ring.take(1) { weights[$0] ?? 1 }
            for share in shares { ring.charge(share.key, share.count, weight: weights[share.key] ?? 1) }
            return shares.map(\.key)
        }
    }

    @Test func `keys take turns`() {
        var ring = ring(["a", "b", "c"])
        #expect(turns(7, &ring) == ["a", "b", "c", "a", "b", "c", "a"])
        let shares = ring.take(300) { _ in 1 }
        // What "a" has had before the others counts.
        #expect(Dictionary(uniqueKeysWithValues: shares) == ["a": 99, "b": 101, "c": 100])
        #expect(shares.first?.key == "b")
    }

    @Test func `what has not begun is not counted`() {
        var ring = ring(["a", "b"])
        for _ in 0..<3 { #expect(take(10, &ring) == ["a", "b"]) }
        // Only one could begin; the other comes first the next time.
        ring.charge("a", 1, weight: 1)
        #expect(take(1, &ring) == ["b"])
        let shares = ring.take(3) { _ in 1 }
        #expect(shares.map(\.count) == [2, 1])
    }

    @Test(arguments: [1, 7, 100]) func `a weight is how many turns it takes where others take one`(_ capacity: Int) {
        var ring = ring(["light", "plain", "heavy"])
        let weights = ["light": 0.5, "heavy": 3]
        var counts: [String: Int] = [:]
        var left = 9_000
        while left > 0 {
            for share in ring.take(min(capacity, left), weight: { weights[$0] ?? 1 }) {
                ring.charge(share.key, share.count, weight: weights[share.key] ?? 1)
                counts[share.key, default: 0] += share.count
                left -= share.count
            }
        }
        for (key, expected) in ["light": 1_000, "plain": 2_000, "heavy": 6_000] {
            #expect(abs((counts[key] ?? 0) - expected) <= 3, "\(counts)")
        }
    }

    @Test func `who comes late is not given what it has missed, and not kept waiting`() {
        var ring = ring(["old"])
        _ = turns(1_000, &ring)
        ring.add(lane(7, "new"))
        let next = turns(10, &ring)
        #expect(next.count { $0 == "new" } == 5)
        ring.remove("new")
        _ = turns(1_000, &ring)
        ring.add(lane(7, "new"))
        #expect(turns(10, &ring).count { $0 == "new" } == 5)
    }

    @Test func `a blocked key is not asked, and gets nothing back for it`() {
        var ring = ring(["a", "b"])
        ring.block("a")
        ring.block("a")
        ring.block("unknown")
        #expect(ring.hasTurns && turns(50, &ring).allSatisfy { $0 == "b" })
        ring.block("b")
        #expect(!ring.hasTurns && !ring.isEmpty)
        #expect(take(9, &ring).isEmpty)
        let unblocked = ["a", "a", "unknown"].map { ring.unblock($0) }
        #expect(unblocked == [true, false, false])
        #expect(turns(2, &ring) == ["a", "a"])
        ring.unblockAll()
        #expect(turns(10, &ring).count { $0 == "a" } == 5)
        ring.block("a")
        ring.remove("a")
        ring.remove("b")
        #expect(ring.isEmpty && !ring.hasTurns && ring.blockedCount == 0)
    }

    @Test func `the lanes of a key are asked together`() {
        var ring = ring(["a", "b", "a"])
        ring.add(lane(2, "a"))
        #expect(ring.lanes(of: "a").map(\.number) == [0, 2])
        #expect(take(2, &ring) == ["a", "b"])
        #expect(ring.lanes(of: "c").isEmpty)
    }

    @Test(arguments: 0..<20) func `whatever happens, keys that always have work get what they weigh`(_ seed: UInt64) {
        var random = Seeded(seed)
        var ring = ring(["a", "b", "c"])
        let weights = ["a": 1.0, "b": 2.0, "c": 4.0]
        var counts: [String: Int] = [:]
        for step in 0..<2_000 {
            switch random.below(4) {
            case 0: ring.add(lane(Int64(100 + step), "guest \(random.below(5))"))
            case 1: ring.remove("guest \(random.below(5))")
            default:
                for share in ring.take(1 + random.below(20), weight: { weights[$0] ?? 1 }) {
                    // A limit cuts some short; the same part for all, as stores do.
                    let begun = max(1, share.count / 2)
                    ring.charge(share.key, begun, weight: weights[share.key] ?? 1)
                    counts[share.key, default: 0] += begun
                }
            }
        }
        let perWeight = weights.map { Double(counts[$0.key] ?? 0) / $0.value }
        #expect((perWeight.max() ?? 0) - (perWeight.min() ?? 0) <= 20, "\(counts)")
    }

    @Test func `many keys cost no more than those that are asked`() {
        var ring = ring((0..<20_000).map { "\($0)" })
        let time = ContinuousClock().measure {
            for _ in 0..<40 { for share in ring.take(500, weight: { _ in 1 }) { ring.charge(share.key, share.count, weight: 1) } }
        }
        #expect(time < .seconds(20), "\(time)")
        #expect(turns(1, &ring) == ["0"])
    }
}
