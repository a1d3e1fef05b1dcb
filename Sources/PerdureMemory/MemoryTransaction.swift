internal import Perdure

/// An open transaction: what it is to write is kept back until the commit, which does all of it in one step.
final class MemoryTransaction: OpenTransaction {
    private let database: MemoryDatabase
    private let executor: ExecutorID?
    private let state = Lock(State())

    private struct State: Sendable {
        var isOver = false
        var uncommitted = UncommittedStarts()
        var resumed: Set<WorkflowNumber> = []
        var sent: Set<MessageKey> = []
        var writes: [Write] = []
    }

    private enum Write: Sendable {
        case start(WorkflowRecord, IDPolicies, StartDecision)
        case add([BatchItem])
        case deliver([InboxItem])
        case send(InboxItem)
        case resume(WorkflowNumber)
        case succeed(Succession)
    }

    init(_ database: MemoryDatabase, for executor: ExecutorID?) {
        self.database = database
        self.executor = executor
    }

    func execute(_ sql: SQL) async throws(StoreError) -> Int { throw Self.noSQL }

    func query(_ sql: SQL) async throws(StoreError) -> SQLRows { throw Self.noSQL }

    func start(_ starts: [(WorkflowRecord, IDPolicies)]) async throws(StoreError) -> [StartResult] {
        try perform(.transactionStart) { tables, state, _ in
            var results: [StartResult] = []
            for (record, policies) in starts {
                let decision = tables.decide(record, policies, after: state.uncommitted)
                state.uncommitted.apply(decision, record, policies)
                state.writes.append(.start(record, policies, decision))
                results.append(tables.result(decision, record, owner: nil))
            }
            return results
        }
    }

    func add(_ items: [BatchItem]) async throws(StoreError) {
        let error: StoreError? = try perform(.transactionAddItems) { tables, state, _ in
            do throws(StoreError) {
                for item in items { try tables.validate(item.lane) }
                state.writes.append(.add(items))
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
    }

    func deliver(_ items: [InboxItem]) async throws(StoreError) {
        try perform(.transactionDeliver) { _, state, _ in state.writes.append(.deliver(items)) }
    }

    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] {
        for item in items { try Limits.check(item) }
        return try perform(.transactionSend) { tables, state, _ in
            items.map { item in
                let key = MessageKey(item, to: tables.firstRun(of: item.workflow))
                if let key, tables.messageKeys.contains(key) || state.sent.contains(key) { return .duplicate }
                guard tables.live[tables.newestRun(of: item.workflow)] != nil || state.uncommitted.records[item.workflow] != nil else {
                    return .ended
                }
                if let key { state.sent.insert(key) }
                state.writes.append(.send(item))
                return .sent
            }
        }
    }

    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        try perform(.transactionResume) { tables, state, _ in
            guard tables.isResumable(number), state.resumed.insert(number).inserted else { return false }
            state.writes.append(.resume(number))
            return true
        }
    }

    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult {
        let answer: Result<SuccessionResult, StoreError> = try perform(.transactionSucceed) { tables, state, _ in
            do throws(StoreError) {
                if let answer = try tables.judge(succession, after: state.uncommitted) { return .success(answer) }
            } catch {
                return .failure(error)
            }
            state.uncommitted.records[succession.record.number] = succession.record
            if let id = succession.record.id { state.uncommitted.ids[ExactText(id)] = succession.record.number }
            state.writes.append(.succeed(succession))
            return .success(.started)
        }
        return try answer.get()
    }

    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        try perform(.transactionNumberOfID) { tables, state, _ in state.uncommitted.ids[ExactText(id)] ?? tables.ids[ExactText(id)] }
    }

    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        try perform(.transactionStatus) { tables, state, now in
            if let record = state.uncommitted.records[number] {
                var status = StatusRecord(record: record, live: .ready, due: record.due, isServed: tables.isServed(record.lane, now: now))
                if record.due ?? .min <= now { status.wait = tables.wait(of: record, isReturned: false, now: now) }
                return status
            }
            guard var status = tables.status(of: number, now: now) else { return nil }
            if state.resumed.contains(number) {
                (status.live, status.due, status.crashes, status.reason, status.pause) = (.ready, nil, 0, nil, nil)
                status.wait = tables.wait(of: status.record, isReturned: true, now: now)
            }
            return status
        }
    }

    func recorded(_ workflow: WorkflowNumber, _ key: String) async throws(StoreError) -> StepRecord? {
        try perform(.transactionRecorded) { tables, _, _ in tables.steps[workflow]?[key] }
    }

    private func perform<Result>(
        _ kind: MemoryOperation.Kind, _ body: (borrowing Tables, inout State, _ now: Microseconds) -> Result
    ) throws(StoreError) -> Result {
        try database.perform(kind, by: executor) { tables, now throws(StoreError) in
            try state.withLock { state throws(StoreError) in
                try Self.check(state)
                return body(tables, &state, now)
            }
        }
    }

    func commit(_ checkpoint: StepRecord?, hadPending: Bool) async throws(StoreError) -> CommandResult {
        let writes = try state.withLock { state throws(StoreError) in
            try Self.check(state)
            // Over from now on, whatever becomes of it.
            state.isOver = true
            return state.writes
        }
        return try database.perform(.transactionCommit, by: executor) { tables, now throws(StoreError) in
            if let checkpoint { try Limits.check(key: checkpoint.key, "a step's key") }
            if let executor { try tables.checkFence(executor) }
            if let checkpoint, let recorded = tables.steps[checkpoint.workflow]?[checkpoint.key] { return .recorded(recorded) }
            try Self.checkDecisions(of: writes, tables)
            // From here on nothing throws.
            if let checkpoint {
                _ = tables.insertStep(checkpoint, by: executor)
                if hadPending { tables.removePending(checkpoint.workflow, checkpoint.key) }
            }
            for write in writes { Self.apply(write, to: &tables, now: now) }
            return .done
        }
    }

    func rollback() async -> StoreError? {
        state.withLock { $0.isOver = true }
        return nil
    }

    /// What was answered must still be the answer, or this transaction and another are not serializable.
    private static func checkDecisions(of writes: [Write], _ tables: borrowing Tables) throws(StoreError) {
        for case .resume(let number) in writes where !tables.isResumable(number) {
            throw StoreError(.transient, "another transaction resumed or ended a workflow that this one resumes")
        }
        for case .succeed(let succession) in writes where try tables.judge(succession) != nil {
            throw StoreError(.transient, "another transaction started a new run in the place of the same one")
        }
        var uncommitted = UncommittedStarts()
        for case .start(let record, let policies, let answered) in writes {
            let decision = tables.decide(record, policies, after: uncommitted)
            guard decision == answered else {
                throw StoreError(.transient, "another transaction started or ended a workflow under the same id")
            }
            uncommitted.apply(decision, record, policies)
        }
    }

    private static func apply(_ write: Write, to tables: inout Tables, now: Microseconds) {
        switch write {
        case .start(let record, let policies, let decision): tables.apply(decision, record, policies, owner: nil, now: now)
        case .add(let items): tables.keep(items)
        case .deliver(let items): for item in items { tables.deliver(item) }
        case .send(let item): _ = tables.send(item)
        case .resume(let number): _ = tables.resume(number)
        case .succeed(let succession): tables.begin(succession)
        }
    }

    private static func check(_ state: State) throws(StoreError) {
        guard !state.isOver else { throw StoreError(.rejected, "the transaction is over") }
    }

    private static let noSQL = StoreError(
        .rejected, "the in-memory store runs no SQL: a transaction's own statements need .sqlite(…) or .postgres(…)")
}
