package import Perdure

/// One open transaction on a connection that is lent from a pool.
final class PostgresTransaction: OpenTransaction {
    private struct State {
        var isOver = false
        /// The first error of a statement: what it left cannot be committed, even if the body went on.
        var failure: StoreError?
    }

    private let pool: TransactionPool
    private let lease: TransactionPool.Lease
    private let table: CheckpointTable
    /// nil in a database that holds no workflows.
    private let store: PostgresStore?
    private let me: ExecutorID?
    private let state = Lock(State())

    /// Takes a connection and begins.
    static func begin(
        _ isolation: IsolationLevel, in pool: TransactionPool, table: CheckpointTable, store: PostgresStore? = nil,
        for executor: ExecutorID? = nil, prepare: @Sendable (Session) throws(StoreError) -> Void = { _ throws(StoreError) in }
    ) async throws(StoreError) -> PostgresTransaction {
        let lease = try await pool.take()
        let level =
            switch isolation {
            case .readCommitted: "READ COMMITTED"
            case .repeatableRead: "REPEATABLE READ"
            case .serializable: "SERIALIZABLE"
            }
        do throws(StoreError) {
            try await lease.connection.run { session throws(StoreError) in
                try session.ready()
                // Whoever had it before may have left it in the middle of something.
                session.rollback()
                try session.ready()
                if let executor, let store { try session.ready(for: executor, store.registry) }
                try prepare(session)
                var begin = "BEGIN ISOLATION LEVEL \(level) READ WRITE"
                // Locked for as long as the transaction is open: so it is found, and ended, when its process is frozen in it.
                if let executor, let store {
                    begin += "; SELECT \(store.schema).fence(\(executor), \(store.slots.transaction(lease.index)))"
                }
                do throws(StoreError) {
                    try session.simple(begin)
                } catch {
                    session.rollback()
                    throw error
                }
            }
        } catch {
            pool.putBack(lease)
            throw error
        }
        return PostgresTransaction(pool, lease, table, store, executor)
    }

    private init(
        _ pool: TransactionPool, _ lease: TransactionPool.Lease, _ table: CheckpointTable, _ store: PostgresStore?, _ executor: ExecutorID?
    ) {
        self.pool = pool
        self.lease = lease
        self.table = table
        self.store = store
        me = executor
    }

    func execute(_ sql: SQL) async throws(StoreError) -> Int {
        try await run { session throws(StoreError) in try session.user(sql).touched }
    }

    func query(_ sql: SQL) async throws(StoreError) -> SQLRows {
        try await run { session throws(StoreError) in try session.user(sql).decoded() }
    }

    func start(_ starts: [(WorkflowRecord, IDPolicies)]) async throws(StoreError) -> [StartResult] {
        if starts.isEmpty { return [] }
        try refuseIfOver()
        guard let store else { throw Self.elsewhere }
        let list: [Starter.Start] = starts.map { (record: $0.0, policies: $0.1) }
        // A lane that is made is made for good, in a transaction of its own.
        let lanes = try await store.connection(.reads).runConnected { session throws(StoreError) in
            try store.lanes.numbers(of: Set(list.map(\.record.lane)), session)
        }
        let starter = Starter(statements: store.starting, lanes: lanes, owner: nil)
        return try await run { session throws(StoreError) in try Self.start(session, starter, list) }
    }

    /// Behind a savepoint: a start that the database refuses does not take the user's transaction with it.
    private static func start(
        _ session: Session, _ starter: Starter, _ starts: [Starter.Start]
    ) throws(StoreError) -> [StartResult] {
        try session.simple("SAVEPOINT perdure_start")
        do throws(StoreError) {
            let results = try starter.start(session, starts)
            try session.simple("RELEASE SAVEPOINT perdure_start")
            return results
        } catch {
            guard error.code == .rejected, session.isConnected else { throw error }
            try session.simple("ROLLBACK TO SAVEPOINT perdure_start")
            if starts.count == 1 { return [.rejected(error)] }
            var results: [StartResult] = []
            for start in starts { results += try self.start(session, starter, [start]) }
            return results
        }
    }

    func add(_ items: [BatchItem]) async throws(StoreError) {
        guard let store else { throw Self.elsewhere }
        let statement = QueueStatements(store.schema).add
        if items.isEmpty { return }
        try await run { session throws(StoreError) in _ = try session.query(statement, try ItemColumns(items).parameters) }
    }

    func deliver(_ items: [InboxItem]) async throws(StoreError) {
        try await access { access, session throws(StoreError) in try access.deliver(session, items) }
    }

    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        try await access { access, session throws(StoreError) in try access.send(session, items) }
    }

    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        try await access { access, session throws(StoreError) in try access.resume(session, number) }
    }

    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        try refuseIfOver()
        guard let store else { throw Self.elsewhere }
        let successor = try await store.successor(for: succession.record)
        return try await run { session throws(StoreError) in try successor.succeed(session, succession) }
    }

    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        try await access { access, session throws(StoreError) in try access.number(session, ofID: id) }
    }

    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        try await access { access, session throws(StoreError) in
            AccessStatements.status(try session.continuePipeline(access.status(number))[...])
        }
    }

    private func access<Result: Sendable>(
        _ body: @Sendable (AccessStatements, Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        guard let access = store?.access else { throw Self.elsewhere }
        return try await run { session throws(StoreError) in try body(access, session) }
    }

    func recorded(_ workflow: WorkflowNumber, _ key: String) async throws(StoreError) -> StepRecord? {
        let table = table
        return try await run { session throws(StoreError) in
            let read = try table.reading(workflow, key)
            let rows = try session.query(read.statement, read.parameters)
            return rows.count == 0 ? nil : rows.step(0, 0)
        }
    }

    func commit(_ checkpoint: StepRecord?, hadPending: Bool) async throws(StoreError) -> CommandResult {
        let failure: StoreError? = try state.withLock { state throws(StoreError) in
            if state.isOver { throw Self.over }
            state.isOver = true
            return state.failure
        }
        defer { pool.putBack(lease) }
        let (table, store, me, slot) = (table, store, me, lease.index)
        return try await lease.connection.run { session throws(StoreError) in
            if let failure {
                session.rollback()
                throw failure
            }
            var requests: [Request] = []
            if let checkpoint { requests.append(try Self.insertion(of: checkpoint, into: table, session)) }
            if let checkpoint, hadPending, let forget = table.forgetPending {
                requests.append(Request(forget, [.int8(checkpoint.workflow), try .text(checkpoint.key)]))
            }
            if let checkpoint, let me, let store, store.crashes.of(me).contains(checkpoint.workflow) {
                requests.append(Request(store.journal.forgive, [.int8s([checkpoint.workflow]), .int8(me)]))
            }
            var fence: Request?
            if let me, let store { fence = Request(store.journal.fence, [.int8(me), .int4(store.slots.transaction(slot))]) }
            if let fence { requests.append(fence) }
            requests.append(Request(.commit))
            return try Self.end(
                session, requests, table, checkpoint, fence,
                { position in
                    if let me, let store { store.registry.acknowledge(me, position) }
                })
        }
    }

    private static func insertion(
        of checkpoint: StepRecord, into table: CheckpointTable, _ session: Session
    ) throws(StoreError) -> Request {
        do throws(StoreError) {
            return try table.insertion(of: checkpoint)
        } catch {
            session.rollback()
            throw error
        }
    }

    private static func end(
        _ session: Session, _ requests: [Request], _ table: CheckpointTable, _ checkpoint: StepRecord?, _ fence: Request?,
        _ acknowledge: (Int64) -> Void
    ) throws(StoreError) -> CommandResult {
        do throws(StoreError) {
            let results = try session.continuePipeline(requests)
            guard results.count == requests.count, results[results.count - 1].tag == "COMMIT" else {
                throw StoreError(.transient, "the transaction was rolled back instead of committed")
            }
            if requests.count > 1, results[results.count - 2].columns == 1, results[results.count - 2].count == 1 {
                acknowledge(results[results.count - 2].int(0, 0))
            }
            return .done
        } catch {
            session.rollback()
            guard let checkpoint, error.nativeCode == "23505", session.failedIndex == 0 else { throw error }
            // Everything is rolled back; the row that was there first is what counts.
            let read = try table.reading(checkpoint.workflow, checkpoint.key)
            let rows = try session.query(read.statement, read.parameters)
            guard rows.count > 0 else { throw StoreError(.transient, "a checkpoint was in the way, and is not there", nativeCode: "23505") }
            // Whose it is: an executor that has lost its lease must not go on from another's row.
            if let fence { try session.query(fence.statement, fence.parameters) }
            return .recorded(rows.step(0, 0))
        }
    }

    func rollback() async -> StoreError? {
        let (wasOpen, failure) = state.withLock { state in
            defer { state.isOver = true }
            return (!state.isOver, state.failure)
        }
        guard wasOpen else { return failure }
        // A connection on which this fails is closed, which comes to the same.
        _ = try? await lease.connection.run { session throws(StoreError) in session.rollback() }
        pool.putBack(lease)
        return failure
    }

    private func run<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try refuseIfOver()
        return try await lease.connection.run { session throws(StoreError) in
            guard session.isConnected else { throw session.lost() }
            do throws(StoreError) {
                return try body(session)
            } catch {
                // A refusal before anything was sent leaves the transaction as it was.
                if session.isInOpenTransaction { throw error }
                self.state.withLock { $0.failure = $0.failure ?? error }
                throw error
            }
        }
    }

    private func refuseIfOver() throws(StoreError) {
        if state.withLock({ $0.isOver }) { throw Self.over }
    }

    private static var over: StoreError { StoreError(.rejected, "the transaction is over: nothing more goes into it") }
    private static var elsewhere: StoreError {
        StoreError(.rejected, "workflows are started and reached only in transactions of the database that holds them")
    }
}

extension PostgresStore {
    package func begin(_ isolation: IsolationLevel, for executor: ExecutorID?) async throws(StoreError) -> any OpenTransaction {
        try await PostgresTransaction.begin(isolation, in: transactions, table: .steps(schema), store: self, for: executor)
    }
}
