internal import Perdure

extension Query {
    /// From lane to lane through the index, whatever number of rows they hold.
    fileprivate static let nextReadyLane = Query(
        "SELECT lane FROM perdure_live WHERE state = 0 AND lane > ?1 ORDER BY lane LIMIT 1")
    fileprivate static let readyOfLane = Query(
        "SELECT number FROM perdure_live WHERE state = 0 AND lane = ?1 ORDER BY number LIMIT ?2")
    fileprivate static let claim = Query(
        """
        UPDATE perdure_live SET state = 1, executor = ?2 WHERE number = ?1 AND state = 0
        RETURNING crashes, due, (SELECT returned FROM perdure_lanes AS n WHERE n.lane = perdure_live.lane)
        """)
    fileprivate static let firstDue = Query("SELECT min(due) FROM perdure_live WHERE state = 2")
    fileprivate static let dueNumbers = Query(
        "SELECT number FROM perdure_live WHERE state = 2 AND due <= ?1 ORDER BY due, number LIMIT ?2")
    fileprivate static let laneOfWaiting = Query("SELECT lane FROM perdure_live WHERE number = ?1 AND state = 2")
    fileprivate static let wake = Query(
        "UPDATE perdure_live SET state = 1, executor = ?2, due = NULL WHERE number = ?1 RETURNING crashes")
    fileprivate static let passOn = Query("UPDATE perdure_live SET state = 0, lane = ?2, due = NULL WHERE number = ?1 AND state = 2")
    fileprivate static let suspects = Query(
        "SELECT number, lane, crashes, due FROM perdure_live WHERE state = 4 ORDER BY due, number")
    fileprivate static let acquit = Query(
        "UPDATE perdure_live SET probation = NULL WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let claimSuspect = Query(
        "UPDATE perdure_live SET state = 1, executor = ?2, due = NULL, probation = ?3 WHERE number = ?1 AND state = 4 RETURNING crashes")
    /// Whether it waits, or is nobody's and is to end without running.
    fileprivate static let isClaimable = Query(
        """
        SELECT l.state, n.returned, EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = ?1 AND i.kind = 2)
        FROM perdure_live AS l LEFT JOIN perdure_lanes AS n ON n.lane = l.lane
        WHERE l.number = ?1 AND (l.state = 2 OR l.state IN (0, 3, 4) AND EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = ?1
            AND (i.kind = 2 OR i.kind = 1 AND l.state = 0 AND n.returned = 0)))
        """)
    fileprivate static let owned = Query("SELECT number FROM perdure_live WHERE state = 1 AND executor = ?1 ORDER BY number")
    fileprivate static let arrivals = Query("SELECT sequence, workflow FROM perdure_inbox WHERE sequence > ?1 ORDER BY sequence")
}

/// Claims for one executor.
///
/// Looks first, on the reading connection, so that an idle engine never asks for the write lock.
///
/// No positions are needed for what is ready or due: a deleted index entry of SQLite is gone at once, where Postgres keeps it for readers.
final class SQLiteClaimer: Claimer {
    private let store: SQLiteStore
    private let executor: ExecutorID
    /// The inbox up to here has been looked at.
    ///
    /// Writers take turns, so sequences are committed in their order.
    private let position = Lock<Int64>(0)

    init(_ store: SQLiteStore, for executor: ExecutorID) {
        self.store = store
        self.executor = executor
    }

    func claimReady(_ repertoire: Repertoire, limit: Int) async throws(StoreError) -> [Claimed] {
        guard limit > 0, !repertoire.workflows.isEmpty, !repertoire.versions.isEmpty else { return [] }
        let executor = executor
        let lanes = try await store.reader.read { connection throws(StoreError) in try connection.readyLanes(repertoire) }
        guard !lanes.isEmpty else { return [] }
        return try await store.writer.write { connection throws(StoreError) in
            try connection.fence(executor)
            var claimed: [Claimed] = []
            for group in try connection.candidates(of: lanes, limit: limit) {
                for number in group where claimed.count < limit {
                    if let claim = try connection.claim(number, for: executor) { claimed.append(claim) }
                }
            }
            return claimed
        }
    }

    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        guard limit > 0, let first = try await nextDue(), first <= now else { return [] }
        let executor = executor
        return try await store.writer.write { connection throws(StoreError) in
            try connection.fence(executor)
            let due = try connection.prepared(.dueNumbers)
            due.bind(1, now)
            due.bind(2, Int64(limit))
            return try connection.wake(try due.all { $0.int(0) }, for: executor, repertoire)
        }
    }

    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed] {
        guard !numbers.isEmpty else { return [] }
        let executor = executor
        let found = try await store.reader.read { connection throws(StoreError) in
            var found: [WorkflowNumber] = []
            for number in numbers where try connection.claimable(number) != nil { found.append(number) }
            return found
        }
        guard !found.isEmpty else { return [] }
        return try await store.writer.write { connection throws(StoreError) in
            try connection.fence(executor)
            var claimed: [Claimed] = []
            for number in found {
                guard let claimable = try connection.claimable(number) else { continue }
                let repertoire = claimable.endsUnrun ? nil : repertoire
                claimed += try connection.wake([number], for: executor, repertoire, isFresh: claimable.isFresh)
                if claimable.state == .setAside { try connection.clearAside(number) }
            }
            return claimed
        }
    }

    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect? {
        try await store.reader.read { connection throws(StoreError) in
            try connection.suspects(of: repertoire).first.map { Suspect(crashes: $0.crashes, due: $0.due ?? .min) }
        }
    }

    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed] {
        guard limit > 0 else { return [] }
        let (executor, options) = (executor, store.options)
        return try await store.writer.write { connection throws(StoreError) in
            try connection.fence(executor)
            for number in acquitted {
                let statement = try connection.prepared(.acquit)
                statement.bind(1, number)
                statement.bind(2, executor)
                try statement.run()
            }
            let end = options.clock().adding(probation)
            let found = try connection.suspects(of: repertoire).filter { $0.crashes == crashes && ($0.due ?? .min) <= now }
            var claimed: [Claimed] = []
            for suspect in found.prefix(limit) {
                let statement = try connection.prepared(.claimSuspect)
                statement.bind(1, suspect.number)
                statement.bind(2, executor)
                statement.bind(3, end)
                guard let crashes = try statement.first({ Int($0.int(0)) }) else { continue }
                connection.crashed.insert(suspect.number)
                claimed.append(Claimed(number: suspect.number, crashes: crashes))
            }
            return claimed
        }
    }

    func owned() async throws(StoreError) -> [WorkflowNumber] {
        let executor = executor
        return try await store.reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.owned)
            statement.bind(1, executor)
            return try statement.all { $0.int(0) }
        }
    }

    func nextDue() async throws(StoreError) -> Microseconds? {
        let first = try await store.reader.read { connection throws(StoreError) in
            try connection.prepared(.firstDue).first { $0.optionalInt(0) } ?? nil
        }
        return first == .max ? nil : first
    }

    func arrivals() async throws(StoreError) -> [WorkflowNumber] {
        let start = position.withLock { $0 }
        let rows = try await store.reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.arrivals)
            statement.bind(1, start)
            return try statement.all { (sequence: $0.int(0), workflow: $0.int(1)) }
        }
        guard let last = rows.last else { return [] }
        // A reset in the meantime is not undone.
        position.withLock { position in
            if position == start { position = last.sequence }
        }
        var seen: Set<WorkflowNumber> = []
        return rows.map(\.workflow).filter { seen.insert($0).inserted }
    }

    func reset() { position.withLock { $0 = 0 } }

    func close() async {}
}

/// A lane that has work: what is claimed first.
private struct ReadyLane: Sendable {
    var number: Int64
    var rank: Int
}

extension Connection {
    /// The lanes with work that can be served, in the order of their rank: returned work before fresh, then by priority.
    fileprivate func readyLanes(_ repertoire: Repertoire) throws(StoreError) -> [ReadyLane] {
        var found: [ReadyLane] = []
        let statement = try prepared(.nextReadyLane)
        var last = Int64.min
        while true {
            statement.bind(1, last)
            guard let number = try statement.first({ $0.int(0) }) else { break }
            last = number
            guard let lane = try lane(number), repertoire.contains(lane.lane) else { continue }
            found.append(ReadyLane(number: number, rank: Int(lane.lane.priority) + (lane.returned ? -100_000 : 0)))
        }
        return found.sorted { ($0.rank, $0.number) < ($1.rank, $1.number) }
    }

    /// What to claim, oldest first within each rank.
    fileprivate func candidates(of lanes: [ReadyLane], limit: Int) throws(StoreError) -> [[WorkflowNumber]] {
        var groups: [[WorkflowNumber]] = []
        var left = limit
        var index = 0
        while index < lanes.count, left > 0 {
            let group = lanes[index...].prefix { $0.rank == lanes[index].rank }
            index += group.count
            // Of very many lanes a share each, so that the look stays in proportion to what is claimed.
            let share = group.count <= 8 ? left : max(1, min(left, 8 * left / group.count))
            var numbers: [WorkflowNumber] = []
            let statement = try prepared(.readyOfLane)
            for lane in group {
                statement.bind(1, lane.number)
                statement.bind(2, Int64(share))
                numbers += try statement.all { $0.int(0) }
            }
            groups.append(Array(numbers.sorted().prefix(left)))
            left -= groups.last?.count ?? 0
        }
        return groups
    }

    fileprivate func claim(_ number: WorkflowNumber, for executor: ExecutorID) throws(StoreError) -> Claimed? {
        let statement = try prepared(.claim)
        statement.bind(1, number)
        statement.bind(2, executor)
        let claimed = try statement.first {
            Claimed(number: number, crashes: Int($0.int(0)), due: $0.optionalInt(1), isFresh: $0.int(2) == 0)
        }
        if let claimed, claimed.crashes > 0 { crashed.insert(number) }
        return claimed
    }

    /// Suspects that can be run here, the one that is due first before the others; there are never many.
    fileprivate func suspects(of repertoire: Repertoire) throws(StoreError) -> [Claimed] {
        let statement = try prepared(.suspects)
        let rows = try statement.all { (number: $0.int(0), lane: $0.int(1), crashes: Int($0.int(2)), due: $0.optionalInt(3)) }
        var suspects: [Claimed] = []
        for row in rows {
            guard let lane = try lane(row.lane), repertoire.contains(lane.lane) else { continue }
            suspects.append(Claimed(number: row.number, crashes: row.crashes, due: row.due))
        }
        return suspects
    }

    /// In which state it is if what has arrived for it is reason to claim it.
    fileprivate func claimable(_ number: WorkflowNumber) throws(StoreError) -> (state: LiveState, isFresh: Bool, endsUnrun: Bool)? {
        let statement = try prepared(.isClaimable)
        statement.bind(1, number)
        return try statement.first { row in
            let isWaiting = row.int(0) == 2
            return (
                LiveState(rawValue: Int16(clamping: row.int(0))) ?? .waiting, row.int(0) == 0 && row.int(1) == 0,
                !isWaiting || row.int(2) != 0
            )
        }
    }

    /// True if it waits and is not of the repertoire: it is ready now for those who can run it.
    private func passesOn(_ number: WorkflowNumber, _ repertoire: Repertoire) throws(StoreError) -> Bool {
        let laneOf = try prepared(.laneOfWaiting)
        laneOf.bind(1, number)
        guard let laneNumber = try laneOf.first({ $0.int(0) }) else { return false }
        if let lane = try lane(laneNumber), repertoire.contains(lane.lane) { return false }
        let statement = try prepared(.passOn)
        statement.bind(1, number)
        statement.bind(2, try returnLane(of: laneNumber))
        try statement.run()
        return true
    }

    /// Without a repertoire, whatever they are.
    fileprivate func wake(
        _ numbers: [WorkflowNumber], for executor: ExecutorID, _ repertoire: Repertoire?, isFresh: Bool = false
    ) throws(StoreError) -> [Claimed] {
        var claimed: [Claimed] = []
        for number in numbers {
            if let repertoire, try passesOn(number, repertoire) {
                claimed.append(Claimed(number: number, isServed: false))
                continue
            }
            let statement = try prepared(.wake)
            statement.bind(1, number)
            statement.bind(2, executor)
            guard let crashes = try statement.first({ Int($0.int(0)) }) else { continue }
            if crashes > 0 { crashed.insert(number) }
            claimed.append(Claimed(number: number, crashes: crashes, isFresh: isFresh))
        }
        return claimed
    }
}
