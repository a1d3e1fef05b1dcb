/// The work behind one `transaction`: the user's statements, the checkpoint and the fence in one commit.
final class TransactionBody: Sendable {
    /// After so many serialization failures the transaction fails: something is wrong with it.
    private static let attemptLimit = 100

    let run: Run
    let key: String
    let name: String
    let isolation: IsolationLevel
    let database: Database?
    let work: @Sendable (Transaction) async throws -> EncodedPayload
    /// The row in `pending` that says of a pause that it holds this back.
    private let holding = Lock<Holding>(Holding())

    private struct Holding {
        var heldBy: Int64?
        var hasPending = false
    }

    init(
        run: Run, key: String, name: String, isolation: IsolationLevel, database: Database?,
        work: @escaping @Sendable (Transaction) async throws -> EncodedPayload
    ) {
        self.run = run
        self.key = key
        self.name = name
        self.isolation = isolation
        self.database = database
        self.work = work
    }

    func start() {
        // An earlier life committed it without a place in the order: it only needs one.
        if let record = run.state.withLock({ $0.unorderedRecord(key) }) { return run.giveOrder(to: record) }
        let earlier = run.state.withLock { $0.beginBody(key) }
        holding.withLock { $0 = Holding(heldBy: earlier?.heldBy, hasPending: earlier != nil) }
        let task = Task(executorPreference: run.host.stepExecutor) {
            let started = self.run.host.clock.now()
            switch await self.run.enter(self.name, self.key, record: { await self.recordHold($0, started) }) {
            case .go: await self.attempts(started)
            case .cancelled: self.fail(CancellationError(), nil, 1, started)
            case .leaving: return
            }
            self.run.state.withLock { $0.bodies -= 1 }
        }
        run.state.withLock { $0.setCancelWork(key) { task.cancel() } }
    }

    /// As of a step; but a `transaction` has a row there only because of this.
    ///
    /// It deletes the row on a connection of its own, so what is on the way to that is waited for: otherwise the two would meet there, and one of
    /// them be in vain.
    private func recordHold(_ row: Int64?, _ started: Microseconds) async {
        let isNew = holding.withLock { holding in
            guard holding.heldBy != row else { return false }
            holding = Holding(heldBy: row, hasPending: true)
            return true
        }
        guard isNew, run.state.withLock({ $0.stop == nil }) else { return }
        let record = PendingRecord(workflow: run.number, key: key, attempt: 0, started: started, heldBy: row)
        _ = try? await run.host.journal.commit(.pending(record))
    }

    private var hadPending: Bool { holding.withLock { $0.hasPending } }

    private enum Attempt {
        case committed(StepRecord)
        case failed(any Error)
        case again(StoreError)
        case fenced(StoreError)
    }

    private func attempts(_ started: Microseconds) async {
        var attempt = 0
        var reserved: Int64?
        // A run that was dropped goes on elsewhere, where the checkpoint is found if there is one.
        while run.state.withLock({ $0.stop == nil }) {
            attempt += 1
            switch await self.attempt(attempt, started, &reserved) {
            case .committed(let record):
                return committed(record, reserved, attempt, started)
            case .failed(let error):
                return fail(error, reserved, attempt, started)
            case .fenced(let error):
                return run.host.fenced(error)
            case .again(let error):
                // A lost connection may have been a commit: then the next attempt finds the checkpoint.
                if error.code == .transient, attempt >= Self.attemptLimit { return fail(error, reserved, attempt, started) }
                let wait = min(0.002 * Double(1 << min(attempt, 9)), 1) * (0.5 + run.host.random())
                if Task.isCancelled, error.code == .transient { return fail(CancellationError(), reserved, attempt, started) }
                await run.host.clock.wait(.seconds(wait))
            }
        }
    }

    private func attempt(_ number: Int, _ started: Microseconds, _ reserved: inout Int64?) async -> Attempt {
        let open: any OpenTransaction
        do {
            open = try await begin()
        } catch {
            return verdict(error)
        }
        let db = Transaction(open)
        do {
            if database != nil, let record = try await open.recorded(run.number, key) {
                await open.rollback()
                return .committed(record)
            }
            let output = try await StepContext.$current.withValue(name) {
                guard database == nil else { return try await work(db) }
                return try await Transaction.inside(run.host.backend) { try await work(db) }
            }
            db.close()
            // Only now: completions behind a reserved place wait for it, and a body may take long.
            if database == nil, reserved == nil { reserved = run.state.withLock { $0.reserveOrder(for: key) } }
            let result = await commit(open, output, number, started, reserved)
            if case .committed = result, !db.wakeups.isEmpty { run.host.committed(db.wakeups) }
            return result
        } catch {
            db.close()
            // What the body has made of an error of the store is no verdict on it.
            if let failure = await open.rollback(), case .again = verdict(failure) { return .again(failure) }
            return verdict(error)
        }
    }

    private func begin() async throws(StoreError) -> any OpenTransaction {
        if let database { return try await database.begin(isolation, run.host.backend.identity) }
        return try await run.host.begin(isolation)
    }

    private func commit(
        _ open: any OpenTransaction, _ output: EncodedPayload, _ attempt: Int, _ started: Microseconds, _ reserved: Int64?
    ) async -> Attempt {
        let record = StepRecord(
            workflow: run.number, key: key, order: reserved, kind: .transaction, output: output, started: started,
            finished: run.host.clock.now(), attempts: Int32(clamping: attempt))
        do {
            switch try await open.commit(record, hadPending: hadPending) {
            case .done, .sent: return .committed(record)
            case .recorded(let record): return .committed(record)
            }
        } catch {
            return verdict(error)
        }
    }

    private func verdict(_ error: any Error) -> Attempt {
        guard let store = error as? StoreError else { return .failed(error) }
        switch store.code {
        case .fenced: return .fenced(store)
        case .transient, .unavailable, .full: return .again(store)
        default: return .failed(store)
        }
    }

    private func committed(_ record: StepRecord, _ reserved: Int64?, _ attempts: Int, _ started: Microseconds) {
        guard database == nil else {
            let result: Run.WorkResult = record.error.map { .failure($0) } ?? .success(record.output)
            run.record(key, .transaction, result, started: started, attempts: Int32(clamping: attempts), hadPending: hadPending)
            return
        }
        run.transactionCommitted(record, reserved: reserved)
    }

    private func fail(_ error: any Error, _ reserved: Int64?, _ attempts: Int, _ started: Microseconds) {
        let payload = run.workflow.errors.record(error, with: run.coder)
        run.record(
            key, .transaction, .failure(payload), started: started, attempts: Int32(clamping: attempts), hadPending: hadPending,
            reserved: reserved)
    }
}
