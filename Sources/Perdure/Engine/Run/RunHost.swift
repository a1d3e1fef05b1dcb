/// What a run asks of the engine that carries it.
package protocol RunHost: AnyObject, Sendable {
    var clock: any EngineClock { get }
    var coder: PayloadCoder { get }
    var threads: any FlowThreads { get }
    var flowRules: FlowRules { get }
    /// Where the bodies of steps run.
    var stepExecutor: (any TaskExecutor)? { get }
    /// How long a body that was told to stop has, before it is abandoned and named.
    var stepGrace: Duration { get }
    var journal: Journal { get }
    var tally: EngineTally { get }
    /// At how many rows a history is called long.
    var longHistories: Set<Int> { get }
    func random() -> Double
    func log(_ level: LogLevel, _ message: String)

    /// Reads the next page of the history and gives it to the run.
    func loadHistory(of run: Run, after order: Int64)
    /// Asks the database for the children of the run that have not ended.
    func findChildren(of run: Run, _ found: @escaping @Sendable ([OpenChild]) -> Void)
    /// All that the run does is wait, until this moment at least.
    func parked(_ run: Run, until due: Microseconds)
    func finished(_ run: Run, _ outcome: Outcome, closing: [InboxItem])
    func setAside(_ run: Run, _ error: WorkflowError)
    /// So many numbers that follow each other, if they are at hand: the first of them.
    func blockAtHand(_ count: Int) -> WorkflowNumber?
    func nextBlock(_ count: Int) async throws(StoreError) -> WorkflowNumber
    /// As `admit`, for workflows of one lane; all or none, and none if the engine has enough to do.
    func admit(_ records: [WorkflowRecord]) -> Bool
    /// Reads how children of a group have ended and gives it to the run.
    func readGroupEnds(_ group: String, for run: Run)
    /// Asks those of these children that are open to cancel.
    func cancelChildren(of run: Run, in blocks: [ChildBlock])
    /// An operator has asked for a pause, and nothing of the run runs any more.
    func paused(_ run: Run)
    /// A number for a child, if one is at hand.
    func numberAtHand() -> WorkflowNumber?
    func nextNumber() async throws(StoreError) -> WorkflowNumber
    func parent(of number: WorkflowNumber) async throws(StoreError) -> ParentLink?
    /// The first of the runs that were continued as this one.
    func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber
    /// Whether a run came of another, perhaps by way of others.
    func isEarlierRun(_ earlier: WorkflowNumber, of number: WorkflowNumber) async throws(StoreError) -> Bool
    /// Puts a row into somebody's inbox.
    func deliver(_ item: InboxItem)
    /// A message is in somebody's inbox; nil: which row it is, is not known.
    func sent(_ item: InboxItem?)
    /// The workflow has published, appended or replied.
    func published(_ number: WorkflowNumber)
    /// Where the next value of each of its streams goes.
    func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd]
    /// True if the engine runs workflows of this type and version and has room for one more, which it then keeps.
    func admit(_ record: WorkflowRecord) -> Bool
    /// The start of an admitted workflow has been committed, or will not be.
    func arrived(_ record: WorkflowRecord, isStarted: Bool)
    /// The run was asked to leave memory, but has something to do.
    func staysAfterAll(_ run: Run)
    /// A child, or anything else, became ready for whoever serves it.
    func becameReady()
    /// Starts a child under an id of the user's.
    func startNamed(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult
    /// Reads how these children ended and gives it to the run.
    func readEndings(_ children: [(child: WorkflowNumber, key: String, sequence: Int64)], for run: Run)
    /// A transaction of the user's has committed in which something was started or asked.
    func committed(_ wakeups: [Wakeup])
    func begin(_ isolation: IsolationLevel) async throws(StoreError) -> any OpenTransaction
    /// Whose transactions those are.
    var backend: any StoreBackend { get }
    /// Nothing is paused, and no circuit breaker open.
    var holdsNothing: Bool { get }
    /// Whether an attempt of a step may begin; if not, the signal is raised when it is worth while to ask again.
    func ask(_ request: AttemptRequest, _ signal: Signal) -> Admission
    /// It is not waited for that any more.
    func withdraw(_ signal: Signal)
    /// An attempt of a step with a circuit breaker has ended, perhaps with an error.
    func attemptEnded(_ breaker: StepBreaker, _ pass: AttemptPass, _ verdict: BreakerState.Verdict, _ error: (any Error)?)
    /// False if the work is no longer this engine's to do, as far as that can be known without asking the database.
    func holdsLease() async -> Bool
    /// A write was refused because the lease is gone.
    func fenced(_ error: StoreError)
}
