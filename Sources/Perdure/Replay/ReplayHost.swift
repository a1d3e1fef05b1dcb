/// What carries a run through a replay: it has nothing but the history, and lets nothing out.
///
/// The run is quiet from its beginning, as it is when an engine ends: nothing begins. So where the history is used up, all that it can do is
/// wait, and that is when it is looked at.
final class ReplayHost: RunHost {
    /// How it came to its end.
    enum End: Sendable {
        case caughtUp(ReplayGlance)
        case setAside(WorkflowError, ReplayGlance)
    }

    let clock: any EngineClock
    let coder: PayloadCoder
    let threads: any FlowThreads
    let journal: Journal
    let tally = EngineTally()
    /// Raised at the end.
    let signal = Signal()
    private let history: RecordedHistory
    private let found = Lock<End?>(nil)
    /// What a run that had caught up would have written.
    private let writes: Lock<[Command]>

    init(_ history: RecordedHistory, coder: PayloadCoder, threads: any FlowThreads) {
        self.history = history
        self.coder = coder
        self.threads = threads
        clock = StoppedClock(time: history.record.created)
        let writes = Lock<[Command]>([])
        self.writes = writes
        journal = Journal { command in writes.withLock { $0.append(command) } }
    }

    var end: End? { found.withLock { $0 } }
    var written: [Command] { writes.withLock { $0 } }

    /// The first end counts: what the code does when it is unwound says nothing.
    private func end(_ end: End) {
        found.withLock { $0 = $0 ?? end }
        signal.raise()
    }

    private func caughtUp(_ run: Run) { end(.caughtUp(run.state.withLock { $0.glance(history) })) }

    // MARK: - What a run comes to

    func parked(_ run: Run, until due: Microseconds) { caughtUp(run) }
    func staysAfterAll(_ run: Run) { caughtUp(run) }
    func paused(_ run: Run) { caughtUp(run) }
    func finished(_ run: Run, _ outcome: Outcome, closing: [InboxItem]) { caughtUp(run) }
    func setAside(_ run: Run, _ error: WorkflowError) { end(.setAside(error, run.state.withLock { $0.glance(history) })) }

    // MARK: - What only a run asks for that goes on

    var flowRules: FlowRules { .all }
    var stepExecutor: (any TaskExecutor)? { nil }
    var stepGrace: Duration { .zero }
    var longHistories: Set<Int> { [] }
    var backend: any StoreBackend { preconditionFailure("a replay runs no bodies, and they alone ask for a store") }

    func random() -> Double { 0 }
    func log(_ level: LogLevel, _ message: String) {}
    func loadHistory(of run: Run, after order: Int64) {}
    func findChildren(of run: Run, _ found: @escaping @Sendable ([OpenChild]) -> Void) { found([]) }
    func blockAtHand(_ count: Int) -> WorkflowNumber? { nil }
    func nextBlock(_ count: Int) async throws(StoreError) -> WorkflowNumber { throw .replay }
    func admit(_ records: [WorkflowRecord]) -> Bool { false }
    func readGroupEnds(_ group: String, for run: Run) {}
    func cancelChildren(of run: Run, in blocks: [ChildBlock]) {}
    func numberAtHand() -> WorkflowNumber? { nil }
    func nextNumber() async throws(StoreError) -> WorkflowNumber { throw .replay }
    func parent(of number: WorkflowNumber) async throws(StoreError) -> ParentLink? { throw .replay }
    func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber { throw .replay }
    func isEarlierRun(_ earlier: WorkflowNumber, of number: WorkflowNumber) async throws(StoreError) -> Bool { throw .replay }
    func deliver(_ item: InboxItem) {}
    func sent(_ item: InboxItem?) {}
    func published(_ number: WorkflowNumber) {}
    func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd] { throw .replay }
    func admit(_ record: WorkflowRecord) -> Bool { false }
    func arrived(_ record: WorkflowRecord, isStarted: Bool) {}
    func becameReady() {}
    func startNamed(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult { throw .replay }
    func readEndings(_ children: [(child: WorkflowNumber, key: String, sequence: Int64)], for run: Run) {}
    func committed(_ wakeups: [Wakeup]) {}
    func begin(_ isolation: IsolationLevel) async throws(StoreError) -> any OpenTransaction { throw .replay }
    var holdsNothing: Bool { true }
    func ask(_ request: AttemptRequest, _ signal: Signal) -> Admission { .go(.free) }
    func withdraw(_ signal: Signal) {}
    func attemptEnded(_ breaker: StepBreaker, _ pass: AttemptPass, _ verdict: BreakerState.Verdict, _ error: (any Error)?) {}
    func holdsLease() async -> Bool { false }
    func fenced(_ error: StoreError) {}
}

extension StoreError {
    fileprivate static let replay = StoreError(.fenced, "a replay has no store")
}

/// No time passes in a replay.
private struct StoppedClock: EngineClock {
    let time: Microseconds

    func now() -> Microseconds { time }
    func instant() -> Instant { .now }
    func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID { 0 }
    func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID { 0 }
    func cancel(_ timer: TimerID) {}
}
