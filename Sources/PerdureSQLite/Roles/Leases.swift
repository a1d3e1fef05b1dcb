package import Perdure

extension Query {
    fileprivate static let fence = Query("SELECT 1 FROM perdure_fences WHERE executor = ?1")
    fileprivate static let insertExecutor = Query(
        """
        INSERT INTO perdure_executors (executor, label, lease_until, renewed, alive_since, started) VALUES (?1, ?2, ?3, ?4, ?4, ?4)
        """)
    fileprivate static let insertFence = Query("INSERT INTO perdure_fences (executor, slot) VALUES (?1, 0)")
    fileprivate static let renew = Query(
        """
        UPDATE perdure_executors SET lease_until = ?3, renewed = ?2,
            alive_since = CASE WHEN lease_until < ?2 OR renewed < ?2 - (?3 - ?2) / 2 THEN ?2 ELSE min(alive_since, ?2) END
        WHERE executor = ?1
        """)
    /// When the next lease of the others ends (at once if there is something left to return), but not before this one may reap.
    fileprivate static let nextLook = Query(
        """
        SELECT max(CASE WHEN EXISTS (SELECT 1 FROM perdure_reaped) THEN ?2
                ELSE (SELECT min(CASE WHEN renewed > ?2 + 1000000 THEN ?2 ELSE lease_until END) FROM perdure_executors WHERE executor <> ?1) END,
            (SELECT alive_since + lease_until - renewed FROM perdure_executors WHERE executor = ?1))
        """)
    /// Whoever was heard in the future was heard now: the clock was set back.
    fileprivate static let rewind = Query(
        "UPDATE perdure_executors SET renewed = ?1, lease_until = ?1 + (lease_until - renewed) WHERE renewed > ?1 + 1000000")
    fileprivate static let deleteExecutor = Query("DELETE FROM perdure_executors WHERE executor = ?1")
    fileprivate static let insertServed = Query("INSERT INTO perdure_served (executor, name, version) VALUES (?1, ?2, ?3)")
    fileprivate static let insertServedQueue = Query("INSERT INTO perdure_served_queues (executor, queue) VALUES (?1, ?2)")
    fileprivate static let deleteServedQueues = Query("DELETE FROM perdure_served_queues WHERE executor = ?1")
    fileprivate static let deleteDeclared = Query("DELETE FROM perdure_declared_schedules WHERE executor = ?1")
    fileprivate static let deleteServed = Query("DELETE FROM perdure_served WHERE executor = ?1")
    fileprivate static let deleteDuties = Query("DELETE FROM perdure_leaders WHERE executor = ?1")
    fileprivate static let deleteFences = Query("DELETE FROM perdure_fences WHERE executor = ?1")
    fileprivate static let expired = Query("SELECT executor FROM perdure_executors WHERE lease_until < ?1")
    fileprivate static let mayReap = Query(
        "SELECT 1 FROM perdure_executors WHERE executor = ?1 AND lease_until >= ?2 AND alive_since <= ?2 - (lease_until - renewed)")
    fileprivate static let insertReaped = Query(
        """
        INSERT INTO perdure_reaped (executor, label, heard)
        SELECT e.executor, e.label, CASE WHEN EXISTS (SELECT 1 FROM perdure_live AS l WHERE l.state = 1 AND l.executor = e.executor
            AND l.crashes >= ?2 AND l.probation >= e.renewed) THEN e.renewed END
        FROM perdure_executors AS e WHERE e.executor = ?1 ON CONFLICT DO NOTHING
        """)
    fileprivate static let reaped = Query("SELECT executor, label, heard FROM perdure_reaped ORDER BY executor")
    fileprivate static let deleteReaped = Query("DELETE FROM perdure_reaped WHERE executor = ?1")
    fileprivate static let anythingToReap = Query(
        "SELECT EXISTS (SELECT 1 FROM perdure_reaped) OR EXISTS (SELECT 1 FROM perdure_executors WHERE lease_until < ?1 OR renewed > ?1 + 1000000)"
    )
    fileprivate static let ownedRows = Query(
        """
        SELECT number, lane, crashes, probation, due FROM perdure_live WHERE state = 1 AND executor = ?1 ORDER BY number LIMIT ?2
        """)
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

    func renew(_ executor: ExecutorID, _ renewal: LeaseTable.Renewal) throws(StoreError) {
        let statement = try prepared(.renew)
        statement.bind(1, executor)
        statement.bind(2, renewal.at)
        statement.bind(3, renewal.until)
        try statement.run()
    }

    /// How long it is until there may be something to reap.
    fileprivate func nextLook(_ executor: ExecutorID, now: Microseconds) throws(StoreError) -> Duration? {
        let statement = try prepared(.nextLook)
        statement.bind(1, executor)
        statement.bind(2, now)
        return try statement.first { $0.optionalInt(0).map { .microseconds(max(0, $0 - now)) } } ?? nil
    }

    /// Whether the reaper has itself been alive for a whole lease.
    fileprivate func mayReap(_ executor: ExecutorID?, now: Microseconds) throws(StoreError) -> Bool {
        guard let executor else { return true }
        let statement = try prepared(.mayReap)
        statement.bind(1, executor)
        statement.bind(2, now)
        return try statement.first { _ in true } ?? false
    }

    fileprivate func run(_ query: Query, _ executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(query)
        statement.bind(1, executor)
        try statement.run()
    }

    fileprivate func disown(_ executor: ExecutorID) throws(StoreError) {
        try run(.deleteExecutor, executor)
        try run(.deleteFences, executor)
        try run(.deleteServed, executor)
        try run(.deleteServedQueues, executor)
        try run(.deleteDeclared, executor)
        try run(.deleteDuties, executor)
    }

    fileprivate func rows(ownedBy executor: ExecutorID, limit: Int) throws(StoreError) -> [OwnedRow] {
        let statement = try prepared(.ownedRows)
        statement.bind(1, executor)
        statement.bind(2, Int64(limit))
        return try statement.all { OwnedRow($0) }
    }

    fileprivate func reap(_ rules: ReapRules, now: Microseconds) throws(StoreError) -> ReapReport {
        var report = ReapReport()
        let rewind = try prepared(.rewind)
        rewind.bind(1, now)
        try rewind.run()
        if try mayReap(rules.reaper, now: now) {
            let expired = try prepared(.expired)
            expired.bind(1, now)
            report.executors = try expired.all { $0.int(0) }
        }
        for executor in report.executors {
            let statement = try prepared(.insertReaped)
            statement.bind(1, executor)
            statement.bind(2, Int64(CrashRules.suspicion))
            try statement.run()
            try disown(executor)
        }
        for dead in try prepared(.reaped).all({ (executor: $0.int(0), label: $0.text(1), heard: $0.optionalInt(2)) }) {
            let left = rules.limit - report.returned
            let rows = try rows(ownedBy: dead.executor, limit: left)
            for row in rows {
                let fate = OwnedRow.Fate.crashed(row, heard: dead.heard, rules.crashes, now: now)
                try giveBack(row, fate)
                guard fate.state == .setAside else { continue }
                let reason = rules.crashes.reason(lastExecutor: dead.label)
                try insertAside(row.number, reason: reason, at: now)
                report.setAside[row.number] = reason
            }
            report.returned += rows.count
            if rows.count == left {
                report.more = true
                break
            }
            try run(.deleteReaped, dead.executor)
            // Only now: until the last of its workflows is nobody's, each of them counts.
            try freeSlots(allOf: dead.executor)
        }
        return report
    }
}

extension SQLiteStore {
    package func register(_ executor: ExecutorID, _ description: ExecutorDescription) async throws(StoreError) {
        let now = options.clock()
        try await writer.write { connection throws(StoreError) in
            let statement = try connection.prepared(.insertExecutor)
            statement.bind(1, executor)
            try statement.bind(2, description.label)
            statement.bind(3, now.addingSaturating(description.terms.lease.microseconds))
            statement.bind(4, now)
            try statement.run()
            try connection.run(.insertFence, executor)
            for pair in description.repertoire.pairs {
                let served = try connection.prepared(.insertServed)
                served.bind(1, executor)
                try served.bind(2, pair.workflow)
                try served.bind(3, pair.version)
                try served.run()
            }
            for queue in description.repertoire.queues where !queue.isEmpty {
                let served = try connection.prepared(.insertServedQueue)
                served.bind(1, executor)
                try served.bind(2, queue)
                try served.run()
            }
        }
        leases.set(executor, lease: description.terms.lease, at: now)
    }

    package func renew(_ executor: ExecutorID, _ terms: LeaseTerms) async throws(StoreError) -> Duration? {
        let (now, look) = try await writer.write { [options] connection throws(StoreError) -> (Microseconds, Duration?) in
            try connection.fence(executor)
            // Only now: the wait for the lock does not count.
            let now = options.clock()
            try connection.renew(executor, LeaseTable.Renewal(at: now, until: now.addingSaturating(terms.lease.microseconds)))
            return (now, try connection.nextLook(executor, now: now))
        }
        leases.set(executor, lease: terms.lease, at: now)
        return look
    }

    package func reap(_ rules: ReapRules) async throws(StoreError) -> ReapReport {
        let now = options.clock()
        let due = try await reader.read { connection throws(StoreError) in
            let statement = try connection.prepared(.anythingToReap)
            statement.bind(1, now)
            return try statement.first { $0.int(0) != 0 } ?? false
        }
        guard due else { return ReapReport() }
        let report = try await writer.write { connection throws(StoreError) in try connection.reap(rules, now: now) }
        for executor in report.executors { leases.forget(executor) }
        return report
    }

    package func retire(_ executor: ExecutorID) async throws(StoreError) {
        leases.forget(executor)
        try await writer.write { [options] connection throws(StoreError) in
            try connection.disown(executor)
            for row in try connection.rows(ownedBy: executor, limit: .max) {
                try connection.giveBack(row, .ready(row, at: options.clock()))
            }
            try connection.freeSlots(allOf: executor)
        }
    }
}

extension Int64 {
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
