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
    /// The keys of all rows of patches, which the code asks for before their turn; where `history` is complete they may be left out.
    package var patches: Set<String>
    /// The `origin` of its `RunLink`; nil if it came of no other run.
    package var origin: String?

    package init(
        record: WorkflowRecord, history: [StepRecord] = [], isComplete: Bool = true, unordered: [StepRecord] = [],
        pending: [PendingRecord] = [], inbox: [InboxItem] = [], patches: Set<String> = [], origin: String? = nil
    ) {
        self.origin = origin
        self.record = record
        self.history = history
        self.isComplete = isComplete
        self.unordered = unordered
        self.pending = pending
        self.inbox = inbox
        self.patches = patches
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
    /// What waits for these workflows now, in the order of arrival; of each one's `groupEnded` rows that are not seen, the first alone.
    func inbox(of numbers: [WorkflowNumber]) async throws(StoreError) -> [InboxItem]
    /// The children of these workflows that have not ended, in the order of their numbers, and what their parents' end means to them; nothing for one
    /// that has none.
    func openChildren(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: [OpenChild]]
    /// How children of a group have ended whose `groupEnded` rows are in the inbox, seen or not, in the order of arrival: at most so many, and
    /// no more than so many bytes of outputs and errors, but one at least if there is one.
    func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) async throws(StoreError) -> [GroupEnd]
    /// Puts what has arrived too late for runs that were continued into the inboxes of these, as which they go on; asked before their inboxes are read.
    func forward(to numbers: [WorkflowNumber]) async throws(StoreError)
}

extension HistoryReader {
    /// Where an end and a delivery are one after the other nothing comes too late.
    package func forward(to numbers: [WorkflowNumber]) async throws(StoreError) {}

    package func loadFresh(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [LoadedWorkflow] {
        try await load(numbers, limit: 1)
    }

    package func openChildren(of number: WorkflowNumber) async throws(StoreError) -> [OpenChild] {
        try await openChildren(of: [number])[number] ?? []
    }
}

/// One end among those of children that were started together.
package struct GroupEnd: Sendable, Hashable {
    /// The row of the inbox that says so.
    package var sequence: Int64
    /// The run that was started: of one that was continued, the first.
    package var child: WorkflowNumber
    /// nil if it is not there any more.
    package var outcome: Outcome?

    package init(sequence: Int64, child: WorkflowNumber, outcome: Outcome?) {
        self.sequence = sequence
        self.child = child
        self.outcome = outcome
    }
}

/// A child that has not ended.
package struct OpenChild: Sendable, Hashable {
    package var number: WorkflowNumber
    /// The run that was started, if this one continues it.
    package var first: WorkflowNumber
    package var closePolicy: StoredClosePolicy

    package init(number: WorkflowNumber, first: WorkflowNumber? = nil, closePolicy: StoredClosePolicy) {
        self.first = first ?? number
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

    /// Of a queue in which each key is open once.
    package static func singletonKey(_ key: String) -> String { "@singleton:" + key }

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
    /// Who has paused it, if it is paused.
    package var pause: Instruction?
    package var outcome: Outcome?
    package var pending: [PendingRecord]
    /// Whether an executor is alive that can run it; nil if it has ended.
    package var isServed: Bool?
    /// Of one that is ready and may begin: what it waits for; the first that applies.
    package var wait: QueueWait?
    /// Where it came from, if it came of another run.
    package var link: RunLink?
    /// What holds it back, or a step of it; not the stores say so, but `ClientCore`.
    package var pauses: [PauseRow] = []

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
    case typePaused = "its type, which is paused"
    /// It is not ready: a step of it does not begin.
    case stepPaused = "a step that is paused"
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
///
/// What is asked of a run that was continued is asked of the newest of its chain.
package protocol WorkflowAccess: Sendable {
    /// The newest run under a user's id.
    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber?
    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord?
    /// Puts rows into inboxes; for a workflow that has ended or does not exist, nothing.
    func deliver(_ items: [InboxItem]) async throws(StoreError)
    /// Puts messages and requests into inboxes, in their order, each only once under a key; one result for each.
    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult]
    /// Brings a workflow that was set aside or paused back to ready, and takes back a pause that its owner has not carried out; false if there is
    /// nothing of that. One that was paused before it had begun is as fresh as before, and does not begin before its moment.
    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool
    /// Starts a new run in the place of one that has ended, if that is still the newest under its id (or under its public id, where it has none):
    /// of any number who ask at the same time, one gets it. The new run is in its lane, with what it inherits; a dead letter counts as started again.
    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult
}

/// What clients do besides: start, and wait for the end.
package protocol ClientStore: WorkflowAccess {
    /// Whether `start` without an executor tells other processes of it by itself.
    var announcesStarts: Bool { get }
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
    /// Of those of these that were continued: the newest run of their chain.
    func newestRuns(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: WorkflowNumber]
}

/// Opens transactions in which the user's own SQL runs beside what Perdure writes.
package protocol TransactionStore: Sendable {
    /// With `executor`, its commit is fenced.
    func begin(_ isolation: IsolationLevel, for executor: ExecutorID?) async throws(StoreError) -> any OpenTransaction
}

extension ClientStore {
    package var announcesStarts: Bool { false }

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
    /// These have published, appended or replied.
    case published([WorkflowNumber])
    /// There may be room under these limits.
    case freed([LimitID])
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
