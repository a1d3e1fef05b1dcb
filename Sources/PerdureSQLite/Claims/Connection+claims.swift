internal import Perdure

extension Query {
    /// From lane to lane through the index, whatever number of rows they hold.
    fileprivate static let nextReadyLane = Query(
        "SELECT lane FROM perdure_live WHERE state = 0 AND lane > ?1 ORDER BY lane LIMIT 1")
    fileprivate static let own = Query(
        "UPDATE perdure_live SET state = 1, executor = ?2, due = NULL, expires = NULL WHERE number = ?1 AND state <> 1 RETURNING crashes")
    /// -1: it does not count as begun.
    fileprivate static let ownUnrun = Query(
        "UPDATE perdure_live SET state = 1, executor = ?2, due = NULL, probation = -1 WHERE number = ?1 AND state <> 1 RETURNING crashes")
    fileprivate static let postpone = Query("UPDATE perdure_live SET state = 2 WHERE number = ?1 AND state = 0")
    /// Only what has not begun has a moment at which it expires.
    fileprivate static let expired = Query(
        "SELECT number FROM perdure_live WHERE expires <= ?1 AND state IN (0, 2) ORDER BY expires, number LIMIT ?2")
    fileprivate static let standing = Query("SELECT revision, paused FROM perdure_queues WHERE name = ?1")
}

// How what is ready is claimed.
extension Connection {
    /// The lanes of the repertoire with something in them.
    func readyLanes(_ repertoire: Repertoire) throws(StoreError) -> [ReadyLane] {
        var found: [ReadyLane] = []
        let statement = try prepared(.nextReadyLane)
        var last = Int64.min
        while true {
            statement.bind(1, last)
            guard let number = try statement.first({ $0.int(0) }) else { break }
            last = number
            guard let lane = try lane(number), repertoire.contains(lane.lane) else { continue }
            found.append(ReadyLane(number: number, lane: lane.lane, isReturned: lane.returned))
        }
        return found
    }

    func claim(_ request: ClaimRequest, for executor: ExecutorID, now: Microseconds) throws(StoreError) -> ClaimReport {
        var standings: [String: QueueStanding] = [:]
        for name in request.revisions.keys { standings[name] = try standing(of: name) }
        var ledger = ClaimLedger(request, queues: standings)
        var taken: [Slot] = []
        for wish in ledger.slotWishes { taken += try take(wish, for: executor) }
        var windows: [LimitID: RateWindow] = [:]
        for wish in ledger.rateWishes { windows[wish.limit] = try rateWindow(of: wish.limit) }
        ledger.fund(slots: taken, windows: windows, now: now)
        for index in ledger.served {
            let count = ledger.limit(of: index)
            var rows = try ReadyRows(request.asks[index].lanes, count: count, on: self)
            var claimed: [Claimed] = []
            while claimed.count < count, let row = try rows.next() {
                if let one = try begin(row, for: executor, now: request.now) { claimed.append(one) }
            }
            ledger.serve(index, claimed, hasMore: !rows.isEmpty)
        }
        let settlement = ledger.settled()
        for (limit, window) in settlement.windows { try write(window, of: limit) }
        for (slot, number) in settlement.given { try give(slot, to: number) }
        for slot in settlement.unused { try free(slot, of: executor) }
        return settlement.report
    }

    /// What is not to begin yet waits for its moment, and is nobody's.
    private func begin(_ row: ReadyRow, for executor: ExecutorID, now: Microseconds) throws(StoreError) -> Claimed? {
        let isFresh = try lane(row.lane)?.returned == false
        if let due = row.due, due > now {
            let statement = try prepared(.postpone)
            statement.bind(1, row.number)
            try statement.run()
            return Claimed(number: row.number, crashes: row.crashes, due: due, isFresh: isFresh)
        }
        let isExpired = isFresh && row.expires.map { $0 <= now } ?? false
        return try own(row.number, isFresh: isFresh, isExpired: isExpired, endsUnrun: isExpired, for: executor).first
    }

    /// Whatever state it is in; nothing if it is somebody's.
    ///
    /// - Parameter endsUnrun: If it has not begun it is as fresh as before, should its executor not come to end it.
    func own(
        _ number: WorkflowNumber, isFresh: Bool, isExpired: Bool = false, endsUnrun: Bool = false, for executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        let statement = try prepared(endsUnrun && isFresh ? .ownUnrun : .own)
        statement.bind(1, number)
        statement.bind(2, executor)
        guard let crashes = try statement.first({ Int($0.int(0)) }) else { return [] }
        if crashes > 0 { crashed.insert(number) }
        return [Claimed(number: number, crashes: crashes, isFresh: isFresh, isExpired: isExpired)]
    }

    func expired(now: Microseconds, limit: Int) throws(StoreError) -> [WorkflowNumber] {
        let statement = try prepared(.expired)
        statement.bind(1, now)
        statement.bind(2, Int64(limit))
        return try statement.all { $0.int(0) }
    }

    /// nil if there is no such queue.
    func standing(of queue: String) throws(StoreError) -> QueueStanding? {
        let statement = try prepared(.standing)
        try statement.bind(1, queue)
        return try statement.first { QueueStanding(revision: $0.int(0), isPaused: $0.int(1) != 0) }
    }
}
