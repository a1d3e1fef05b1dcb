internal import Perdure

/// A row of `live` that is nobody's, and that there is a reason to claim.
struct ClaimableRow {
    var number: WorkflowNumber
    var lane: Int64
    var state: LiveState
    /// Terminated, or cancelled before it has begun: whoever finds it ends it.
    var endsUnrun = false
    /// Cancelled: with that no pause is waited out.
    var isCancelled = false
}

extension Query {
    fileprivate static let due = Query(
        "SELECT number, lane FROM perdure_live WHERE state = 2 AND due <= ?1 ORDER BY due, number LIMIT ?2")
    fileprivate static let passOn = Query("UPDATE perdure_live SET state = 0, due = NULL, turn = ?2 WHERE number = ?1")
    fileprivate static let claimable = Query(
        """
        SELECT l.number, l.lane, l.state, EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = ?1
            AND (i.kind = 2 OR i.kind = 1 AND l.state IN (0, 2, 5) AND n.returned = 0)),
            EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = ?1 AND i.kind = 1)
        FROM perdure_live AS l LEFT JOIN perdure_lanes AS n ON n.lane = l.lane WHERE l.number = ?1 AND l.state IN (0, 2, 3, 4, 5)
        """)
    fileprivate static let suspects = Query(
        "SELECT number, lane, crashes, due FROM perdure_live WHERE state = 4 ORDER BY due, number")
    fileprivate static let acquit = Query(
        "UPDATE perdure_live SET probation = NULL WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let passOnSuspect = Query(
        "UPDATE perdure_live SET state = 0, due = NULL, probation = ?2, turn = ?3 WHERE number = ?1 AND state = 4 RETURNING crashes")
    fileprivate static let claimSuspect = Query(
        "UPDATE perdure_live SET state = 1, executor = ?2, due = NULL, probation = ?3 WHERE number = ?1 AND state = 4 RETURNING crashes")
}

// How what waits for a moment or a message is claimed, and what is suspected.
extension Connection {
    func due(now: Microseconds, limit: Int) throws(StoreError) -> [ClaimableRow] {
        let statement = try prepared(.due)
        statement.bind(1, now)
        statement.bind(2, Int64(limit))
        return try statement.all { ClaimableRow(number: $0.int(0), lane: $0.int(1), state: .waiting) }
    }

    /// nil if what has arrived for it is no reason to claim it.
    func claimable(_ number: WorkflowNumber, _ repertoire: Repertoire) throws(StoreError) -> ClaimableRow? {
        let statement = try prepared(.claimable)
        statement.bind(1, number)
        let found = try statement.first { row in
            ClaimableRow(
                number: row.int(0), lane: row.int(1), state: LiveState(rawValue: Int16(clamping: row.int(2))) ?? .waiting,
                endsUnrun: row.int(3) != 0, isCancelled: row.int(4) != 0)
        }
        guard let found else { return nil }
        if found.endsUnrun || found.state == .waiting || found.state == .paused && found.isCancelled { return found }
        guard found.state == .ready, found.isCancelled, let lane = try lane(found.lane)?.lane else { return nil }
        return repertoire.runsCancelled(lane) ? found : nil
    }

    /// What nobody here can run, and what has to take its turn in a queue, becomes ready: behind those that are.
    func wake(_ row: ClaimableRow, _ repertoire: Repertoire, for executor: ExecutorID) throws(StoreError) -> [Claimed] {
        let stored = try lane(row.lane)
        let isFresh = stored?.returned == false && (row.state == .ready || row.state == .waiting || row.state == .paused)
        if row.endsUnrun { return try own(row.number, isFresh: isFresh, endsUnrun: true, for: executor) }
        if row.isCancelled, let lane = stored?.lane, repertoire.runsCancelled(lane) {
            return try own(row.number, isFresh: isFresh, for: executor)
        }
        let isAtOnce = stored.map { stored in
            stored.returned ? repertoire.wakes(stored.lane) : stored.lane.queue.isEmpty && repertoire.contains(stored.lane)
        }
        if isAtOnce == true { return try own(row.number, isFresh: isFresh, for: executor) }
        let statement = try prepared(.passOn)
        statement.bind(1, row.number)
        statement.bind(2, try nextTurn())
        try statement.run()
        return [Claimed(number: row.number, isServed: false)]
    }

    /// Suspects that can be run here, the one that is due first before the others; there are never many.
    ///
    /// Of queues that are limited they are not `isServed` at once.
    func suspects(of repertoire: Repertoire) throws(StoreError) -> [Claimed] {
        let statement = try prepared(.suspects)
        let rows = try statement.all { (number: $0.int(0), lane: $0.int(1), crashes: Int($0.int(2)), due: $0.optionalInt(3)) }
        var suspects: [Claimed] = []
        for row in rows {
            guard let lane = try lane(row.lane), repertoire.contains(lane.lane) else { continue }
            suspects.append(
                Claimed(number: row.number, crashes: row.crashes, due: row.due, isServed: repertoire.wakes(lane.lane)))
        }
        return suspects
    }

    func acquit(_ number: WorkflowNumber, by executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.acquit)
        statement.bind(1, number)
        statement.bind(2, executor)
        try statement.run()
    }

    func claim(suspect number: WorkflowNumber, until end: Microseconds, for executor: ExecutorID) throws(StoreError) -> [Claimed] {
        let statement = try prepared(.claimSuspect)
        statement.bind(1, number)
        statement.bind(2, executor)
        statement.bind(3, end)
        guard let crashes = try statement.first({ Int($0.int(0)) }) else { return [] }
        crashed.insert(number)
        return [Claimed(number: number, crashes: crashes)]
    }

    /// It takes its turn, and is on probation from its claim on.
    func passOn(suspect number: WorkflowNumber) throws(StoreError) -> [Claimed] {
        let statement = try prepared(.passOnSuspect)
        statement.bind(1, number)
        statement.bind(2, Int64.max)
        statement.bind(3, try nextTurn())
        guard let crashes = try statement.first({ Int($0.int(0)) }) else { return [] }
        return [Claimed(number: number, crashes: crashes, isServed: false)]
    }
}
