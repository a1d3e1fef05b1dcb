/// Runs the code of workflows over histories that were recorded, without a database: whether a new build would go on where the old one stopped.
///
/// ```swift
/// let replayer = try Replayer { Checkout(payments: .live) }
/// for history in try HistoryExport.read("histories.jsonl") {
///     print(await replayer.replay(history))
/// }
/// ```
///
/// Nothing is written, no body of a step runs, and no time passes. Code between the steps does run, to where the history is used up.
public final class Replayer: Sendable {
    private let workflows: [String: Registration]
    private let coder: PayloadCoder
    private let clock = SystemClock()
    private let threads = Lock<FlowThreadPool>(Replayer.pool)

    /// Takes what an engine would run.
    ///
    /// - Parameters:
    ///   - configuration: Of it the codec matters.
    ///   - workflows: As in ``Engine/init(store:configuration:workflows:)``; queues and schedules do no harm.
    /// - Throws: ``WorkflowError`` if the declarations contradict each other.
    public convenience init(
        configuration: EngineConfiguration = EngineConfiguration(), @DeclarationBuilder workflows: () -> [Declaration]
    ) throws {
        try self.init(workflows(), configuration)
    }

    package init(_ declarations: [Declaration], _ configuration: EngineConfiguration) throws(WorkflowError) {
        coder = PayloadCoder(codec: configuration.codec, limit: configuration.payloadLimit)
        workflows = try Declarations(declarations, coder).workflows
    }

    deinit {
        clock.stop()
        threads.withLock { $0 }.stop()
    }

    private static var pool: FlowThreadPool { FlowThreadPool(count: max(2, System.processorCount)) }

    /// Whether a workflow of this name can be replayed.
    public func knows(_ workflow: String) -> Bool { workflows[workflow] != nil }

    /// Runs the code of one workflow over its history.
    ///
    /// - Parameters:
    ///   - history: What was recorded; of a workflow that has ended, its end is compared, too.
    ///   - timeLimit: When to give up on code that loops or blocks; nil is never. A process under a debugger has all the time.
    public func replay(_ history: HistoryExport, timeLimit: Duration? = .seconds(10)) async -> ReplayReport {
        await replay(history.recorded, timeLimit: timeLimit)
    }

    package func replay(_ history: RecordedHistory, timeLimit: Duration? = .seconds(10)) async -> ReplayReport {
        guard let workflow = workflows[history.record.lane.workflow] else { return ReplayReport(history, .unknownType) }
        let pool = threads.withLock { $0 }
        let host = ReplayHost(history, coder: coder, threads: pool)
        let run = Run(history.loaded, isFresh: false, workflow: workflow, host: host)
        run.state.withLock { state in
            state.quiesce()
            // Asked to leave, it says so when nothing is left to run.
            state.ask()
        }
        run.open()
        await wait(for: host, pool, until: timeLimit.map { clock.instant() + $0 })
        let report = report(history, run, host.end)
        if host.end == nil { replace(pool) }
        run.drop()
        return report
    }

    /// Returns at its end, or when the time is over.
    private func wait(for host: ReplayHost, _ pool: FlowThreadPool, until limit: Instant?) async {
        while host.end == nil, !Task.isCancelled {
            let next = clock.instant() + .milliseconds(200)
            await host.signal.wait(until: limit.map { min($0, next) } ?? next, clock: clock)
            // Somebody may hold a thread.
            pool.relieve()
            if let limit, clock.instant() >= limit, !System.isTraced { return }
        }
    }

    private func report(_ history: RecordedHistory, _ run: Run, _ end: ReplayHost.End?) -> ReplayReport {
        switch end {
        case .caughtUp(let glance):
            let outcome = glance.result.map { run.outcome(of: $0, glance.cancellation) }
            return ReplayReport(history, ReplayJudge(history: history, glance: glance, end: outcome).verdictAtTheEnd, glance)
        case .setAside(let error, let glance):
            return ReplayReport(history, ReplayJudge(history: history, glance: glance, end: nil).verdict(on: error), glance)
        case nil: return ReplayReport(history, .tookTooLong)
        }
    }

    /// Its threads may be held for good: others get new ones.
    private func replace(_ pool: FlowThreadPool) {
        let isCurrent = threads.withLock { threads in
            guard threads === pool else { return false }
            threads = Self.pool
            return true
        }
        if isCurrent { pool.stop() }
    }
}
