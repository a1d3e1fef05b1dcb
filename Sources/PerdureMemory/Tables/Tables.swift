internal import Perdure

/// The database: a pure state machine whose every operation either happens as a whole or throws and has changed nothing.
///
/// A workflow is in `live`, and then in exactly one index by its state (`ready`, `owned`, `timed`), until it is in `outcomes`.
struct Tables: Sendable {
    var workflows: [WorkflowNumber: WorkflowRecord] = [:]
    /// The newest run of each id of the user's.
    var ids: [ExactText: WorkflowNumber] = [:]
    var live: [WorkflowNumber: LiveRow] = [:]
    var asides: [WorkflowNumber: String] = [:]
    var steps: [WorkflowNumber: StepTable] = [:]
    var pending: [WorkflowNumber: [ExactText: PendingRecord]] = [:]
    var outcomes: [WorkflowNumber: Outcome] = [:]
    /// Of runs that came of earlier ones.
    var links: [WorkflowNumber: RunLink] = [:]
    /// Of the first of those that were continued as each other, the newest.
    var newestRuns: [WorkflowNumber: WorkflowNumber] = [:]

    /// Of each workflow, by rising sequence.
    var inbox: [WorkflowNumber: FIFO<InboxItem>] = [:]
    /// All rows of all inboxes in the order of arrival, and some that are gone.
    var arrivalLog: [Arrival] = []
    var inboxRows = 0
    var lastSequence: Int64 = 0

    /// Messages and requests that runs which came to no good end had not received, in their order.
    var unread: [WorkflowNumber: [InboxItem]] = [:]

    /// By rising number.
    var interventions: [WorkflowNumber: [InterventionRecord]] = [:]
    var lastIntervention: Int64 = 0

    var pauses: [PauseSubject: PauseRow] = [:]
    /// The workflows with steps that a pause holds back, by its number; and some in which none is any more.
    var held: [Int64: Set<WorkflowNumber>] = [:]

    var messageKeys: Set<MessageKey> = []
    var events: [WorkflowNumber: [ExactText: EventRecord]] = [:]
    /// By rising offset.
    var streams: [WorkflowNumber: [ExactText: [StreamRecord]]] = [:]
    var replies: [MessageKey: StoredReply] = [:]

    var executors: [ExecutorID: Lease] = [:]
    var leaders: [Duty: Leader] = [:]
    /// What is still to be returned of executors that were reaped.
    var reaped: [ExecutorID: Reaped] = [:]

    var lanes: [Lane] = []
    var laneNumbers: [Lane: Int] = [:]
    /// By `ReadyQueue.index`; empty ones stay.
    var ready: [FIFO<ReadyEntry>] = []
    /// The indices of those that are not empty, by the name of the workflow.
    var readyByName: [String: Set<Int>] = [:]
    var lastTicket: Int64 = 0
    var owned: [ExecutorID: Set<WorkflowNumber>] = [:]
    /// Who waits for a moment, and some that do no more.
    var timed = MinHeap<TimedEntry>()
    var timedRows = 0
    var suspects: Set<WorkflowNumber> = []
    /// Who ends if it has not begun by a moment, and some that have begun or ended.
    var expiring = MinHeap<TimedEntry>()

    var queues: [String: StoredQueue] = [:]
    var slots = SlotTable()
    /// The starts under each rate limit.
    var rates: [LimitID: RateWindow] = [:]
    var deduplications: [DeduplicationKey: DeduplicationHolder] = [:]
    var letters: [WorkflowNumber: DeadLetter] = [:]
    /// What is not a workflow yet; lanes without items are not there.
    var items: [Lane: FIFO<BatchItem>] = [:]

    var schedules: [ExactText: StoredScheduleRow] = [:]
    /// The runs of the times that have fired.
    var fires: [FireKey: WorkflowNumber] = [:]
    /// What stands in the code of each executor.
    var declaredSchedules: [ExecutorID: Set<String>] = [:]

    var nextNumber: WorkflowNumber = 1
}

/// The row of a workflow that has not ended.
struct LiveRow: Sendable {
    var lane: Int
    var state: LiveState
    var executor: ExecutorID?
    var due: Microseconds?
    /// When it ends if it has not begun; nil once it has.
    var expires: Microseconds?
    var crashes: Int
    /// Until when its executor watches it.
    var probation: Microseconds?
    /// Its place among those that are ready.
    var ticket: Int64 = 0
    /// It has begun: its lane is the one of returned work.
    var wasReturned = false
    /// Owned to end, without having begun.
    var endsUnrun = false

    /// Fresh work and returned work of a lane wait apart.
    var queue: Int { lane * 2 + (wasReturned ? 1 : 0) }

    /// Nobody's, and no executor has had it.
    var hasNotBegun: Bool { !wasReturned && (state == .ready || state == .waiting) }
    /// The same, and one that was paused before it had begun: it neither expires nor takes a turn.
    var isFresh: Bool { hasNotBegun || !wasReturned && state == .paused }
}

struct Lease: Sendable {
    var label: String
    var until: Microseconds
    var renewed: Microseconds
    /// Since when it was renewed without a gap.
    var aliveSince: Microseconds
    var started: Microseconds
    var repertoire: Repertoire
}

/// Who does something for all, and until when.
struct Leader: Sendable {
    var executor: ExecutorID
    var until: Microseconds
}

/// What an executor owned that has died.
struct Reaped: Sendable {
    var left: FIFO<WorkflowNumber>
    var label: String
    /// When it was heard last, if suspects were on probation then.
    var heard: Microseconds?
}

struct Arrival: Sendable {
    var sequence: Int64
    var workflow: WorkflowNumber
}

/// A place in a queue of ready work; tickets rise over all queues.
struct ReadyEntry: Sendable {
    var ticket: Int64
    var number: WorkflowNumber
}

/// One moment at which a waiting workflow is due.
struct TimedEntry: Sendable, Comparable {
    var due: Microseconds
    var number: WorkflowNumber

    static func < (left: TimedEntry, right: TimedEntry) -> Bool {
        left.due != right.due ? left.due < right.due : left.number < right.number
    }
}

extension Tables {
    /// The fence: every write of an executor asks.
    func checkFence(_ executor: ExecutorID) throws(StoreError) {
        guard executors[executor] != nil else {
            throw StoreError(.fenced, "the lease of executor \(executor) is gone: it may not write any more")
        }
    }

    mutating func laneNumber(_ lane: Lane) -> Int {
        if let number = laneNumbers[lane] { return number }
        let number = lanes.count
        laneNumbers[lane] = number
        lanes.append(lane)
        // Fresh work and returned work wait in queues of their own.
        ready.append(FIFO())
        ready.append(FIFO())
        return number
    }

    /// A block that nobody else gets: from the milliseconds of the clock, and never below what was given out.
    mutating func numberBlock(count: Int, now: Microseconds) -> NumberBlock {
        let epoch: Microseconds = 1_735_689_600_000_000  // 2025-01-01
        let first = max(max(0, (now - epoch) / 1000) << 22, nextNumber)
        nextNumber = first + WorkflowNumber(count)
        return NumberBlock(first: first, count: count)
    }
}
