internal import Perdure

/// One look at what is ready: from the asks to the parameters of its statement, and from the rows to the answers.
struct ReadyLook {
    private let request: ClaimRequest
    private let ledger: ClaimLedger
    private let before: ClaimPositions
    /// Which ask a lane belongs to.
    private var askOfLane: [Int64: Int] = [:]

    init(_ request: ClaimRequest, _ ledger: ClaimLedger, _ state: ClaimPositions) {
        (self.request, self.ledger, before) = (request, ledger, state)
        for (index, ask) in request.asks.enumerated() {
            for lane in ask.lanes { askOfLane[lane] = index }
        }
    }

    /// The statement, and its parameters as it numbers them.
    func request(_ statements: ReadyStatements, _ executor: ExecutorID) throws(StoreError) -> Request {
        let columns = ReadyColumns()
        var isSimple = true
        for (index, ask) in request.asks.enumerated() where ledger.limit(of: index) > 0 {
            isSimple = isSimple && ask.lanes.count == 1
            for lane in ask.lanes {
                let state = before.lanes[lane] ?? ClaimPositions.LaneState()
                isSimple = isSimple && state.cursor.late.isEmpty && state.contested.isEmpty
                try columns.append(
                    lane, index, state, limit: ledger.limit(of: index), queue: request.revisions[ask.queue] == nil ? "" : ask.queue,
                    revision: request.revisions[ask.queue] ?? 0)
            }
        }
        let parameters = columns.parameters(executor, now: request.now)
        return isSimple ? Request(statements.claim, parameters) : Request(statements.claimLeftovers, parameters + columns.leftovers)
    }

    /// What was seen, by lane.
    private struct Sight {
        /// With the transaction in which it became ready.
        var claimed: [Int64: [(transaction: UInt64, claimed: Claimed)]] = [:]
        var contested: [Int64: Set<WorkflowNumber>] = [:]
        /// Contested before and still: they took nobody's place.
        var held: [Int64: Set<WorkflowNumber>] = [:]
        var positions: [Int64: (transaction: UInt64, number: Int64)] = [:]
        var inProgress: [UInt64] = []
        var next: UInt64 = .max
        var stale: Set<Int64> = []
        var paused: Set<Int64> = []
        var closed: Set<Int64> = []
    }

    private func sight(_ rows: Rows) -> Sight {
        var sight = Sight()
        for row in 0..<rows.count {
            let lane = rows.isNull(row, 2) ? 0 : rows.int(row, 2)
            switch ClaimStatements.Row(rawValue: rows.int(row, 0)) {
            case .got:
                let one = Claimed(
                    number: rows.int(row, 1), crashes: Int(rows.int(row, 3)), due: rows.optionalInt(row, 4), isFresh: lane & 1 == 0,
                    isExpired: rows.bool(row, 6) && lane & 1 == 0, record: rows.isNull(row, 7) ? nil : rows.workflow(row, 7))
                sight.claimed[lane, default: []].append((rows.uint(row, 5), one))
                pass(lane, (rows.uint(row, 5), rows.int(row, 1)), &sight)
            case .contested:
                sight.contested[lane, default: []].insert(rows.int(row, 1))
                pass(lane, (rows.uint(row, 5), rows.int(row, 1)), &sight)
            case .held: sight.held[lane, default: []].insert(rows.int(row, 1))
            case .inProgress: sight.inProgress.append(rows.uint(row, 5))
            case .next: sight.next = rows.uint(row, 5)
            case .stale: sight.stale.insert(lane)
            case .paused: sight.paused.insert(lane)
            case .closed: sight.closed.insert(lane)
            case .position, .late, nil: break
            }
        }
        return sight
    }

    /// The last in order of each lane, if it is behind the position.
    private func pass(_ lane: Int64, _ reached: (UInt64, Int64), _ sight: inout Sight) {
        let cursor = before.lanes[lane]?.cursor ?? TransactionCursor()
        guard reached > sight.positions[lane] ?? (cursor.transaction, cursor.number) else { return }
        sight.positions[lane] = reached
    }

    /// Enters what became of each ask, and moves the positions of the lanes; the queues that have changed meanwhile.
    func enter(_ rows: Rows, into ledger: inout ClaimLedger, _ state: inout ClaimPositions) -> Set<String> {
        let sight = sight(rows)
        for (index, ask) in request.asks.enumerated() {
            let limit = ledger.limit(of: index)
            if ask.lanes.contains(where: sight.closed.contains) {
                ledger.postpone(index)
                continue
            }
            if limit == 0 || ask.lanes.contains(where: { sight.stale.contains($0) || sight.paused.contains($0) }) {
                ledger.serve(index, [], hasMore: true)
                continue
            }
            let claimed = ask.lanes.flatMap { sight.claimed[$0] ?? [] }
                .sorted { ($0.transaction, $0.claimed.number) < ($1.transaction, $1.claimed.number) }.map(\.claimed)
            let isFull = ask.lanes.reduce(claimed.count) { $0 + (sight.contested[$1]?.count ?? 0) } >= limit
            for lane in ask.lanes { move(lane, sight, isFull: isFull, &state) }
            // What only others have, or hold for a moment, is looked at again when somebody says so.
            let moves = !claimed.isEmpty || ask.lanes.contains { sight.positions[$0] != nil }
            ledger.serve(index, claimed, hasMore: isFull && moves)
        }
        return Set(sight.stale.compactMap { askOfLane[$0].map { request.asks[$0].queue } })
    }

    private func move(_ lane: Int64, _ sight: Sight, isFull: Bool, _ state: inout ClaimPositions) {
        var lanes = state.lanes[lane] ?? ClaimPositions.LaneState()
        lanes.cursor.advance(to: sight.positions[lane], inProgress: sight.inProgress, next: sight.next, keepLate: isFull)
        // What did not fit is looked at again.
        let left = isFull ? lanes.contested.subtracting(sight.claimed[lane, default: []].map(\.claimed.number)) : []
        lanes.contested = left.union(sight.contested[lane] ?? []).union(sight.held[lane] ?? [])
        state.lanes[lane] = lanes
        if lanes.contested.isEmpty && !isFull { state.leftovers.remove(lane) } else { state.leftovers.insert(lane) }
    }
}

/// The arrays of a claim.
private final class ReadyColumns {
    private let lanes = [Column(PostgresType.int8), Column(PostgresType.int4), Column(PostgresType.xid8), Column(PostgresType.int8)]
    private let laneLimit = Column(PostgresType.int8)
    private let late = [Column(PostgresType.int8), Column(PostgresType.int4), Column(PostgresType.xid8), Column(PostgresType.int8)]
    private let contested = [
        Column(PostgresType.int8), Column(PostgresType.int4), Column(PostgresType.int8), Column(PostgresType.int8),
        Column(PostgresType.xid8),
        Column(PostgresType.int8),
    ]
    private let queue = Column(PostgresType.text)
    private let revision = Column(PostgresType.int8)

    func append(
        _ lane: Int64, _ ask: Int, _ state: ClaimPositions.LaneState, limit: Int, queue name: String, revision number: Int64
    ) throws(StoreError) {
        lanes[0].append(lane)
        lanes[1].append(Int32(ask))
        lanes[2].append(state.cursor.transaction)
        lanes[3].append(state.cursor.number)
        laneLimit.append(Int64(limit))
        try queue.append(name)
        revision.append(number)
        for transaction in state.cursor.late {
            late[0].append(lane)
            late[1].append(Int32(ask))
            late[2].append(transaction)
            late[3].append(Int64(limit))
        }
        for workflow in state.contested {
            contested[0].append(lane)
            contested[1].append(Int32(ask))
            contested[2].append(workflow)
            contested[3].append(Int64(limit))
            contested[4].append(state.cursor.transaction)
            contested[5].append(state.cursor.number)
        }
    }

    func parameters(_ executor: ExecutorID, now: Microseconds) -> [ParameterBuffer?] {
        (lanes + [laneLimit]).map(\.sealed) + [.int8(executor), .int8(now), queue.sealed, revision.sealed]
    }

    var leftovers: [ParameterBuffer?] { (late + contested).map(\.sealed) }
}
