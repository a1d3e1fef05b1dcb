internal import Perdure

/// Takes what a dead executor owned and gives it back to all.
///
/// First one small transaction that deletes the lease and the fences: Postgres itself orders it before or after each write of that executor.
/// Only then, in statements with a newer snapshot, the `live` rows in chunks, which any engine can continue.
struct Reaper: Sendable {
    private let s: SchemaName
    /// How long a write that has passed its fence is waited for, before its session is ended; milliseconds.
    private let patience: Int
    private let statements: LeaseStatements
    private let stubborn: StubbornExecutors
    private let log: @Sendable (LogLevel, String) -> Void

    /// How an executor ended.
    private enum Death {
        /// By its own word.
        case retired
        /// Its lease has ended, but its process is there still.
        case lost
        case crash
    }

    init(
        _ schema: SchemaName, _ statements: LeaseStatements, patience: Int, stubborn: StubbornExecutors,
        log: @escaping @Sendable (LogLevel, String) -> Void
    ) {
        self.stubborn = stubborn
        s = schema
        self.statements = statements
        self.patience = patience
        self.log = log
    }

    func reap(_ session: Session, _ rules: ReapRules) throws(StoreError) -> ReapReport {
        var report = ReapReport()
        try session.query(statements.rewind)
        let failure = try unfenceExpired(session, rules, &report)
        try returnReaped(session, rules, &report)
        // What was done is told first; the next look meets the same error, with nothing else to tell.
        if let failure, report == ReapReport() { throw failure }
        return report
    }

    /// Whoever cannot be taken its fences does not hold up the others: the first such error is returned.
    private func unfenceExpired(_ session: Session, _ rules: ReapRules, _ report: inout ReapReport) throws(StoreError) -> StoreError? {
        var failure: StoreError?
        let expired = try session.query(statements.expired, [.int8(rules.reaper)])
        for row in 0..<expired.count {
            let executor = expired.int(row, 0)
            guard !stubborn.isLeftAlone(executor) else { continue }
            do throws(StoreError) {
                if try unfence(session, executor, expired.bool(row, 1) ? .crash : .lost) { report.executors.append(executor) }
            } catch {
                guard session.isConnected else { throw error }
                log(.error, "executor \(executor), which is dead, still holds its fences, and is tried again: \(error.message)")
                stubborn.leaveAlone(executor)
                failure = failure ?? error
            }
        }
        return failure
    }

    private func returnReaped(_ session: Session, _ rules: ReapRules, _ report: inout ReapReport) throws(StoreError) {
        let limit = rules.limit
        let reaped = try session.query(
            Statement("perdure_reaped", "SELECT executor, crashed, label, heard FROM \(s).reaped ORDER BY executor"))
        for row in 0..<reaped.count {
            guard report.returned < limit else {
                report.more = true
                break
            }
            let dead = Dead(
                executor: reaped.int(row, 0), hasCrashed: reaped.bool(row, 1), label: reaped.text(row, 2), heard: reaped.optionalInt(row, 3)
            )
            let chunk = try giveBack(session, dead, rules.crashes, limit: limit - report.returned)
            report.returned += chunk.returned
            report.more = report.more || chunk.isMore
            report.setAside.merge(chunk.setAside) { $1 }
        }
    }

    func retire(_ session: Session, _ executor: ExecutorID) throws(StoreError) {
        _ = try unfence(session, executor, .retired)
        let retired = Dead(executor: executor, hasCrashed: false, label: "", heard: nil)
        while try giveBack(session, retired, CrashRules(), limit: .max).isMore {}
    }

    /// Deletes lease and fences; false if somebody else did, or it was renewed.
    private func unfence(_ session: Session, _ executor: ExecutorID, _ death: Death) throws(StoreError) -> Bool {
        for attempt in 0..<3 {
            do throws(StoreError) {
                return try session.transaction { () throws(StoreError) in
                    try session.simple("SET LOCAL lock_timeout = \(patience)")
                    let lease = try session.query(statements.take, [.int8(executor), .bool(death != .retired)])
                    if lease.count == 0 { return false }
                    try session.query(statements.takeServed, [.int8(executor)])
                    try session.query(statements.takeDuties, [.int8(executor)])
                    try session.query(statements.takeFences, [.int8(executor)])
                    // A newer snapshot than that of the deletion, which may have waited for a commit.
                    try session.query(
                        statements.mark,
                        [.int8(executor), .bool(death == .crash), try .text(lease.text(0, 0)), .int8(lease.int(0, 1))])
                    return true
                }
            } catch {
                guard error.nativeCode == "55P03", attempt < 2 else { throw error }
                try terminateHolders(session, table: "fences", rows: "executor = \(executor)")
                // Another reaper, frozen at this same place; one that waits as this one does is left alone.
                try terminateHolders(session, table: "executors", rows: "executor = \(executor)", ifSilent: true)
            }
        }
        return false
    }

    /// An executor whose fences are gone, as it is noted in `reaped`.
    private struct Dead {
        var executor: ExecutorID
        var hasCrashed: Bool
        var label: String
        /// When it gave its last sign of life, if suspects were on probation then.
        var heard: Microseconds?
    }

    private struct Chunk {
        var returned = 0
        var isMore = false
        var setAside: [WorkflowNumber: String] = [:]
    }

    /// More is left unless all of it is back.
    private func giveBack(_ session: Session, _ dead: Dead, _ rules: CrashRules, limit: Int) throws(StoreError) -> Chunk {
        let chunk = try session.transaction { () throws(StoreError) -> Chunk in
            try session.query(.byIndex)
            var chunk = try returnRows(session, dead, rules, limit: limit)
            chunk.isMore = chunk.returned == limit
            if chunk.isMore { return chunk }
            // Without SKIP LOCKED: another reaper's chunk is not back before it is committed.
            let left = try session.query(
                Statement("perdure_left", "SELECT EXISTS (SELECT FROM \(s).live WHERE state = 1 AND executor = $1::int8)"),
                [.int8(dead.executor)])
            chunk.isMore = left.bool(0, 0)
            if !chunk.isMore { try session.query(whenReturned, [.int8(dead.executor)]) }
            return chunk
        }
        if chunk.isMore, chunk.returned == 0 { try waitForLocked(session, dead.executor) }
        return chunk
    }

    private func returnRows(_ session: Session, _ dead: Dead, _ rules: CrashRules, limit: Int) throws(StoreError) -> Chunk {
        let reason = rules.reason(lastExecutor: dead.label)
        let now = try session.query(Statement("perdure_now", "SELECT \(serverMicroseconds)")).int(0, 0)
        let rows = try session.query(
            statements.giveBack,
            [
                .int8(dead.executor), .int8(Int64(limit)), .bool(dead.hasCrashed), .int8(dead.heard), .int4(Int32(clamping: rules.limit)),
                try .text(reason), .int8(rules.backoff.microseconds), .int8(CrashRules.longestPause.microseconds), .int8(now),
            ])
        var chunk = Chunk(returned: rows.count)
        for row in 0..<rows.count where rows.int16(row, 1) == LiveState.setAside.rawValue { chunk.setAside[rows.int(row, 0)] = reason }
        return chunk
    }

    /// Its slots go last: until then there are rows that say that its workflows run.
    ///
    /// Nobody waits for a reaper that was frozen when it had just done the same: the next one looks again.
    private var whenReturned: Statement {
        Statement(
            "perdure_returned",
            """
            WITH f AS (DELETE FROM \(s).slots WHERE executor = $1::int8)
            DELETE FROM \(s).reaped WHERE executor = ANY(ARRAY(SELECT executor FROM \(s).reaped WHERE executor = $1::int8 FOR UPDATE SKIP LOCKED))
            """)
    }

    /// Rows are left that somebody holds: another reaper for a moment, or a transaction of the dead executor that never came to its fence.
    private func waitForLocked(_ session: Session, _ executor: ExecutorID) throws(StoreError) {
        do throws(StoreError) {
            try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = \(patience)")
                try session.query(
                    Statement(
                        "perdure_wait_for_locked",
                        "SELECT count(*) FROM (SELECT FROM \(s).live WHERE state = 1 AND executor = $1::int8 LIMIT 1 FOR UPDATE) l"),
                    [.int8(executor)])
            }
        } catch {
            guard error.nativeCode == "55P03" else { throw error }
            try terminateHolders(session, table: "live", rows: "state = 1 AND executor = \(executor)")
        }
    }

    /// Ends the sessions that hold locks on these rows.
    ///
    /// A client that was frozen in the middle of a pipeline is seen by no timeout of the server: its session is "active". A row says which
    /// transaction holds it (several at once are a multixact), and that transaction's lock says which process it is. That the process also
    /// holds a lock on the table guards against a multixact's number that happens to be a transaction's.
    private func terminateHolders(_ session: Session, table: String, rows: String, ifSilent: Bool = false) throws(StoreError) {
        let silent = "EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid AND a.wait_event = 'ClientRead')"
        let holders = Statement(
            "perdure_holders", isPrepared: false,
            """
            SELECT DISTINCT l.pid FROM \(s).\(table) r CROSS JOIN LATERAL \(s).lock_holders(r.xmax) AS h(tx)
            JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock' AND l.transactionid = h.tx
            WHERE \(rows) AND l.pid <> pg_backend_pid() AND EXISTS (SELECT FROM pg_locks t WHERE t.pid = l.pid
                AND t.locktype = 'relation' AND t.relation = '\(s.forRegclass(table))'::regclass)\(ifSilent ? " AND " + silent : "")
            """)
        let found = try session.query(holders)
        for row in 0..<found.count {
            let pid = found.int(row, 0)
            log(.warning, "ending the database session \(pid): it holds rows of an executor that is dead or frozen")
            do throws(StoreError) {
                try session.query(
                    Statement("perdure_terminate", isPrepared: false, "SELECT pg_terminate_backend($1::int4)"),
                    [.int4(Int32(truncatingIfNeeded: pid))])
            } catch {
                log(.error, "the database session \(pid) cannot be ended, and holds up the takeover: \(error.message)")
            }
        }
    }
}
