package import Perdure

/// Claims for one executor, each claim a fenced transaction of its own.
final class PostgresClaimer: Claimer {
    private let store: PostgresStore
    private let connection: PostgresConnection
    private let statements: ClaimStatements
    private let me: ExecutorID
    private let positions = Lock(ClaimPositions())

    init(_ store: PostgresStore, executor: ExecutorID) {
        self.store = store
        connection = PostgresConnection(store.settings, thread: store.threads.take())
        statements = ClaimStatements(store.schema)
        me = executor
    }

    func reset() {
        positions.withLock { $0.reset() }
    }

    func close() async {
        await connection.close()
        store.threads.putBack(connection.thread)
    }

    func open() async throws(StoreError) { try await run { _ throws(StoreError) in } }

    func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance {
        try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            if state.asked != repertoire {
                (state.known, state.highestLane, state.asked) = ([], 0, repertoire)
                try self.lookForLanes(session, &state)
                self.keep(state)
            }
            let cursors = state.known.map { ($0.lane, state.lanes[$0.lane]?.cursor ?? TransactionCursor()) }
            let seen = try session.query(
                self.statements.glance,
                [
                    .texts(repertoire.workflows), .texts(repertoire.versions), .int8s(cursors.map(\.0)),
                    .xid8s(cursors.map(\.1.transaction)), .int8s(cursors.map(\.1.number)), .int8(Self.lagging(state.dueAfter).due),
                    .xid8(state.inbox.transaction), .int8(state.inbox.number),
                ])
            return Glance(
                ready: seen.bool(0, 0) || state.lanes.values.contains(where: \.hasLeftovers),
                inbox: seen.bool(0, 1) || !state.inbox.late.isEmpty,
                nextDue: state.dueContested.isEmpty ? seen.optionalInt(0, 2) : .min,
                suspect: seen.optionalInt(0, 4).map { Suspect(crashes: Int(seen.int(0, 3)), due: $0) })
        }
    }

    // MARK: Ready

    func claimReady(_ repertoire: Repertoire, limit: Int) async throws(StoreError) -> [Claimed] {
        if limit <= 0 || repertoire.workflows.isEmpty || repertoire.versions.isEmpty { return [] }
        return try await run { session throws(StoreError) in
            // The positions are copied out and written back, unless a reset came in between.
            var state = self.positions.withLock { $0 }
            if state.asked != repertoire {
                (state.known, state.highestLane, state.asked) = ([], 0, repertoire)
                try self.lookForLanes(session, &state)
            }
            var claimed: [Claimed] = []
            var tried: Set<Int64> = []
            // A second round where the first found less than it may: lanes that have appeared since.
            for round in 0..<2 {
                for lane in try self.lanesWithWork(session, state, except: tried) where claimed.count < limit {
                    tried.insert(lane)
                    claimed += try self.claim(session, lane: lane, limit: limit - claimed.count, &state)
                }
                if claimed.count >= limit || round == 1 { break }
                let before = state.known.count
                try self.lookForLanes(session, &state)
                if state.known.count == before { break }
            }
            self.keep(state)
            return claimed
        }
    }

    /// Reads the lanes of these names that are new.
    ///
    /// Numbers are given out before they are committed, so it looks a little way back; what came later still is found after a reset.
    private func lookForLanes(_ session: Session, _ state: inout ClaimPositions) throws(StoreError) {
        guard let asked = state.asked else { return }
        let rows = try session.query(
            statements.lanes, [.int8(max(0, state.highestLane - 4096)), .texts(asked.workflows), .texts(asked.versions)])
        state.learn(rows.map { ClaimPositions.KnownLane(lane: rows.int($0, 0), priority: rows.int16($0, 1), returned: rows.bool($0, 2)) })
        if rows.count > 0 { state.highestLane = max(state.highestLane, rows.int(0, 3)) }
    }

    /// Those that have something behind their position, or something left before it, in the order in which they are claimed.
    private func lanesWithWork(
        _ session: Session, _ state: ClaimPositions, except tried: Set<Int64>
    ) throws(StoreError) -> [Int64] {
        let candidates = state.known.map(\.lane).filter { !tried.contains($0) }
        let leftovers = Set(candidates.filter { state.lanes[$0]?.hasLeftovers == true })
        let cursors = candidates.filter { !leftovers.contains($0) }.map { ($0, state.lanes[$0]?.cursor ?? TransactionCursor()) }
        if cursors.isEmpty { return candidates }
        let results = try session.pipeline([
            Request(.begin), Request(.byIndex),
            Request(statements.probe, [.int8s(cursors.map(\.0)), .xid8s(cursors.map(\.1.transaction)), .int8s(cursors.map(\.1.number))]),
            Request(.commit),
        ])
        let found = leftovers.union(results[2].map { results[2].int($0, 0) })
        return candidates.filter(found.contains)
    }

    private func claim(
        _ session: Session, lane: Int64, limit: Int, _ state: inout ClaimPositions
    ) throws(StoreError) -> [Claimed] {
        var lanes = state.lanes[lane] ?? ClaimPositions.LaneState()
        let rows = try fenced(
            session,
            Request(
                statements.ready,
                [
                    .int8(lane), .xid8(lanes.cursor.transaction), .int8(lanes.cursor.number), .xid8s(lanes.cursor.late),
                    .int8s(lanes.contested), .int8(Int64(limit)), .int8(me),
                ]))
        var result = ClaimResult()
        for row in 0..<rows.count {
            switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
            case .got:
                result.claimed.append(
                    Claimed(
                        number: rows.int(row, 1), crashes: Int(rows.int(row, 2)), due: rows.optionalInt(row, 3), isFresh: lane & 1 == 0))
            case .contested: result.contested.insert(rows.int(row, 1))
            case .position: result.position = (rows.uint(row, 4), rows.int(row, 1))
            case .inProgress: result.inProgress.append(rows.uint(row, 4))
            case .next: (result.next, result.late) = (rows.uint(row, 4), Int(rows.int(row, 1)))
            case nil: break
            }
        }
        lanes.cursor.advance(to: result.position, inProgress: result.inProgress, next: result.next, keepLate: result.late >= limit)
        lanes.contested = result.contested
        state.lanes[lane] = lanes
        // What is committed stays claimed, so its position is kept even if a later lane fails.
        keep(state)
        store.crashes.insert(result.claimed, me)
        return result.claimed.sorted { $0.number < $1.number }
    }

    // MARK: Waiting

    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        if limit <= 0 { return [] }
        return try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            // A little before the position: somebody may have suspended with a moment that had just passed.
            let after = Self.lagging(state.dueAfter)
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.due,
                    [
                        .int8(after.due), .int8(after.number), .int8s(state.dueContested), .int8(now), .int8(Int64(limit)), .int8(self.me),
                        .texts(repertoire.workflows), .texts(repertoire.versions),
                    ]))
            var claimed: [Claimed] = []
            state.dueContested = []
            for row in 0..<rows.count {
                switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
                case .got:
                    claimed.append(Claimed(number: rows.int(row, 1), crashes: Int(rows.int(row, 2)), isServed: rows.bool(row, 4)))
                case .contested: state.dueContested.insert(rows.int(row, 1))
                case .position: if rows.int(row, 3) > state.dueAfter.due { state.dueAfter = (rows.int(row, 3), rows.int(row, 1)) }
                default: break
                }
            }
            self.keep(state)
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    private static func lagging(_ position: (due: Microseconds, number: WorkflowNumber)) -> (due: Microseconds, number: WorkflowNumber) {
        position.due < 5_000_000 ? (Int64.min, 0) : (position.due - 5_000_000, 0)
    }

    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed] {
        if numbers.isEmpty { return [] }
        return try await run { session throws(StoreError) in
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.arrived,
                    [.int8s(numbers), .int8(self.me), .texts(repertoire.workflows), .texts(repertoire.versions)]))
            let claimed = rows.map {
                Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1)), isFresh: rows.bool($0, 2), isServed: rows.bool($0, 3))
            }
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    // MARK: Suspects

    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect? {
        try await run { session throws(StoreError) in
            let rows = try session.query(self.statements.nextSuspect, [.texts(repertoire.workflows), .texts(repertoire.versions)])
            return rows.count == 0 ? nil : Suspect(crashes: Int(rows.int(0, 0)), due: rows.int(0, 1))
        }
    }

    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed] {
        if limit <= 0 { return [] }
        return try await run { session throws(StoreError) in
            let rows = try self.fenced(
                session,
                Request(
                    self.statements.suspects,
                    [
                        .int8(now), .int4(Int32(clamping: crashes)), .int8(Int64(limit)), .int8(self.me), .int8(probation.microseconds),
                        .texts(repertoire.workflows), .texts(repertoire.versions), .int8s(acquitted),
                    ]))
            let claimed = rows.map { Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1))) }
            self.store.crashes.insert(claimed, self.me)
            return claimed
        }
    }

    func owned() async throws(StoreError) -> [WorkflowNumber] {
        try await run { session throws(StoreError) in
            let rows = try session.query(self.statements.owned, [.int8(self.me)])
            let owned = rows.map { Claimed(number: rows.int($0, 0), crashes: Int(rows.int($0, 1))) }
            self.store.crashes.insert(owned, self.me)
            return owned.map(\.number)
        }
    }

    func nextDue() async throws(StoreError) -> Microseconds? {
        try await run { session throws(StoreError) in
            let after = Self.lagging(self.positions.withLock { $0.dueAfter })
            let results = try session.pipeline([
                Request(.begin), Request(.byIndex), Request(self.statements.nextDue, [.int8(after.due)]), Request(.commit),
            ])
            return results[2].count == 0 ? nil : results[2].int(0, 0)
        }
    }

    // MARK: Arrivals

    func arrivals() async throws(StoreError) -> [WorkflowNumber] {
        let page = 10_000
        return try await run { session throws(StoreError) in
            var state = self.positions.withLock { $0 }
            var workflows: Set<WorkflowNumber> = []
            var found = page
            while found == page {
                let cursor = state.inbox
                let results = try session.pipeline([
                    Request(.begin), Request(.byIndex),
                    Request(
                        self.statements.arrivals,
                        [.xid8(cursor.transaction), .int8(cursor.number), .xid8s(cursor.late), .int8(Int64(page))]),
                    Request(.commit),
                ])
                let rows = results[2]
                var result = ClaimResult()
                for row in 0..<rows.count {
                    switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
                    case .got: workflows.insert(rows.int(row, 1))
                    case .position: result.position = (rows.uint(row, 2), rows.int(row, 1))
                    case .inProgress: result.inProgress.append(rows.uint(row, 2))
                    case .next: (result.next, found) = (rows.uint(row, 2), Int(rows.int(row, 1)))
                    default: break
                    }
                }
                state.inbox.advance(to: result.position, inProgress: result.inProgress, next: result.next)
                if state.inbox.transaction == cursor.transaction, state.inbox.number == cursor.number { break }
            }
            self.keep(state)
            return Array(workflows)
        }
    }

    // MARK: The transaction

    private struct ClaimResult {
        var claimed: [Claimed] = []
        var contested: Set<WorkflowNumber> = []
        var position: (transaction: UInt64, number: Int64)?
        var inProgress: [UInt64] = []
        var next: UInt64 = .max
        var late = 0
    }

    private func fenced(_ session: Session, _ request: Request) throws(StoreError) -> Rows {
        // As in a batch, first and last: who is frozen in a claim would hold what is ready, and nobody would see it.
        let fence = Request(statements.fence, [.int8(me), .int4(store.slots.claims)])
        let results = try session.pipeline([Request(.begin), fence, Request(.byIndex), request, fence, Request(.commit)])
        guard results.count == 6, results[5].tag == "COMMIT" else {
            throw StoreError(.transient, "the claim was rolled back instead of committed")
        }
        store.registry.acknowledge(me, results[4].int(0, 0))
        return results[3]
    }

    private func run<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await connection.run { session throws(StoreError) in
            try session.ready(for: self.me, self.store.registry)
            return try body(session)
        }
    }

    private func keep(_ state: ClaimPositions) {
        positions.withLock { if $0.epoch == state.epoch { $0 = state } }
    }
}

extension PostgresStore {
    package func claimer(for executor: ExecutorID) async throws(StoreError) -> any Claimer {
        let claimer = PostgresClaimer(self, executor: executor)
        do throws(StoreError) {
            try await claimer.open()
        } catch {
            await claimer.close()
            throw error
        }
        return claimer
    }
}
