/// Writes batches: the hot path.
package protocol JournalStore: Sendable {
    /// The writer number `index` (below `writers`) of a registered executor, on a connection of its own.
    func writer(_ index: Int, for executor: ExecutorID) async throws(StoreError) -> any JournalWriter
}

/// One connection that commits batches.
package protocol JournalWriter: Sendable {
    /// Commits all of `batch` in one transaction that ends with the fence, or nothing of it; one result for each command, in order.
    ///
    /// - Throws: `.rejected` if one command of the batch is at fault (the journal finds it by halving), `.transient` and `.unavailable`
    ///   if the same batch may be sent again, `.full` after a while, `.fenced` if the executor has lost its lease.
    func commit(_ batch: [Command]) async throws(StoreError) -> [CommandResult]
    /// The thread that the connection blocks; the journal's loop runs on it too, so that a batch costs no hop.
    var executor: any TaskExecutor { get }
    func close() async
}

/// A workflow as it is read to be run: what was asked, the beginning of its history, and what waits for it.
package struct LoadedWorkflow: Sendable {
    package var record: WorkflowRecord
    /// In order; at most as many rows as were asked for.
    package var history: [StepRecord]
    /// False if there is more: ask `history(of:after:limit:)`.
    package var isComplete: Bool
    /// Transactions that committed without a place in the order (some may have got one by a row of kind `.order`).
    package var unordered: [StepRecord]
    package var pending: [PendingRecord]
    package var inbox: [InboxItem]

    package init(
        record: WorkflowRecord, history: [StepRecord] = [], isComplete: Bool = true, unordered: [StepRecord] = [],
        pending: [PendingRecord] = [], inbox: [InboxItem] = []
    ) {
        self.record = record
        self.history = history
        self.isComplete = isComplete
        self.unordered = unordered
        self.pending = pending
        self.inbox = inbox
    }
}

/// Reads histories for replay; never a query per step.
package protocol HistoryReader: Sendable {
    /// The workflows of these numbers that exist, in any order, each with at most `limit` rows of history.
    func load(_ numbers: [WorkflowNumber], limit: Int) async throws(StoreError) -> [LoadedWorkflow]
    /// Of workflows that no engine has had: there is no history to look for.
    func loadFresh(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [LoadedWorkflow]
    /// The ordered rows behind `order`, in order.
    func history(of number: WorkflowNumber, after order: Int64, limit: Int) async throws(StoreError) -> [StepRecord]
    /// What waits for these workflows now, in the order of arrival.
    func inbox(of numbers: [WorkflowNumber]) async throws(StoreError) -> [InboxItem]
    /// The children of a workflow that have not ended, and what their parent's end means to them.
    func openChildren(of number: WorkflowNumber) async throws(StoreError) -> [OpenChild]
}

extension HistoryReader {
    package func loadFresh(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [LoadedWorkflow] {
        try await load(numbers, limit: 1)
    }
}

/// A child that has not ended.
package struct OpenChild: Sendable, Hashable {
    package var number: WorkflowNumber
    package var closePolicy: StoredClosePolicy

    package init(number: WorkflowNumber, closePolicy: StoredClosePolicy) {
        self.number = number
        self.closePolicy = closePolicy
    }

    /// What is put into its inbox when its parent closes.
    var closingItem: InboxItem? {
        switch closePolicy {
        case .terminate: InboxItem(workflow: number, kind: .terminate)
        case .cancel: InboxItem(workflow: number, kind: .cancel)
        case .abandon: nil
        }
    }
}

/// A block of workflow numbers that nobody else gets.
package struct NumberBlock: Sendable, Equatable {
    package var first: WorkflowNumber
    package var count: Int

    package init(first: WorkflowNumber, count: Int) {
        self.first = first
        self.count = count
    }
}

/// What is to be done if an id is taken: Temporal's names and meanings, and `useExisting` for closed runs as the default.
package struct IDPolicies: Sendable, Hashable {
    package var conflict: IDConflictPolicy
    package var reuse: IDReusePolicy
    /// A key of the queue that only one may hold; where there is one, there is no id.
    package var deduplication: StoredDeduplication?

    package init(
        conflict: IDConflictPolicy = .useExisting, reuse: IDReusePolicy = .useExisting, deduplication: StoredDeduplication? = nil
    ) {
        self.conflict = conflict
        self.reuse = reuse
        self.deduplication = deduplication
    }

    /// Whether a start with these puts something into an inbox.
    var cancelsOthers: Bool { deduplication?.policy == .cancelExisting }
}

/// A deduplication key, and what is put off by it.
package struct StoredDeduplication: Sendable, Hashable {
    package var key: String
    package var policy: DeduplicationPolicy
    /// Of a debounce: the record's `due` is so far from now, and moves with each call.
    package var isDebounced: Bool
    /// How long after the first call it is due at the latest.
    package var maximumWait: Duration?

    package init(key: String, policy: DeduplicationPolicy, isDebounced: Bool = false, maximumWait: Duration? = nil) {
        self.key = key
        self.policy = policy
        self.isDebounced = isDebounced
        self.maximumWait = maximumWait
    }
}

/// What became of one start.
package enum StartResult: Sendable {
    /// It is new (or was, when this same start was sent before). `owned`: the executor that asked has it.
    case started(owned: Bool)
    /// The id is taken by this run, and the policy says to use it.
    case existing(WorkflowNumber)
    /// The id is taken by this open run, and the policy says to fail, or to terminate it first.
    case open(WorkflowNumber)
    /// The id is taken by this closed run, and the policy says to refuse.
    case closed(WorkflowNumber)
    /// The id is taken by a workflow of another type.
    case otherType(String)
    /// The deduplication key is taken by this run, and the policy says to refuse.
    case duplicate(WorkflowNumber)
    /// The database refuses this one.
    case rejected(StoreError)
}

/// A workflow as people see it.
package struct StatusRecord: Sendable {
    package var record: WorkflowRecord
    /// nil if it has ended.
    package var live: LiveState?
    package var executor: ExecutorID?
    package var due: Microseconds?
    package var crashes: Int
    /// Why it was set aside.
    package var reason: String?
    package var outcome: Outcome?
    package var pending: [PendingRecord]
    /// Whether an executor is alive that can run it; nil if it has ended.
    package var isServed: Bool?
    /// Of one that is ready and may begin: what it waits for; the first that applies.
    package var wait: QueueWait?

    package init(
        record: WorkflowRecord, live: LiveState? = nil, executor: ExecutorID? = nil, due: Microseconds? = nil, crashes: Int = 0,
        reason: String? = nil, outcome: Outcome? = nil, pending: [PendingRecord] = [], isServed: Bool? = nil
    ) {
        self.isServed = isServed
        self.record = record
        self.live = live
        self.executor = executor
        self.due = due
        self.crashes = crashes
        self.reason = reason
        self.outcome = outcome
        self.pending = pending
    }
}

/// What a workflow that is ready waits for.
///
/// The texts are those of the views, on every store.
package enum QueueWait: String, Sendable {
    /// It is queued, but no live engine runs its type and version.
    case noEngine = "an engine that runs it"
    /// No live engine takes work from its queue.
    case unserved = "an engine that serves its queue"
    case paused = "its queue, which is paused"
    /// All slots of the queue are taken.
    case concurrency = "a slot of its queue"
    /// All slots of its key are taken.
    case keyConcurrency = "a slot of its key"
    /// Nothing else: others come first, or a rate limit.
    case turn = "its turn"
}

/// How a wait for a workflow's end ends.
package enum Ending: Sendable {
    case outcome(Outcome)
    /// It was set aside: it goes no further without a person.
    case setAside(WorkflowNumber, reason: String)

    package var workflow: WorkflowNumber {
        switch self {
        case .outcome(let outcome): outcome.workflow
        case .setAside(let number, _): number
        }
    }
}

/// What is asked of a workflow from outside: by a client in a transaction of the store's own, or inside one that is open.
package protocol WorkflowAccess: Sendable {
    /// The newest run under a user's id.
    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber?
    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord?
    /// Puts rows into inboxes; for a workflow that has ended or does not exist, nothing.
    func deliver(_ items: [InboxItem]) async throws(StoreError)
    /// Brings a workflow that was set aside back to ready; false if it is not set aside.
    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool
}

/// What clients do besides: start, and wait for the end.
package protocol ClientStore: WorkflowAccess {
    func numberBlock() async throws(StoreError) -> NumberBlock
    /// Starts in one transaction, one result each, in order: those under an id, and all from outside a running engine. Two of the same id may
    /// be in one call. By an executor it is fenced, like everything that an executor writes; what is new and due belongs to it if `isOwned`, and is
    /// ready otherwise.
    func start(
        _ starts: [(WorkflowRecord, IDPolicies)], by executor: ExecutorID?, isOwned: Bool
    ) async throws(StoreError) -> [StartResult]
    /// Keeps items until they become a workflow.
    func add(_ items: [BatchItem]) async throws(StoreError)
    /// Those of these that have ended or were set aside.
    func endings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending]
}

/// Opens transactions in which the user's own SQL runs beside what Perdure writes.
package protocol TransactionStore: Sendable {
    /// With `executor`, its commit is fenced.
    func begin(_ isolation: IsolationLevel, for executor: ExecutorID?) async throws(StoreError) -> any OpenTransaction
}

extension ClientStore {
    /// With an owner by it and for it, otherwise by nobody.
    package func start(_ starts: [(WorkflowRecord, IDPolicies)], owner: ExecutorID?) async throws(StoreError) -> [StartResult] {
        try await start(starts, by: owner, isOwned: owner != nil)
    }
}

/// One open transaction on a connection of its own.
///
/// Calls come one at a time. What is asked of workflows in it sees what was started in it, and happens when it commits.
package protocol OpenTransaction: WorkflowAccess {
    func execute(_ sql: SQL) async throws(StoreError) -> Int
    func query(_ sql: SQL) async throws(StoreError) -> SQLRows
    /// As `ClientStore.start`, visible when the transaction commits. Never owned.
    func start(_ starts: [(WorkflowRecord, IDPolicies)]) async throws(StoreError) -> [StartResult]
    /// Keeps items until they become a workflow.
    func add(_ items: [BatchItem]) async throws(StoreError)
    /// As `ClientStore.numberBlock`, where that would wait for this very transaction; nil where it does not.
    func numberBlock() async throws(StoreError) -> NumberBlock?
    /// What a checkpoint table in *another* database has recorded under this key.
    func recorded(_ workflow: WorkflowNumber, _ key: String) async throws(StoreError) -> StepRecord?
    /// Inserts the checkpoint (deleting its `pending` row if `hadPending`), checks the fence, commits. If a row is there already under its
    /// key, everything is rolled back and that row is returned. After an error the transaction is rolled back and over.
    func commit(_ checkpoint: StepRecord?, hadPending: Bool) async throws(StoreError) -> CommandResult
    /// Gives everything up; what comes back is the first error of a statement, whatever the user's code has made of it.
    @discardableResult
    func rollback() async -> StoreError?
}

extension OpenTransaction {
    package func numberBlock() async throws(StoreError) -> NumberBlock? { nil }
}

/// A hint that something is there to be looked at; never the verdict.
package enum Wakeup: Sendable, Hashable {
    /// Something became ready to be claimed.
    case ready
    /// Something came into an inbox.
    case inbox
    /// A queue or a schedule has changed.
    case settings
    /// These have ended or were set aside.
    case ended([WorkflowNumber])
    /// Anything may have happened (a reconnection).
    case everything
}

/// Pushes hints between processes.
package protocol WakeupStore: Sendable {
    /// Calls `receive` for each wake-up, from any process on this database, until cancelled; also for those sent by this process.
    func listen(_ receive: @escaping @Sendable (Wakeup) -> Void) async throws(StoreError) -> any WakeupSubscription
    /// Sends hints to all who listen; losing one costs latency and nothing else, so no error is thrown.
    func notify(_ wakeups: [Wakeup]) async
}

/// A running `listen`.
package protocol WakeupSubscription: Sendable {
    func cancel() async
}
