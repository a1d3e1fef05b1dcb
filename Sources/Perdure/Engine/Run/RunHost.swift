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
    /// A number for a child, if one is at hand.
    func numberAtHand() -> WorkflowNumber?
    func nextNumber() async throws(StoreError) -> WorkflowNumber
    func parent(of number: WorkflowNumber) async throws(StoreError) -> ParentLink?
    /// Puts a row into somebody's inbox.
    func deliver(_ item: InboxItem)
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
    /// False if the work is no longer this engine's to do, as far as that can be known without asking the database.
    func holdsLease() async -> Bool
    /// A write was refused because the lease is gone.
    func fenced(_ error: StoreError)
}
