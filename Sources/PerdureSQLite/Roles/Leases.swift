package import Perdure

extension Query {
    fileprivate static let fence = Query("SELECT 1 FROM perdure_fences WHERE executor = ?1")
    fileprivate static let insertExecutor = Query(
        "INSERT INTO perdure_executors (executor, label, lease_until, started) VALUES (?1, ?2, ?3, ?4)")
    fileprivate static let insertFence = Query("INSERT INTO perdure_fences (executor, slot) VALUES (?1, 0)")
    fileprivate static let renew = Query("UPDATE perdure_executors SET lease_until = ?2 WHERE executor = ?1")
    fileprivate static let deleteExecutor = Query("DELETE FROM perdure_executors WHERE executor = ?1")
    fileprivate static let deleteFences = Query("DELETE FROM perdure_fences WHERE executor = ?1")
    fileprivate static let expired = Query("SELECT executor FROM perdure_executors WHERE lease_until < ?1")
    fileprivate static let insertReaped = Query("INSERT INTO perdure_reaped (executor) VALUES (?1) ON CONFLICT DO NOTHING")
    fileprivate static let reaped = Query("SELECT executor FROM perdure_reaped ORDER BY executor")
    fileprivate static let deleteReaped = Query("DELETE FROM perdure_reaped WHERE executor = ?1")
    fileprivate static let anythingToReap = Query(
        "SELECT EXISTS (SELECT 1 FROM perdure_reaped) OR EXISTS (SELECT 1 FROM perdure_executors WHERE lease_until < ?1)")
    fileprivate static let ownedLanes = Query(
        "SELECT number, lane FROM perdure_live WHERE state = 1 AND executor = ?1 ORDER BY number LIMIT ?2")
}

/// When this process has last renewed the leases of its executors: a commit renews one only now and then.
final class LeaseTable: Sendable {
    struct Renewal: Sendable {
        var at: Microseconds
        var until: Microseconds
    }

    private struct Lease {
        var microseconds: Int64
        var renewed: Microseconds
    }

    private let leases = Lock<[ExecutorID: Lease]>([:])

    func set(_ executor: ExecutorID, lease: Duration, at: Microseconds) {
        leases.withLock { $0[executor] = Lease(microseconds: lease.microseconds, renewed: at) }
    }

    /// What a transaction may take at most: it holds up the heartbeats of all of them.
    func limit(_ wanted: Duration) -> Duration {
        let shortest = leases.withLock { $0.values.map(\.microseconds).min() }
        return shortest.map { min(wanted, .microseconds($0 / 3)) } ?? wanted
    }

    func forget(_ executor: ExecutorID) { leases.withLock { $0[executor] = nil } }

    /// What a commit at this moment should renew; nil if a fifth of the lease is not over.
    func renewal(of executor: ExecutorID, now: Microseconds) -> Renewal? {
        leases.withLock { leases in
            guard let lease = leases[executor], now - lease.renewed >= lease.microseconds / 5 || now < lease.renewed else { return nil }
            return Renewal(at: now, until: now.addingSaturating(lease.microseconds))
        }
    }

    func renewed(_ executor: ExecutorID, _ renewal: Renewal) {
        leases.withLock { $0[executor]?.renewed = renewal.at }
    }
}

extension Connection {
    /// Refuses whoever has lost its lease.
    ///
    /// The write lock is held, so that this is before or after the reaper's transaction, never beside it.
    func fence(_ executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.fence)
        statement.bind(1, executor)
        if try statement.first({ _ in true }) == nil {
            throw StoreError(.fenced, "executor \(executor) has lost its lease: others have taken over its workflows")
        }
    }

    func renew(_ executor: ExecutorID, until: Microseconds) throws(StoreError) {
        let statement = try prepared(.renew)
        statement.bind(1, executor)
        statement.bind(2, until)
        try statement.run()
    }

    fileprivate func run(_ query: Query, _ executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(query)
        statement.bind(1, executor)
        try statement.run()
    }

    fileprivate func disown(_ executor: ExecutorID) throws(StoreError) {
        try run(.deleteExecutor, executor)
        try run(.deleteFences, executor)
    }

    /// Returns what an executor owned to ready; how many that were.
    fileprivate func giveBackAll(of executor: ExecutorID, crashed: Bool, limit: Int) throws(StoreError) -> Int {
        let statement = try prepared(.ownedLanes)
        statement.bind(1, executor)
        statement.bind(2, Int64(limit))
        let rows = try statement.all { ($0.int(0), $0.int(1)) }
        for (number, lane) in rows { try giveBack(number, lane: lane, crashed: crashed) }
        return rows.count
    }
}

extension SQLiteStore {
    package func register(_ executor: ExecutorID, label: String, lease: Duration) async throws(StoreError) {
        let now = options.clock()
        try await writer.write { connection throws(StoreError) in
            let statement = try connection.prepared(.insertExecutor)
            statement.bind(1, executor)
            try statement.bind(2, label)
            statement.bind(3, now.addingSaturating(lease.microseconds))
            statement.bind(4, now)
            try statement.run()
            try connection.run(.insertFence, executor)
        }
        leases.set(executor, lease: lease, at: now)
    }

    package func renew(_ executor: ExecutorID, lease: Duration) async throws(StoreError) {
        let now: Microseconds = try await writer.write { [options] connection throws(StoreError) in
            try connection.fence(executor)
            // Only now: the wait for the lock does not count.
            let now = options.clock()
            try connection.renew(executor, until: now.addingSaturating(lease.microseconds))
            return now
        }
        leases.set(executor, lease: lease, at: now)
    }

    package func reap(limit: Int) async throws(StoreError) -> ReapReport {
        let now = options.clock()
        let due = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.anythingToReap)
            statement.bind(1, now)
            return try statement.first { $0.int(0) != 0 } ?? false
        }
        guard due else { return ReapReport() }
        let report = try await writer.write { connection throws(StoreError) in
            let expired = try connection.prepared(.expired)
            expired.bind(1, now)
            var report = ReapReport(executors: try expired.all { $0.int(0) })
            for executor in report.executors {
                try connection.disown(executor)
                try connection.run(.insertReaped, executor)
            }
            for executor in try connection.prepared(.reaped).all({ $0.int(0) }) {
                let left = limit - report.returned
                let returned = try connection.giveBackAll(of: executor, crashed: true, limit: left)
                report.returned += returned
                if returned < left {
                    try connection.run(.deleteReaped, executor)
                } else {
                    report.more = true
                    break
                }
            }
            return report
        }
        for executor in report.executors { leases.forget(executor) }
        return report
    }

    package func retire(_ executor: ExecutorID) async throws(StoreError) {
        leases.forget(executor)
        try await writer.write { connection throws(StoreError) in
            try connection.disown(executor)
            _ = try connection.giveBackAll(of: executor, crashed: false, limit: .max)
        }
    }
}

extension Int64 {
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
