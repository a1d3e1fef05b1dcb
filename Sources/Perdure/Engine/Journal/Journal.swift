/// Group commit: one queue a writer, to which every command of the engine's hot path is appended.
///
/// A workflow is pinned to one writer, so that its commands commit in the order in which it issued them.
package final class Journal: Sendable {
    private let lanes: [JournalLane]
    /// Takes what is not to be written, where nothing is.
    private let refuse: (@Sendable (Command) -> Void)?

    /// Writes nothing, for a replay.
    init(refusing refuse: @escaping @Sendable (Command) -> Void) {
        lanes = []
        self.refuse = refuse
    }

    package init(
        writers: [any JournalWriter], threads: any FlowThreads, clock: any EngineClock,
        log: @escaping @Sendable (LogLevel, String) -> Void, fenced: @escaping @Sendable (StoreError) -> Void
    ) {
        refuse = nil
        lanes = writers.map { JournalLane(writer: $0, threads: threads, clock: clock, log: log, fenced: fenced) }
    }

    /// Appends; after the end of the incarnation, nothing.
    package func append(_ command: Command, for recipient: (any JournalRecipient)? = nil, token: Int64 = 0) {
        if let refuse { return refuse(command) }
        lane(of: command.workflow).append(JournalEntry(command, for: recipient, token: token))
    }

    /// Appends and waits until it is committed.
    package func commit(_ command: Command) async throws(StoreError) -> CommandResult {
        if let refuse {
            refuse(command)
            throw StoreError(.fenced, "nothing is written in a replay")
        }
        let result = await park { (parked: Parked<Result<CommandResult, StoreError>>) in
            let entry = JournalEntry(command, for: JournalWaiter(parked))
            if !lane(of: command.workflow).append(entry) {
                parked.resume(returning: .failure(StoreError(.fenced, "the engine has stopped")))
            }
        }
        return try result.get()
    }

    /// One loop for each writer, on the writer's own thread; ends after `close()`.
    package func run(in group: inout TaskGroup<Void>) {
        for lane in lanes {
            group.addTask(executorPreference: lane.writer.executor) { await lane.run() }
        }
    }

    /// What is queued is still written, unless `dropping`.
    package func close(dropping: Bool) {
        for lane in lanes { lane.close(dropping: dropping) }
    }

    private func lane(of number: WorkflowNumber) -> JournalLane {
        lanes[Int(truncatingIfNeeded: UInt64(bitPattern: number) % UInt64(lanes.count))]
    }
}

/// Waits for one command.
private final class JournalWaiter: JournalRecipient {
    private let parked: Parked<Result<CommandResult, StoreError>>

    init(_ parked: Parked<Result<CommandResult, StoreError>>) { self.parked = parked }

    func resolved(_ token: Int64, _ result: CommandResult) -> FlowExecutor? {
        parked.resume(returning: .success(result))
        return nil
    }

    func failed(_ token: Int64, _ command: Command, _ error: StoreError) -> FlowExecutor? {
        parked.resume(returning: .failure(error))
        return nil
    }
}
