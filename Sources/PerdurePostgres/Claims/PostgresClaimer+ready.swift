internal import Perdure

// What is ready: where it is, and the claim of it.
extension PostgresClaimer {
    /// Pages of so many rows: a backlog of a million must not be read before the first is claimed.
    private static let page = 20_000

    var hasMoreToScout: Bool { positions.withLock { $0.hasMoreToScout } }

    func scout(_ repertoire: Repertoire) async throws(StoreError) -> [ReadyLane] {
        if repertoire.workflows.isEmpty || repertoire.versions.isEmpty { return [] }
        return try await run { session throws(StoreError) in
            // The positions are copied out and written back, unless a reset came in between.
            var state = self.positions.withLock { $0 }
            state.ask(repertoire)
            let cursor = state.scout
            let results = try session.pipeline([
                Request(.begin), Request(.byIndex),
                Request(
                    self.ready.scout,
                    [.xid8(cursor.transaction), .int8(cursor.number), .xid8s(cursor.late), .int8(Int64(Self.page))]),
                Request(.commit),
            ])
            let rows = results[2]
            var look = Look()
            var lanes = state.leftovers
            for row in 0..<rows.count {
                switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
                case .got: lanes.insert(rows.int(row, 1))
                case .position: look.position = (rows.uint(row, 2), rows.int(row, 1))
                case .inProgress: look.inProgress.append(rows.uint(row, 2))
                case .next: (look.next, state.hasMoreToScout) = (rows.uint(row, 2), rows.int(row, 1) >= Self.page)
                default: break
                }
            }
            state.scout.advance(to: look.position, inProgress: look.inProgress, next: look.next)
            if state.scout.transaction == cursor.transaction, state.scout.number == cursor.number { state.hasMoreToScout = false }
            let found = try self.lookUp(lanes, session, &state)
            self.keep(state)
            return found
        }
    }

    /// Those of these lanes that whoever asks can serve.
    private func lookUp(_ lanes: Set<Int64>, _ session: Session, _ state: inout ClaimPositions) throws(StoreError) -> [ReadyLane] {
        // Keys are the user's, so there may be any number of lanes.
        if state.known.count > 50_000 { state.known = [:] }
        let unknown = lanes.filter { state.known[$0] == nil }
        if !unknown.isEmpty {
            let rows = try session.query(ready.lanes, [.int8s(unknown)])
            for row in 0..<rows.count {
                let lane = Lane(
                    queue: rows.text(row, 1), key: rows.text(row, 2), priority: rows.int16(row, 3), workflow: rows.text(row, 4),
                    version: rows.text(row, 5))
                let isServed = state.asked?.contains(lane) ?? false
                state.known[rows.int(row, 0)] = .some(
                    isServed ? ReadyLane(number: rows.int(row, 0), lane: lane, isReturned: rows.bool(row, 6)) : nil)
            }
        }
        return lanes.compactMap { state.known[$0] ?? nil }
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimReport {
        if request.asks.isEmpty { return ClaimReport(answers: []) }
        return try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            let isPlain = request.isPlain && !request.asks.contains { $0.lanes.isEmpty }
            let report =
                isPlain
                ? try self.claimAtOnce(request, session, &state) : try self.claimWithinLimits(request, session, &state)
            self.noteCrashes(report)
            self.keep(state)
            return report
        }
    }

    /// One round trip: what the engine knows of its queues is assumed, and checked where the rows are claimed.
    private func claimAtOnce(
        _ request: ClaimRequest, _ session: Session, _ state: inout ClaimPositions
    ) throws(StoreError) -> ClaimReport {
        var ledger = ClaimLedger(request, queues: request.revisions.mapValues { QueueStanding(revision: $0, isPaused: false) })
        ledger.fund(slots: [], windows: [:], now: 0)
        let look = ReadyLook(request, ledger, state)
        let rows = try fenced(session, after: try entrance(request), try look.request(ready, me))
        let stale = look.enter(rows, into: &ledger, &state)
        var report = ledger.settled().report
        report.stale = stale
        return report
    }

    /// What a claim from named queues begins with.
    func entrance(_ request: ClaimRequest) throws(StoreError) -> [Request] {
        // In one order everywhere, though nobody who waits for one of these locks holds what a claim waits for.
        request.revisions.isEmpty ? [] : [Request(ready.enter, [try .texts(request.revisions.keys.sorted())])]
    }

    private func noteCrashes(_ report: ClaimReport) {
        for answer in report.answers { store.crashes.insert(answer.claimed, me) }
    }
}
