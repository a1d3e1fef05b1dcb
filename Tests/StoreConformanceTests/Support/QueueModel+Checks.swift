internal import Perdure

// What must hold after each operation, and after each claim.
extension QueueModel {
    /// No more than each limit allows.
    func checkLimits() throws {
        for (queue, rules) in rules {
            let mine = items.values.filter { $0.lane.queue == queue && $0.isOpen && !$0.isExempt }
            let running = mine.filter { $0.runner != nil }
            let holding = rules.slots == .untilEnd ? mine.filter(\.hasBegun) : running
            let limits = rules.limits
            if holding.count > limits.concurrency ?? .max { throw broken("more than the concurrency of queue \(queue): \(holding)") }
            for (key, holding) in Dictionary(grouping: holding, by: \.lane.key) where holding.count > limits.perKey ?? .max {
                throw broken("more of key '\(key)' than queue \(queue) allows: \(holding)")
            }
            for (executor, running) in Dictionary(grouping: running, by: \.runner) where running.count > limits.perEngine ?? .max {
                throw broken("more in engine \(executor ?? 0) than queue \(queue) allows: \(running)")
            }
            try checkRate(queue, starts[queue] ?? [], limits.rateLimit)
            for starts in Dictionary(grouping: starts[queue] ?? [], by: \.key).values {
                try checkRate(queue, starts, limits.rateLimitPerKey)
            }
        }
    }

    /// Where a limit was lowered nothing begins before enough of what ran above it has left.
    func checkRoom(for item: Item, _ rules: Rules) throws {
        guard rules.slots == .whileRunning else { return }
        let inside = items.values.filter { $0.lane.queue == item.lane.queue && $0.runner != nil && $0.number != item.number }
        let ofQueue = inside.count { $0.holds.ofQueue }
        let ofKey = inside.count { $0.holds.ofKey && $0.lane.key == item.lane.key }
        if ofQueue >= rules.limits.concurrency ?? .max || ofKey >= rules.limits.perKey ?? .max {
            throw broken("it has begun where there is no room: \(inside.map(\.number.brief))", item)
        }
    }

    /// No stretch of time has more starts than are allowed, whenever in its moments each was.
    private func checkRate(_ queue: String, _ starts: [Start], _ rate: RateLimit?) throws {
        guard let rate, starts.count > rate.count else { return }
        let sorted = starts.sorted { $0.moments.lowerBound < $1.moments.lowerBound }
        for index in rate.count..<sorted.count {
            // Of claims at the same time the first to be asked may be the last to be answered.
            let latest = sorted[index - rate.count...index].map(\.moments.upperBound).max()
            let length = (latest ?? sorted[index].moments.upperBound) - sorted[index - rate.count].moments.lowerBound
            if length < rate.period { throw broken("\(rate.count + 1) starts of queue \(queue) within \(length), with \(rate)") }
        }
    }

    /// What a claim got was there to be had, and is what the claim says; now theirs.
    mutating func claimed(
        _ one: Claimed, _ ask: ClaimAsk, by executor: ExecutorID, _ moments: ClosedRange<ContinuousClock.Instant>
    ) throws {
        guard let item = items[one.number] else { throw broken("what nobody has started was claimed: \(one)") }
        guard item.phase == .ready else { throw broken("what is not ready was claimed by \(executor)", item) }
        if item.isLocked { throw broken("what somebody holds was claimed", item) }
        guard item.lane.queue == ask.queue, item.lane.key == ask.key, item.lane.priority == ask.priority,
            item.wasReturned == ask.isReturned
        else { throw broken("\(ask) was answered with what is elsewhere", item) }
        let due = item.due.flatMap { $0 > now ? $0 : nil }
        let isExpired = due == nil && !item.wasReturned && item.expires ?? .max <= now
        guard one.due == due, one.isExpired == isExpired, one.isFresh == !item.wasReturned, one.crashes == item.crashes, one.isServed
        else { throw broken("the claim says \(one)", item) }
        if let due {
            change(one.number) { [operation] in ($0.phase, $0.due, $0.available) = (.waiting(due), nil, operation) }
        } else if isExpired {
            endUnrun(one.number, by: executor)
        } else {
            try begin(one.number, by: executor, moments)
        }
    }

    /// What goes before others was claimed before them.
    ///
    /// - Parameters:
    ///   - claimed: As they were before the claim.
    ///   - scouted: In which operation whoever claimed them has last seen all that there was.
    func checkOrder(of claimed: [Item], scouted: Int) throws {
        let left = items.values.filter { $0.phase == .ready && !$0.isLocked && $0.available <= scouted }
        for first in left {
            for other in claimed where other.lane.queue == first.lane.queue {
                let limits = rules[first.lane.queue]?.limits ?? QueueLimits()
                let isSameKey = first.lane.key == other.lane.key
                // What has begun goes on in a queue that is paused.
                if other.wasReturned, !first.wasReturned { continue }
                if isSameKey, first.rank == other.rank, first.since.upperBound < other.since.lowerBound {
                    throw broken("it waits, and \(other) came later and was claimed", first)
                }
                // A key that is full lets others go first.
                if first.rank < other.rank, isSameKey || (limits.perKey == nil && limits.rateLimitPerKey == nil) {
                    throw broken("it waits, and \(other) was claimed, which comes behind it", first)
                }
            }
        }
    }

    /// Nothing is left that nothing hinders, after a claim of all that an engine of these queues may have.
    func checkNothingLeft(_ queues: Set<String>, scouted: Int) throws {
        for item in items.values where item.phase == .ready && !item.isLocked && item.available <= scouted {
            guard let rules = rules[item.lane.queue], queues.contains(item.lane.queue), rules.isUnlimited else { continue }
            if !rules.isPaused || item.wasReturned { throw broken("it was not claimed, and nothing hinders it", item) }
        }
    }

    /// What was woken, and nothing else, is theirs or ready for others.
    mutating func woken(_ claimed: [Claimed], of expected: [WorkflowNumber], _ repertoire: Repertoire, by executor: ExecutorID) throws {
        guard claimed.map(\.number).sorted() == expected else { throw broken("\(claimed) have woken instead of \(expected)") }
        for one in claimed {
            guard let item = items[one.number] else { throw broken("what nobody knows has woken: \(one)") }
            if item.isCancelled, item.isFresh {
                guard one.isServed, one.isFresh else { throw broken("it is cancelled, and was claimed as \(one)", item) }
                endUnrun(one.number, by: executor)
                continue
            }
            let rules = rules[item.lane.queue]
            let isDirect = item.wasReturned && repertoire.queues.contains(item.lane.queue) && rules?.takesTurns == false
            guard one.isServed == isDirect else { throw broken("it has woken as \(one)", item) }
            if isDirect { resume(one.number, by: executor) } else { becomesReady(one.number) }
        }
    }
}
