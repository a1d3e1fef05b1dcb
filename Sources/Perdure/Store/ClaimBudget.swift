/// How many of each ask the limits let through: pure, and the same on every store.
///
/// What is not enough for all asks of a queue's priority is shared among them in proportion to what they ask for, so that the keys get their
/// turns however few starts there are.
package struct ClaimBudget: Sendable {
    private var left: [Limit: Int] = [:]

    /// A queue can have slots and a rate at the same time.
    private struct Limit: Hashable {
        var id: LimitID
        var isRate: Bool
    }

    private struct Share {
        var limit: Int
        var shortOf: LimitID?

        mutating func cut(to most: Int, by id: LimitID) { if most < limit { self = Share(limit: max(0, most), shortOf: id) } }
    }

    /// - Parameters:
    ///   - taken: The slots that were free and are the executor's now.
    ///   - allowances: What each rate allows at this moment.
    package init(_ request: ClaimRequest, taken: [Slot], allowances: [LimitID: Int]) {
        for wish in request.slots { left[Limit(id: wish.limit, isRate: false), default: 0] += wish.free }
        for slot in taken { left[Limit(id: slot.limit, isRate: false), default: 0] += 1 }
        for (id, count) in allowances { left[Limit(id: id, isRate: true)] = count }
    }

    /// For each ask, in order: how many it may get, and which limit makes that fewer than was asked for.
    package mutating func share(_ asks: [ClaimAsk]) -> [(limit: Int, shortOf: LimitID?)] {
        var shares: [Share] = []
        while shares.count < asks.count {
            let first = asks[shares.count]
            let rank = asks[shares.count...].prefix {
                $0.queue == first.queue && $0.isReturned == first.isReturned && $0.priority == first.priority
            }
            shares += share(among: Array(rank))
        }
        return zip(asks, shares).map { ($1.limit, $1.limit < $0.limit ? $1.shortOf : nil) }
    }

    private mutating func share(among asks: [ClaimAsk]) -> [Share] {
        var shares = asks.map { Share(limit: $0.limit) }
        for (index, ask) in asks.enumerated() {
            for limit in limits(ask) { shares[index].cut(to: left[limit] ?? 0, by: limit.id) }
        }
        var users: [Limit: [Int]] = [:]
        for (index, ask) in asks.enumerated() {
            for limit in limits(ask) { users[limit, default: []].append(index) }
        }
        // In the order of the first ask, so that the same request is always shared alike.
        for limit in asks.first.map(limits) ?? [] {
            if let users = users[limit], users.count > 1 { divide(limit, &shares, among: users, as: asks) }
        }
        for (index, ask) in asks.enumerated() {
            for limit in limits(ask) { shares[index].cut(to: left[limit] ?? 0, by: limit.id) }
            for limit in limits(ask) { left[limit, default: 0] -= shares[index].limit }
        }
        return shares
    }

    /// Each gets what it can use, or else as much as the others in proportion to what it has asked for.
    private func divide(_ limit: Limit, _ shares: inout [Share], among users: [Int], as asks: [ClaimAsk]) {
        let most = left[limit] ?? 0
        if users.reduce(0, { $0 + shares[$1].limit }) <= most { return }
        var (open, rest) = (users, most)
        while true {
            let sum = open.reduce(0) { $0 + asks[$1].limit }
            let content = open.filter { shares[$0].limit * sum <= rest * asks[$0].limit }
            if !content.isEmpty {
                open.removeAll(where: content.contains)
                rest -= content.reduce(0) { $0 + shares[$1].limit }
                continue
            }
            let wanted = open.map { shares[$0].limit }
            let parts = open.map { rest * asks[$0].limit / max(1, sum) }
            rest -= parts.reduce(0, +)
            for (index, (wanted, part)) in zip(open, zip(wanted, parts)) {
                let more = rest > 0 && part < wanted ? 1 : 0
                rest -= more
                shares[index].cut(to: part + more, by: limit.id)
            }
            return
        }
    }

    private func limits(_ ask: ClaimAsk) -> [Limit] {
        ask.slots.map { Limit(id: $0, isRate: false) } + ask.rates.map { Limit(id: $0, isRate: true) }
    }
}
