package import Perdure

/// A user's transaction: it has the one writing connection, and the gate before it, until it ends or takes too long.
final class SQLiteTransaction: OpenTransaction {
    /// What it can turn into stands behind each.
    private enum Phase: Sendable {
        /// Nothing runs: `busy`, or `over` when its time is up.
        case idle
        /// A statement runs on the connection's thread: `idle`, `late`, or `over`.
        case busy
        /// Its time is up and the statement that runs was interrupted: `over`, by whoever runs it.
        case late
        /// It commits, which is not interrupted: `over`.
        case committing
        /// Rolled back or committed; the gate is somebody else's. The error is for those who call nevertheless.
        case over(StoreError)
    }

    private let store: SQLiteStore
    private let executor: ExecutorID?
    private let limit: Duration
    private let phase = Lock(Phase.idle)
    /// The first error of a statement.
    private let failure = Lock<StoreError?>(nil)

    private var writer: WriteConnection { store.writer }

    /// The transaction has begun on the store's writing connection, and the gate is held.
    init(_ store: SQLiteStore, for executor: ExecutorID?, limit: Duration) {
        self.store = store
        self.executor = executor
        self.limit = limit
    }

    // MARK: - The user's statements

    func execute(_ sql: SQL) async throws(StoreError) -> Int {
        try await run { connection throws(StoreError) in
            try connection.asUser { () throws(StoreError) in
                let statement = try connection.bound(sql)
                let before = connection.totalChanges
                try statement.run()
                return connection.totalChanges == before ? 0 : connection.changes
            }
        }
    }

    func query(_ sql: SQL) async throws(StoreError) -> SQLRows {
        try await run { connection throws(StoreError) in
            try connection.asUser { () throws(StoreError) in
                let statement = try connection.bound(sql)
                let rows = try statement.all { $0.values() }
                return SQLRows(columns: statement.columns, rows: rows)
            }
        }
    }

    // MARK: - Perdure's own

    func start(_ starts: [(WorkflowRecord, IDPolicies)]) async throws(StoreError) -> [StartResult] {
        let now = store.options.clock()
        return try await run { connection throws(StoreError) in try connection.start(starts, owner: nil, now: now) }
    }

    /// The store's own would wait for the write lock that this transaction holds.
    ///
    /// Small: it is used up or dropped with the transaction.
    func numberBlock() async throws(StoreError) -> NumberBlock? {
        let now = store.options.clock()
        return try await run { connection throws(StoreError) in try connection.numberBlock(of: 64, now: now) }
    }

    func add(_ items: [BatchItem]) async throws(StoreError) {
        try await run { connection throws(StoreError) in try connection.add(items) }
    }

    func deliver(_ items: [InboxItem]) async throws(StoreError) {
        try await run { connection throws(StoreError) in
            for item in items { try connection.deliver(item) }
        }
    }

    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        try await run { connection throws(StoreError) in try connection.send(items) }
    }

    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        try await run { connection throws(StoreError) in try connection.resume(number) }
    }

    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        try await run { connection throws(StoreError) in try connection.succeed(succession) }
    }

    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        try await run { connection throws(StoreError) in try connection.run(ofID: id)?.number }
    }

    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        try await run { [store] connection throws(StoreError) in try connection.status(of: number, now: store.options.clock()) }
    }

    func recorded(_ workflow: WorkflowNumber, _ key: String) async throws(StoreError) -> StepRecord? {
        try await run { connection throws(StoreError) in try connection.step(workflow, key) }
    }

    func commit(_ checkpoint: StepRecord?, hadPending: Bool) async throws(StoreError) -> CommandResult {
        let executor = executor
        let renewal = executor.flatMap { store.leases.renewal(of: $0, now: store.options.clock()) }
        let result: CommandResult = try await use(.committing) { [self] connection throws(StoreError) in
            do throws(StoreError) {
                var recorded: StepRecord?
                if let checkpoint, try !connection.insert(checkpoint) {
                    recorded = try connection.step(checkpoint.workflow, checkpoint.key)
                }
                if let executor { try connection.fence(executor) }
                if let recorded {
                    end(connection, because: .isOver)
                    return .recorded(recorded)
                }
                if let checkpoint {
                    if hadPending { try connection.deletePending(checkpoint.workflow, checkpoint.key) }
                    if let executor { try connection.progressed(checkpoint.workflow, by: executor) }
                }
                if let executor, let renewal { try connection.renew(executor, renewal) }
                try connection.commit()
                end(connection, because: .isOver)
                return .done
            } catch {
                end(connection, because: .isOver)
                throw error
            }
        }
        if let executor, let renewal, case .done = result { store.leases.renewed(executor, renewal) }
        return result
    }

    func rollback() async -> StoreError? {
        try? await writer.perform { [self] connection throws(StoreError) in
            try enter(.busy)
            end(connection, because: .isOver)
        }
        return failure.withLock { $0 }
    }

    // MARK: - Phases

    /// Runs on the connection's thread.
    private func run<Value: Sendable>(
        _ body: @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await use(.busy) { [self] connection throws(StoreError) in
            let result: Result<Value, StoreError>
            do throws(StoreError) {
                result = .success(try body(connection))
            } catch {
                result = .failure(error)
                failure.withLock { $0 = $0 ?? error }
            }
            let late = phase.withLock { phase in
                if case .late = phase { return true }
                // SQLite ends the transaction by itself after some errors, and on ROLLBACK by a constraint or trigger.
                if connection.isInTransaction { phase = .idle }
                return false
            }
            if late {
                end(connection, because: tookTooLong)
                throw tookTooLong
            }
            if !connection.isInTransaction { end(connection, because: .wasRolledBack) }
            return try result.get()
        }
    }

    /// On the connection's thread, unless the transaction is over.
    private func use<Value: Sendable>(
        _ new: Phase, _ body: @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        do throws(StoreError) {
            return try await writer.perform { [self] connection throws(StoreError) in
                try enter(new)
                return try body(connection)
            }
        } catch {
            // Whoever waited for the write lock may have been the reaper: that a transaction took too long is then the lesser news.
            if error.code == .misconfigured, let executor {
                try await store.reader.read { connection throws(StoreError) in try connection.fence(executor) }
            }
            throw error
        }
    }

    private func enter(_ new: Phase) throws(StoreError) {
        try phase.withLock { phase throws(StoreError) in
            if case .over(let error) = phase { throw error }
            phase = new
        }
    }

    /// Rolls back what is not committed, and lets the next writer in.
    ///
    /// By whoever has the connection: its thread, or the watchdog.
    private func end(_ connection: Connection, because error: StoreError) {
        phase.withLock { $0 = .over(error) }
        store.watchdog.forget(self)
        connection.rollback()
        writer.gate.release()
    }

    /// Called by the watchdog when its time is up, and again until it is over.
    func expire() {
        let isMine = phase.withLock { phase in
            switch phase {
            case .idle:
                phase = .over(tookTooLong)
                return true
            case .busy, .late:
                phase = .late
                // Under the lock: whoever runs the statement cannot let go of the connection meanwhile.
                writer.connection.interrupt()
                return false
            case .committing, .over:
                return false
            }
        }
        if isMine { end(writer.connection, because: tookTooLong) }
    }

    private var tookTooLong: StoreError {
        StoreError(
            .misconfigured,
            "the transaction took longer than \(limit.readable) and was rolled back: it holds the only write lock of the SQLite file. Do what takes time "
                + "in a step before it, do not wait in it for anything else that Perdure writes, or raise `transactionLimit` (and the lease: a "
                + "transaction may take a third of it")
    }
}

extension StoreError {
    fileprivate static let isOver = StoreError(.rejected, "the transaction is over")
    fileprivate static let wasRolledBack = StoreError(
        .rejected, "the transaction is over: a statement of it failed in a way that rolled all of it back")
}

extension Connection {
    /// The user's statement with its values.
    fileprivate func bound(_ sql: SQL) throws(StoreError) -> Statement {
        let statement = try userStatement(sql.text { "?\($0)" })
        try statement.bind(sql.values)
        return statement
    }
}

extension SQLiteStore {
    package func begin(_ isolation: IsolationLevel, for executor: ExecutorID?) async throws(StoreError) -> any OpenTransaction {
        // SQLite has one level, the highest.
        try await writer.begin()
        let limit = leases.limit(options.transactionLimit)
        let transaction = SQLiteTransaction(self, for: executor, limit: limit)
        watchdog.watch(transaction, limit: limit)
        return transaction
    }
}
