package import Perdure

/// One connection that commits batches: a pipeline each, or a single statement where that is all there is to do.
actor PostgresWriter: JournalWriter {
    /// How many rows of history were new, and what became of messages.
    private typealias Written = (count: Int, mail: SentMail?)

    nonisolated let thread: ThreadExecutor
    private let session: Session
    private let store: PostgresStore
    private let me: ExecutorID
    private let slot: Int32
    private let batch = Batch()
    private var isClosed = false

    init(_ store: PostgresStore, executor: ExecutorID, slot: Int32) {
        self.store = store
        session = Session(store.settings)
        thread = store.threads.take()
        me = executor
        self.slot = slot
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }
    nonisolated var executor: any TaskExecutor { thread }

    /// Connects, so that an address that does not work is an error now.
    func open() throws(StoreError) { try ready() }

    func commit(_ commands: [Command]) throws(StoreError) -> [CommandResult] {
        if commands.isEmpty { return [] }
        try ready()
        let crashed = store.crashes.of(me)
        let (written, mail) = try write(commands, crashed)
        var results = [CommandResult](repeating: .done, count: commands.count)
        if let mail { mail.settle(commands, &results) }
        if written < batch.stepCount { try recall(commands, into: &results) }
        if !crashed.isEmpty { forget(commands, results, crashed) }
        return results
    }

    /// The rows of history that were new: all of them, unless something of the batch was sent before, or by another.
    private func write(_ commands: [Command], _ crashed: Set<WorkflowNumber>) throws(StoreError) -> Written {
        do throws(StoreError) {
            return try write(commands, crashed, store.journal)
        } catch {
            guard error.nativeCode == SQLState.duplicate else { throw error }
            return try write(commands, crashed, store.journalAgain)
        }
    }

    private func write(
        _ commands: [Command], _ crashed: Set<WorkflowNumber>, _ statements: JournalStatements
    ) throws(StoreError) -> Written {
        try batch.fill(commands, crashed: crashed) { lane throws(StoreError) in try store.lanes.number(of: lane, session) }
        guard batch.isStepsAlone, session.defaultsToReadCommitted else { return try commitAll(statements) }
        return (try commitAlone(statements), nil)
    }

    /// What has been forgiven needs it no more.
    private func forget(_ commands: [Command], _ results: [CommandResult], _ crashed: Set<WorkflowNumber>) {
        for (command, result) in zip(commands, results) where crashed.contains(command.workflow) {
            switch (command, result) {
            case (.step, .done), (.effect, .done), (.effect, .sent), (.startChild, .done), (.startChildren, .done), (.childrenEnded, .done),
                (.finish, _), (.forgive, _):
                store.crashes.remove(command.workflow, me)
            default: break
            }
        }
    }

    func close() {
        if isClosed { return }
        isClosed = true
        session.disconnect()
        store.threads.putBack(thread)
    }

    /// Connected to the server that this executor was registered with.
    private func ready() throws(StoreError) {
        if isClosed { throw StoreError(.unavailable, "the writer is closed") }
        try session.ready(for: me, store.registry)
    }

    /// The rows of history that were new.
    ///
    /// The transaction is the statement's own.
    private func commitAlone(_ statements: JournalStatements) throws(StoreError) -> Int {
        let request = try batch.alone(statements, me, slot: slot)
        let rows = try session.query(request.statement, request.parameters)
        store.registry.acknowledge(me, rows.int(0, 1))
        return Int(rows.int(0, 0))
    }

    private func commitAll(_ statements: JournalStatements) throws(StoreError) -> Written {
        let (requests, counting, reporting) = try batch.requests(statements, me, slot: slot)
        let results = try session.pipeline(requests)
        guard results.count == requests.count, results[results.count - 1].tag == "COMMIT" else {
            throw StoreError(.transient, "the batch was rolled back instead of committed")
        }
        store.registry.acknowledge(me, results[results.count - 2].int(0, 0))
        let written = counting.reduce(0) { $0 + (results[$1].columns == 0 ? results[$1].touched : Int(results[$1].int(0, 0))) }
        return (written, reporting.isEmpty ? nil : SentMail(reporting.map { results[$0] }))
    }

    /// Something was there already: the rows that are recorded are what is delivered, whoever wrote them.
    private func recall(_ commands: [Command], into results: inout [CommandResult]) throws(StoreError) {
        let steps = commands.compactMap(\.recordedStep)
        let rows = try session.query(
            store.journal.rows.recorded,
            [
                .int8s(Set(steps.map(\.workflow))), .int8(steps.map(\.workflow).min() ?? 0), .int8(steps.map(\.workflow).max() ?? 0),
                .texts(Set(steps.map(\.key))),
            ])
        var recorded: [StepID: StepRecord] = [:]
        for row in 0..<rows.count {
            let step = rows.step(row, 0)
            recorded[StepID(step)] = step
        }
        for (index, command) in commands.enumerated() {
            guard let step = command.recordedStep, let there = recorded[StepID(step)], there != step else { continue }
            results[index] = .recorded(there)
        }
    }
}

extension Command {
    /// The row of history that it writes.
    fileprivate var recordedStep: StepRecord? {
        switch self {
        case .step(let step, _, _), .startChild(_, _, let step), .startChildren(_, _, let step), .childrenEnded(let step, _),
            .effect(let step, _):
            step
        default: nil
        }
    }
}

extension PostgresStore {
    package func writer(_ index: Int, for executor: ExecutorID) async throws(StoreError) -> any JournalWriter {
        precondition(index >= 0 && index < writers, "a store with \(writers) writers was asked for number \(index)")
        let writer = PostgresWriter(self, executor: executor, slot: slots.writer(index))
        do throws(StoreError) {
            try await writer.open()
        } catch {
            await writer.close()
            throw error
        }
        return writer
    }
}
