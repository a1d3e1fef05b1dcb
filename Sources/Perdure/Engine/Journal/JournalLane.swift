/// One writer of the journal: takes what waits, commits it, tells those who wait.
final class JournalLane: Sendable {
    private struct State {
        var queue = JournalQueue()
        var waiter: Parked<Void>?
        var dropping = false
        var throttle = LogThrottle<StoreError.Code>()
    }

    let writer: any JournalWriter
    private let state = Lock(State())
    private let threads: any FlowThreads
    private let clock: any EngineClock
    private let log: @Sendable (LogLevel, String) -> Void
    private let fenced: @Sendable (StoreError) -> Void

    init(
        writer: any JournalWriter, threads: any FlowThreads, clock: any EngineClock,
        log: @escaping @Sendable (LogLevel, String) -> Void, fenced: @escaping @Sendable (StoreError) -> Void
    ) {
        self.writer = writer
        self.threads = threads
        self.clock = clock
        self.log = log
        self.fenced = fenced
    }

    /// False if the lane is closed.
    @discardableResult
    func append(_ entry: JournalEntry) -> Bool {
        let size = entry.command.size
        let (appended, waiter) = state.withLock { state in
            let appended = state.queue.append(entry, size: size)
            defer { if appended == .mustWake { state.waiter = nil } }
            return (appended, appended == .mustWake ? state.waiter : nil)
        }
        waiter?.resume()
        return appended != .refused
    }

    func close(dropping: Bool) {
        let waiter = state.withLock { state in
            state.dropping = state.dropping || dropping
            defer { state.waiter = nil }
            return state.queue.close() ? state.waiter : nil
        }
        waiter?.resume()
    }

    func run() async {
        while let batch = await next() { await commit(batch) }
    }

    private func next() async -> JournalBatch? {
        while true {
            switch state.withLock({ $0.queue.next() }) {
            case .batch(let batch): return batch
            case .end: return nil
            case .wait: await waitForWork()
            }
        }
    }

    private func waitForWork() async {
        await park { (parked: Parked<Void>) in
            let arrived = state.withLock { state in
                // Between the look and this moment something may have come, or the end.
                if state.queue.isIdle { state.waiter = parked }
                return !state.queue.isIdle
            }
            if arrived { parked.resume() }
        }
    }

    /// Commits all of the batch, however often it takes; only a fence or a refusal of one command ends it otherwise.
    private func commit(_ batch: JournalBatch) async {
        var delay: Duration?
        while true {
            if state.withLock({ $0.dropping }) { return fail(batch, StoreError(.fenced, "the engine has lost its lease")) }
            do {
                return deliver(batch, try await writer.commit(batch.commands))
            } catch {
                switch error.code {
                case .fenced:
                    fenced(error)
                    return fail(batch, error)
                case .rejected, .conflict:
                    return await isolate(batch, error)
                default:
                    complain(batch, error)
                    let wait = pause(after: delay, error)
                    delay = wait
                    await clock.wait(wait)
                }
            }
        }
    }

    /// What is transient (a deadlock) is over in a moment as a rule, and then in a few.
    private func pause(after last: Duration?, _ error: StoreError) -> Duration {
        let isTransient = error.code == .transient
        guard let last else { return .milliseconds(isTransient ? 1 : 5) }
        return min(last * 2, .milliseconds(isTransient ? 100 : 1_000))
    }

    private func complain(_ batch: JournalBatch, _ error: StoreError) {
        let time = clock.instant()
        guard let held = state.withLock({ $0.throttle.admit(error.code, at: time) }) else { return }
        log(.warning, "a commit of \(batch.count) commands waits and is sent again: \(error)\(heldBack(held))")
    }

    /// Finds the command at fault by halving; the others are committed, in their order.
    private func isolate(_ batch: JournalBatch, _ error: StoreError) async {
        guard batch.count > 1 else { return fail(batch, error) }
        let (first, second) = batch.halves
        await commit(first)
        await commit(second)
    }

    private func deliver(_ batch: JournalBatch, _ results: [CommandResult]) {
        precondition(results.count == batch.count, "a store must answer each command of a batch")
        var flows: [FlowExecutor] = []
        flows.reserveCapacity(batch.count)
        for index in results.indices {
            let waiter = batch.waiters[index]
            if let flow = waiter.recipient?.resolved(waiter.token, results[index]) { flows.append(flow) }
        }
        threads.submit(contentsOf: flows)
    }

    private func fail(_ batch: JournalBatch, _ error: StoreError) {
        for (command, waiter) in zip(batch.commands, batch.waiters) {
            if let flow = waiter.recipient?.failed(waiter.token, command, error) { threads.submit(flow) }
        }
    }
}
