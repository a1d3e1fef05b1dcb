import Testing

@testable import Perdure

/// The account of one claim.
@Suite struct ClaimLedgerTests {
    private let limit = LimitID(queue: "work")
    private let standing = ["work": QueueStanding(revision: 4, isPaused: false)]

    private func ask(_ limit: Int, isReturned: Bool = false, slots: [LimitID] = [], rates: [LimitID] = [], holds: Bool = false) -> ClaimAsk
    {
        ClaimAsk(lanes: [1], isReturned: isReturned, queue: "work", limit: limit, slots: slots, rates: rates, holdsUntilEnd: holds)
    }

    private func slots(_ count: Int) -> [Slot] { (0..<count).map { Slot(limit: limit, index: Int32($0)) } }

    @Test func `nothing is taken for a queue that has changed`() {
        let request = ClaimRequest(
            asks: [ask(3, slots: [limit], rates: [limit])], revisions: ["work": 3], slots: [SlotWish(limit: limit, capacity: 9, wanted: 3)],
            rates: [RateWish(limit: limit, rate: RateLimit(1, per: .seconds(1)))], now: 0)
        for queues in [standing, [:]] {
            let ledger = ClaimLedger(request, queues: queues)
            #expect(ledger.served.isEmpty && ledger.slotWishes.isEmpty && ledger.rateWishes.isEmpty)
            let report = ledger.settled().report
            #expect(report.stale == ["work"] && report.answers[0].hasMore && report.answers[0].claimed.isEmpty)
        }
    }

    @Test func `a paused queue is served for what has begun`() {
        let request = ClaimRequest(asks: [ask(3), ask(3, isReturned: true)], revisions: ["work": 4], now: 0)
        let ledger = ClaimLedger(request, queues: ["work": QueueStanding(revision: 4, isPaused: true)])
        #expect(ledger.served == [1])
        #expect(ledger.settled().report.answers[0].hasMore)
    }

    @Test func `a rate is charged with what begins, and says when it lets through again`() throws {
        let rate = RateLimit(2, per: .seconds(10))
        let request = ClaimRequest(asks: [ask(9, rates: [limit])], rates: [RateWish(limit: limit, rate: rate)], now: 0)
        var ledger = ClaimLedger(request, queues: [:])
        ledger.fund(slots: [], windows: [:], now: 5)
        #expect(ledger.limit(of: 0) == 2)
        ledger.serve(0, [Claimed(number: 1, isFresh: true), Claimed(number: 2, isFresh: true)], hasMore: true)
        let settlement = ledger.settled()
        #expect(settlement.report.answers[0].shortOf == limit)
        #expect(try #require(settlement.report.nextTokens[limit]) > .seconds(9))
        var window = try #require(settlement.windows[limit])
        let allowance = window.allowance(rate, now: 5)
        #expect(allowance == 0)
    }

    @Test func `what did not begin leaves its share to others`() {
        let request = ClaimRequest(
            asks: [ask(9, rates: [limit])], rates: [RateWish(limit: limit, rate: RateLimit(2, per: .seconds(10)))], now: 0)
        var ledger = ClaimLedger(request, queues: [:])
        ledger.fund(slots: [], windows: [:], now: 0)
        ledger.serve(0, [Claimed(number: 1, due: 7, isFresh: true), Claimed(number: 2, isFresh: true, isExpired: true)], hasMore: true)
        let settlement = ledger.settled()
        #expect(settlement.report.answers[0].shortOf == nil && settlement.report.answers[0].hasMore)
        #expect(settlement.windows.isEmpty && settlement.report.nextTokens.isEmpty)
    }

    @Test func `slots become the workflows' own, or are given back`() {
        let request = ClaimRequest(
            asks: [ask(3, slots: [limit], holds: true)], slots: [SlotWish(limit: limit, capacity: 9, free: 5, wanted: 3)], now: 0)
        var ledger = ClaimLedger(request, queues: [:])
        ledger.fund(slots: slots(2), windows: [:], now: 0)
        // What the executor holds already belongs to what it runs.
        #expect(ledger.limit(of: 0) == 2)
        ledger.serve(0, [Claimed(number: 7, isFresh: true)], hasMore: false)
        let settlement = ledger.settled()
        #expect(settlement.given.map(\.workflow) == [7] && settlement.given.map(\.slot.index) == [0])
        #expect(settlement.unused.map(\.index) == [1] && settlement.report.taken.isEmpty)
    }

    @Test func `other slots are the executor's, used or not`() {
        let request = ClaimRequest(asks: [ask(3, slots: [limit])], slots: [SlotWish(limit: limit, capacity: 9, wanted: 3)], now: 0)
        var ledger = ClaimLedger(request, queues: [:])
        ledger.fund(slots: slots(3), windows: [:], now: 0)
        ledger.serve(0, [Claimed(number: 7)], hasMore: false)
        let settlement = ledger.settled()
        #expect(settlement.report.taken == slots(3) && settlement.unused.isEmpty && settlement.given.isEmpty)
    }

    @Test func `a full slot is not blamed on a rate of the same name`() {
        let request = ClaimRequest(
            asks: [ask(9, slots: [limit], rates: [limit])], slots: [SlotWish(limit: limit, capacity: 1, wanted: 1)],
            rates: [RateWish(limit: limit, rate: RateLimit(5, per: .seconds(10)))], now: 0)
        var ledger = ClaimLedger(request, queues: [:])
        ledger.fund(slots: slots(1), windows: [:], now: 0)
        ledger.serve(0, [Claimed(number: 1)], hasMore: true)
        let report = ledger.settled().report
        #expect(report.answers[0].shortOf == limit && report.nextTokens.isEmpty)
    }
}
