import ReplayPrograms
import Testing

@testable import Perdure

/// How what is limited is shared among asks.
@Suite struct ClaimBudgetTests {
    private let queue = LimitID(queue: "work")

    private func ask(
        _ limit: Int, _ key: String = "", priority: Int16 = 0, slots: [LimitID] = [], rates: [LimitID] = []
    ) -> ClaimAsk {
        ClaimAsk(lanes: [1], priority: priority, queue: "work", key: key, limit: limit, slots: slots, rates: rates)
    }

    private func share(
        _ asks: [ClaimAsk], free: [LimitID: Int] = [:], taken: [LimitID: Int] = [:], allowances: [LimitID: Int] = [:]
    ) -> [(limit: Int, shortOf: LimitID?)] {
        let wishes = free.map { SlotWish(limit: $0.key, capacity: 100, free: $0.value, wanted: 0) }
        let slots = taken.flatMap { limit, count in (0..<count).map { Slot(limit: limit, index: Int32($0)) } }
        var budget = ClaimBudget(ClaimRequest(asks: asks, slots: wishes, now: 0), taken: slots, allowances: allowances)
        return budget.share(asks)
    }

    @Test func `without limits each gets what it asks for`() {
        let shares = share([ask(5), ask(0), ask(500, "key")])
        #expect(shares.map(\.limit) == [5, 0, 500] && shares.allSatisfy { $0.shortOf == nil })
        #expect(share([]).isEmpty)
    }

    @Test func `slots that are held and slots that were taken count together`() {
        let shares = share([ask(9, slots: [queue])], free: [queue: 2], taken: [queue: 3])
        #expect(shares[0].limit == 5 && shares[0].shortOf == queue)
        let enough = share([ask(5, slots: [queue])], free: [queue: 2], taken: [queue: 3])
        #expect(enough[0].limit == 5 && enough[0].shortOf == nil)
        #expect(share([ask(5, slots: [queue])]).map(\.limit) == [0])
    }

    @Test func `the tightest limit is named`() {
        let key = LimitID(queue: "work", key: "key")
        let shares = share([ask(9, "key", slots: [queue, key], rates: [queue])], taken: [queue: 5, key: 2], allowances: [queue: 3])
        #expect(shares[0].limit == 2 && shares[0].shortOf == key)
    }

    @Test func `slots and a rate of the same queue are two limits`() {
        let shares = share([ask(9, slots: [queue], rates: [queue])], taken: [queue: 5], allowances: [queue: 3])
        #expect(shares[0].limit == 3 && shares[0].shortOf == queue)
    }

    @Test func `a priority that goes first takes all it can`() {
        let shares = share([ask(4, "a", slots: [queue]), ask(4, "a", priority: 1, slots: [queue])], taken: [queue: 5])
        #expect(shares.map(\.limit) == [4, 1])
    }

    @Test func `keys of a priority share in proportion to what they ask for`() {
        let shares = share([ask(30, "a", rates: [queue]), ask(10, "b", rates: [queue])], allowances: [queue: 8])
        #expect(shares.map(\.limit) == [6, 2] && shares.allSatisfy { $0.shortOf == queue })
        #expect(share([ask(30, "a", rates: [queue]), ask(30, "b", rates: [queue])], allowances: [queue: 1]).map(\.limit) == [1, 0])
    }

    @Test func `what one cannot use is the others'`() {
        let keys = ["a", "b", "c"].map { LimitID(queue: "work", key: $0) }
        let asks = zip(["a", "b", "c"], keys).map { ask(90, $0, slots: [queue, $1]) }
        let shares = share(asks, taken: [queue: 10, keys[0]: 1, keys[1]: 90, keys[2]: 90])
        #expect(shares.map(\.limit) == [1, 5, 4])
        #expect(shares.map(\.shortOf) == [keys[0], queue, queue])
    }

    @Test(arguments: 0..<200) func `never more than there is, and never less than there could be`(_ seed: UInt64) {
        var random = Seeded(seed)
        let keys = ["a", "b", "c", "d"]
        var asks: [ClaimAsk] = []
        for key in keys where random.chance(80) {
            let own = LimitID(queue: "work", key: key)
            asks.append(ask(random.below(100), key, slots: random.chance(50) ? [queue, own] : [queue], rates: [queue]))
        }
        let taken = Dictionary(
            uniqueKeysWithValues: ([queue] + keys.map { LimitID(queue: "work", key: $0) }).map { ($0, random.below(60)) })
        let rate = random.below(80)
        let shares = share(asks, taken: taken, allowances: [queue: rate])
        let sum = shares.reduce(0) { $0 + $1.limit }
        #expect(sum <= min(taken[queue] ?? 0, rate))
        var useful = 0
        for (ask, share) in zip(asks, shares) {
            let most = ask.slots.filter { $0.key != nil }.map { taken[$0] ?? 0 }.reduce(ask.limit, min)
            #expect(share.limit >= 0 && share.limit <= most)
            #expect((share.shortOf == nil) == (share.limit == ask.limit))
            useful += most
        }
        #expect(sum == min(useful, taken[queue] ?? 0, rate))
    }
}
