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
        run.state.withLock { $0.bodies += 1 }
        let task = Task(executorPreference: run.host.stepExecutor) {
            await self.attempts()
            self.run.state.withLock { $0.bodies -= 1 }
        }
        run.state.withLock { $0.setCancelWork(key) { task.cancel() } }
    }

    private enum Attempt {
        case committed(StepRecord)
        case failed(any Error)
        case again(StoreError)
        case fenced(StoreError)
    }

    private func attempts() async {
        let started = run.host.clock.now()
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
            switch try await open.commit(record, hadPending: false) {
            case .done: return .committed(record)
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
            return run.record(key, .transaction, result, started: started, attempts: Int32(clamping: attempts))
        }
        run.transactionCommitted(record, reserved: reserved)
    }

    private func fail(_ error: any Error, _ reserved: Int64?, _ attempts: Int, _ started: Microseconds) {
        let payload = run.workflow.errors.record(error, with: run.coder)
        run.record(
            key, .transaction, .failure(payload), started: started, attempts: Int32(clamping: attempts), reserved: reserved)
    }
}
