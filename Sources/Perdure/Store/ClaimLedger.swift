/// What a queue's row says about a claim.
package struct QueueStanding: Sendable, Equatable {
    package var revision: Int64
    package var isPaused: Bool

    package init(revision: Int64, isPaused: Bool) {
        self.revision = revision
        self.isPaused = isPaused
    }
}

/// The account of one claim: which asks are served, within what, and what that used up; pure, and the same on every store.
///
/// A store that claims in several steps goes through it in the order of its methods, inside one transaction.
package struct ClaimLedger: Sendable {
    /// So soon a queue is asked again that somebody is about to pause.
    private static let postponement = Duration.milliseconds(100)

    private let request: ClaimRequest
    private var report: ClaimReport
    /// Of the asks, by their index, those that are answered; the others are stale or paused.
    package private(set) var served: [Int] = []
    private var limits: [Int: (most: Int, shortOf: LimitID?)] = [:]
    private var taken: [LimitID: [Slot]] = [:]
    private var windows: [LimitID: RateWindow] = [:]
    private var now: Microseconds = 0

    /// - Parameter queues: The rows of the queues that are named in the request's `revisions`, where there are any.
    package init(_ request: ClaimRequest, queues: [String: QueueStanding]) {
        self.request = request
        report = ClaimReport(answers: request.asks.map { _ in ClaimReport.Answer(hasMore: true) })
        report.stale = Set(request.revisions.filter { queues[$0.key]?.revision != $0.value }.keys)
        for (index, ask) in request.asks.enumerated() where !report.stale.contains(ask.queue) {
            let isPaused = request.revisions[ask.queue] != nil && queues[ask.queue]?.isPaused == true
            if !isPaused || ask.isReturned { served.append(index) }
        }
    }

    /// What is to be taken of the wishes: nothing for what is not served.
    package var slotWishes: [SlotWish] {
        let used = Set(served.flatMap { request.asks[$0].slots })
        return request.slots.filter { used.contains($0.limit) && $0.wanted > 0 }
    }

    package var rateWishes: [RateWish] {
        let used = Set(served.flatMap { request.asks[$0].rates })
        return request.rates.filter { used.contains($0.limit) }
    }

    /// What there is to be shared.
    ///
    /// - Parameters:
    ///   - slots: Those of the wishes that were free, and are the executor's now.
    ///   - windows: Of the rates that are wished for, where there were starts.
    ///   - now: By the store's clock.
    package mutating func fund(slots: [Slot], windows: [LimitID: RateWindow], now: Microseconds) {
        self.now = now
        taken = Dictionary(grouping: slots, by: \.limit)
        var allowances: [LimitID: Int] = [:]
        for wish in rateWishes {
            var window = windows[wish.limit] ?? RateWindow()
            allowances[wish.limit] = window.allowance(wish.rate, now: now)
            self.windows[wish.limit] = window
        }
        var request = request
        let asks = served.map { request.asks[$0] }
        // A slot that is to be a workflow's own is one that was taken just now: the executor's belong to what it runs.
        let own = Set(asks.filter(\.holdsUntilEnd).flatMap(\.slots))
        for index in request.slots.indices where own.contains(request.slots[index].limit) { request.slots[index].free = 0 }
        var budget = ClaimBudget(request, taken: slots, allowances: allowances)
        for (index, share) in zip(served, budget.share(asks)) { limits[index] = (share.limit, share.shortOf) }
    }

    /// How many rows this ask gets at most.
    package func limit(of ask: Int) -> Int { limits[ask]?.most ?? 0 }

    /// What it got, and whether something is left in its lanes.
    package mutating func serve(_ ask: Int, _ claimed: [Claimed], hasMore: Bool) {
        report.answers[ask].claimed = claimed
        report.answers[ask].hasMore = hasMore
        // What did not begin has left something of the limit: the next claim finds out whether it is enough.
        guard hasMore, let limit = limits[ask], claimed.beginning.count == limit.most else { return }
        report.answers[ask].shortOf = limit.shortOf
    }

    /// Its queue cannot be claimed from at this moment, and nobody will say when it can.
    package mutating func postpone(_ ask: Int) {
        let limit = LimitID(queue: request.asks[ask].queue)
        report.answers[ask].shortOf = limit
        report.nextTokens[limit] = Self.postponement
    }

    /// What is to be written, and what is to be told.
    package func settled() -> ClaimSettlement {
        var settlement = ClaimSettlement(report: report)
        settleRates(&settlement)
        var free = taken
        for index in served where request.asks[index].holdsUntilEnd {
            for one in report.answers[index].claimed.beginning {
                for limit in request.asks[index].slots {
                    guard let slot = free[limit]?.first else { continue }
                    free[limit]?.removeFirst()
                    settlement.given.append((slot, one.number))
                }
            }
        }
        let own = Set(served.map { request.asks[$0] }.filter(\.holdsUntilEnd).flatMap(\.slots))
        for (limit, slots) in free.sorted(by: { $0.key < $1.key }) {
            let vain = own.contains(limit) ? slots.count : inVain(limit)
            settlement.unused += slots.suffix(vain)
            settlement.report.taken += slots.dropLast(vain)
        }
        return settlement
    }

    /// How many slots were taken that nothing can use, because another limit is the one that is reached.
    ///
    /// Two executors that each kept what the other needs would wait for each other.
    private func inVain(_ limit: LimitID) -> Int {
        let users = served.filter { request.asks[$0].slots.contains(limit) }
        guard users.allSatisfy({ report.answers[$0].shortOf.map { $0 != limit } ?? false }) else { return 0 }
        let begun = users.reduce(0) { $0 + report.answers[$1].claimed.beginning.count }
        let free = request.slots.first { $0.limit == limit }?.free ?? 0
        return max(0, (taken[limit]?.count ?? 0) - max(0, begun - free))
    }

    private func settleRates(_ settlement: inout ClaimSettlement) {
        var begun: [LimitID: Int] = [:]
        for index in served {
            for limit in request.asks[index].rates { begun[limit, default: 0] += report.answers[index].claimed.beginning.count }
        }
        for wish in rateWishes {
            guard var window = windows[wish.limit] else { continue }
            if let count = begun[wish.limit], count > 0 {
                window.take(count, wish.rate, now: now)
                settlement.windows[wish.limit] = window
            }
            let isShort = served.contains { request.asks[$0].rates.contains(wish.limit) && report.answers[$0].shortOf == wish.limit }
            let wait = window.wait(wish.rate, now: now)
            // The slots of a queue and its rate have the same name: if the rate still allows some, it is not the reason.
            if isShort, wait > .zero { settlement.report.nextTokens[wish.limit] = wait }
        }
    }
}

/// What a claim writes besides the rows of its workflows.
package struct ClaimSettlement: Sendable {
    package var report: ClaimReport
    /// Slots that were taken and belong to workflows now.
    package var given: [(slot: Slot, workflow: WorkflowNumber)] = []
    /// Slots that were taken in vain: free again.
    package var unused: [Slot] = []
    /// The rates that were charged.
    package var windows: [LimitID: RateWindow] = [:]
}

extension [Claimed] {
    /// Those that are to run, and use up what is limited.
    package var beginning: [Claimed] { filter { $0.due == nil && !$0.isExpired } }
}
