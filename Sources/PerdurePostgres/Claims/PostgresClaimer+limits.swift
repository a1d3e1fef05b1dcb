internal import Perdure

// Claims under limits that all engines share, in one transaction of a few round trips.
extension PostgresClaimer {
    /// Slots are taken and rates are locked first, then what they let through is claimed, then it is written what was used.
    func claimWithinLimits(
        _ request: ClaimRequest, _ session: Session, _ state: inout ClaimPositions
    ) throws(StoreError) -> ClaimReport {
        let opening = [Request(.begin), try fence, Request(.byIndex)] + (try entrance(request))
        let begun = Array(try session.pipeline(opening + (try limitRequests(request))).dropFirst(opening.count))
        do throws(StoreError) {
            var ledger = ClaimLedger(request, queues: Self.standings(begun[4]))
            ledger.fund(slots: Self.slots(begun[0]), windows: Self.windows(begun[2]), now: begun[3].int(0, 0))
            let look = ReadyLook(request, ledger, state)
            let rows = try session.continuePipeline([try look.request(ready, me)])
            var moved = state
            let stale = look.enter(rows[0], into: &ledger, &moved)
            var settlement = ledger.settled()
            settlement.report.stale.formUnion(stale)
            try check(try session.continuePipeline(try endRequests(settlement) + [try fence, Request(.commit)]))
            state = moved
            return settlement.report
        } catch {
            session.rollback()
            throw error
        }
    }

    private func limitRequests(_ request: ClaimRequest) throws(StoreError) -> [Request] {
        let slots = LimitColumns()
        let (capacity, wanted, revision) = (Column(PostgresType.int4), Column(PostgresType.int8), Column(PostgresType.int8))
        for wish in request.slots where wish.wanted > 0 {
            try slots.append(wish.limit)
            capacity.append(Int32(clamping: wish.capacity))
            wanted.append(Int64(wish.wanted))
            revision.append(request.revisions[wish.limit.queue])
        }
        let rates = LimitColumns()
        for wish in request.rates { try rates.append(wish.limit) }
        return [
            Request(limits.takeSlots, slots.parameters + [capacity.sealed, wanted.sealed, .int8(me), revision.sealed]),
            Request(limits.makeRates, rates.parameters), Request(limits.lockRates, rates.parameters), Request(limits.now),
            Request(limits.standings, [try .texts(request.revisions.keys)]),
        ]
    }

    private func endRequests(_ settlement: ClaimSettlement) throws(StoreError) -> [Request] {
        var requests: [Request] = []
        if !settlement.given.isEmpty {
            let (columns, workflow) = (LimitColumns(), Column(PostgresType.int8))
            for given in settlement.given {
                try columns.append(given.slot)
                workflow.append(given.workflow)
            }
            requests.append(Request(limits.tieSlots, columns.slotParameters + [workflow.sealed]))
        }
        if !settlement.unused.isEmpty { requests.append(try freeing(settlement.unused)) }
        if !settlement.windows.isEmpty {
            let (columns, starts) = (LimitColumns(), Column(PostgresType.text))
            for (limit, window) in settlement.windows.sorted(by: { $0.key < $1.key }) {
                try columns.append(limit)
                try starts.append(window.text)
            }
            requests.append(Request(limits.chargeRates, columns.parameters + [starts.sealed]))
        }
        return requests
    }

    private func freeing(_ slots: [Slot]) throws(StoreError) -> Request {
        let columns = LimitColumns()
        for slot in slots { try columns.append(slot) }
        return Request(limits.freeSlots, columns.slotParameters + [.int8(me)])
    }

    private static func standings(_ rows: Rows) -> [String: QueueStanding] {
        Dictionary(rows.map { (rows.text($0, 0), QueueStanding(revision: rows.int($0, 1), isPaused: rows.bool($0, 2))) }) { first, _ in
            first
        }
    }

    private static func slots(_ rows: Rows) -> [Slot] {
        rows.map { Slot(limit: limit(rows, $0), index: Int32(truncatingIfNeeded: rows.int($0, 3))) }
    }

    private static func windows(_ rows: Rows) -> [LimitID: RateWindow] {
        Dictionary(rows.map { (limit(rows, $0), RateWindow(rows.text($0, 3))) }) { first, _ in first }
    }

    private static func limit(_ rows: Rows, _ row: Int) -> LimitID {
        LimitID(queue: rows.text(row, 0), key: rows.bool(row, 1) ? rows.text(row, 2) : nil)
    }

    func slots() async throws(StoreError) -> [Slot] {
        try await run { session throws(StoreError) in Self.slots(try session.query(self.limits.ownSlots, [.int8(self.me)])) }
    }

    func free(_ slots: [Slot]) async throws(StoreError) {
        if slots.isEmpty { return }
        try await run { session throws(StoreError) in _ = try self.fenced(session, try self.freeing(slots)) }
    }

    func displace(_ request: DisplaceRequest) async throws(StoreError) -> DisplaceReport {
        try await run { session throws(StoreError) in
            try session.transaction { () throws(StoreError) in
                try session.query(try self.fence.statement, try self.fence.parameters)
                let report = try self.displaceNow(request, session)
                self.store.registry.acknowledge(self.me, try session.query(try self.fence.statement, try self.fence.parameters).int(0, 0))
                return report
            }
        }
    }

    private func displaceNow(_ request: DisplaceRequest, _ session: Session) throws(StoreError) -> DisplaceReport {
        let limit = request.limit
        let place: [ParameterBuffer?] = [try .text(limit.queue), .bool(limit.key != nil), try .text(limit.key ?? "")]
        let held = try session.query(limits.holders, place + [.int8(request.revision)])
        // Not full after all, or not under these rules any more.
        guard held.count >= request.capacity else { return DisplaceReport() }
        let rows = try session.query(limits.waiting, [.int8s(request.lanes)] + place + [.int8(Int64(request.capacity))])
        let waiting = rows.map { rows.int($0, 0) }
        let giving = request.cancels ? Array(waiting.dropLast(request.capacity)) : waiting
        let taken = try session.query(limits.take, [.int8s(giving), .int8(me)])
        var report = DisplaceReport(
            displaced: taken.map { Claimed(number: taken.int($0, 0), crashes: Int(taken.int($0, 1)), isFresh: true) })
        guard request.cancels, !waiting.isEmpty else { return report }
        let holders = held.compactMap { held.optionalInt($0, 0) }.prefix(min(waiting.count, request.capacity))
        let told = try session.query(limits.cancel, [.int8s(holders)])
        report.cancelled = told.map { told.int($0, 0) }
        return report
    }
}

/// The arrays that name limits, or slots of them.
private final class LimitColumns {
    private let queue = Column(PostgresType.text)
    private let isKeyed = Column(PostgresType.bool)
    private let key = Column(PostgresType.text)
    private let index = Column(PostgresType.int4)

    func append(_ limit: LimitID) throws(StoreError) {
        try queue.append(limit.queue)
        isKeyed.append(limit.key != nil)
        try key.append(limit.key ?? "")
    }

    func append(_ slot: Slot) throws(StoreError) {
        try append(slot.limit)
        index.append(slot.index)
    }

    var parameters: [ParameterBuffer?] { [queue, isKeyed, key].map(\.sealed) }
    var slotParameters: [ParameterBuffer?] { [queue, isKeyed, key, index].map(\.sealed) }
}
