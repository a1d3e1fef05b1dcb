/// The internal number of one run of a workflow: 63 bits, ordered by time, the key of every table.
///
/// Milliseconds since 2025-01-01 (by the database's clock) in the high 41 bits, a sequence in the low 22.
package typealias WorkflowNumber = Int64

/// Microseconds since 1970-01-01 UTC: how every moment is stored.
package typealias Microseconds = Int64

/// One start of an engine: random, 63 bits, never reused, never a configured name.
package typealias ExecutorID = Int64

/// Bytes and what they are encoded with.
///
/// Stores never look inside; what they index of attributes they are told by `WorkflowRecord.attributeRows`.
package struct EncodedPayload: Sendable, Hashable {
    /// The codec's number; 0 is "nothing" (a `Void` value), 1 is JSON, as `PayloadCodec` lists them.
    package var codec: Int16
    package var bytes: [UInt8]

    package init(codec: Int16, bytes: [UInt8]) {
        self.codec = codec
        self.bytes = bytes
    }

    package static let void = EncodedPayload(codec: 0, bytes: [])
}

/// What decides who may claim a workflow that waits to be run.
package struct Lane: Sendable, Hashable {
    package var queue: String
    package var key: String
    package var priority: Int16
    package var workflow: String
    package var version: String

    package init(queue: String = "", key: String = "", priority: Int16 = 0, workflow: String, version: String = "") {
        self.queue = queue
        self.key = key
        self.priority = priority
        self.workflow = workflow
        self.version = version
    }
}

/// What happens to a child that is open when its parent closes; the names and meanings are Temporal's.
package enum StoredClosePolicy: Int16, Sendable {
    case terminate = 1
    case cancel = 2
    case abandon = 3

    /// Of a column; what this library does not know reaches nobody.
    package init(column: Int64?) { self = column.flatMap { Int16(exactly: $0) }.flatMap(Self.init(rawValue:)) ?? .abandon }
}

/// Who asked for a child, and under which key of its history.
package struct ParentLink: Sendable, Hashable {
    package var number: WorkflowNumber
    package var key: String
    package var closePolicy: StoredClosePolicy

    package init(number: WorkflowNumber, key: String, closePolicy: StoredClosePolicy) {
        self.number = number
        self.key = key
        self.closePolicy = closePolicy
    }
}

/// What was asked of a workflow: the row of `workflows`, never changed.
package struct WorkflowRecord: Sendable, Hashable {
    package var number: WorkflowNumber
    /// The user's own id; nil where none was given.
    package var id: String?
    package var lane: Lane
    package var input: EncodedPayload
    package var parent: ParentLink?
    /// A JSON object of the caller's attributes: the one payload that a store keeps in two forms, the other being `attributeRows`.
    package var attributes: EncodedPayload?
    package var created: Microseconds
    /// Not before this moment; nil is at once.
    package var due: Microseconds?
    /// The workflow is cancelled as timed out at this moment.
    package var deadline: Microseconds?
    /// If it has not begun by this moment it ends as expired.
    package var expires: Microseconds?

    package init(
        number: WorkflowNumber, id: String? = nil, lane: Lane, input: EncodedPayload, parent: ParentLink? = nil,
        attributes: EncodedPayload? = nil, created: Microseconds, due: Microseconds? = nil, deadline: Microseconds? = nil,
        expires: Microseconds? = nil
    ) {
        self.expires = expires
        self.number = number
        self.id = id
        self.lane = lane
        self.input = input
        self.parent = parent
        self.attributes = attributes
        self.created = created
        self.due = due
        self.deadline = deadline
    }

    /// Takes what a later call of the same deduplication key asks for: the input, and until when it is to begin and to end.
    package mutating func take(_ later: WorkflowRecord, _ deduplication: StoredDeduplication, since: Microseconds) {
        (input, attributes) = (later.input, later.attributes)
        if deduplication.isDebounced {
            postpone(to: later, since: since, atMost: deduplication.maximumWait)
        } else {
            // It keeps its place, also one that is delayed: the time to begin and to end is counted from there.
            let shift = max(due ?? .min, later.created) - (later.due ?? later.created)
            expires = later.expires.map { $0 + shift }
            deadline = later.deadline.map { $0 + shift }
        }
    }

    /// The same asked for once more, by nobody's child; its timeout and its expiry begin anew.
    package func redriven(as number: WorkflowNumber, at now: Microseconds) -> WorkflowRecord {
        var record = WorkflowRecord(number: number, lane: lane, input: input, attributes: attributes, created: now)
        let later = now - (due ?? created)
        record.deadline = deadline.map { $0 + later }
        record.expires = expires.map { $0 + later }
        return record
    }

    /// Moves to the moments of a later call of the same debounce, but begins at the latest so long after the first call.
    private mutating func postpone(to later: WorkflowRecord, since: Microseconds, atMost: Duration?) {
        let limit = atMost.map { since.adding($0) } ?? .max
        due = later.due.map { min($0, limit) }
        // What follows from its beginning moves with it.
        let earlier = (later.due ?? limit) - (due ?? limit)
        expires = later.expires.map { $0 - earlier }
        deadline = later.deadline.map { $0 - earlier }
    }

    /// Whether this is the same start, sent again: what a later call of a debounce has replaced says nothing about that.
    package func isResend(of other: WorkflowRecord) -> Bool {
        number == other.number && id == other.id && lane == other.lane && created == other.created && parent == other.parent
    }
}

/// What a row of a history stands for.
package enum StepKind: Int16, Sendable {
    case step = 1
    case transaction = 2
    case timer = 3
    case receive = 4
    case childStart = 5
    case childResult = 6
    case cancel = 7
    case patch = 8
    /// Gives a place in the order to the row whose key is its output: a transaction that committed without one.
    case order = 9
    /// A message that another receive had been given when it was cancelled.
    case receiveAgain = 10
    /// A message to another workflow.
    case send = 11
    /// A published event; its value is the output.
    case event = 12
    /// A value appended to a stream, which is the output; without one the stream is closed.
    case append = 13
    /// A request of a client, with what it was answered.
    case request = 14
    /// Children that were started together: their numbers follow each other, and the output is the block of them.
    case childrenStart = 16
    /// The ends of some of these, in the order in which they came, with what came of each.
    case childrenEnded = 17
    /// A change of its own attributes, which is the output, with null for those that are removed.
    case setAttributes = 20
}

/// One completed step: the row of `steps`, never changed.
package struct StepRecord: Sendable, Hashable {
    package var workflow: WorkflowNumber
    /// Unique in the workflow.
    package var key: String
    /// The place in which it was delivered; nil only for a transaction that committed without one.
    package var order: Int64?
    package var kind: StepKind
    package var output: EncodedPayload?
    /// A `RecordedError`, encoded; nil on success.
    package var error: EncodedPayload?
    package var started: Microseconds
    package var finished: Microseconds
    package var attempts: Int32

    package init(
        workflow: WorkflowNumber, key: String, order: Int64?, kind: StepKind, output: EncodedPayload? = nil,
        error: EncodedPayload? = nil, started: Microseconds, finished: Microseconds, attempts: Int32 = 1
    ) {
        self.workflow = workflow
        self.key = key
        self.order = order
        self.kind = kind
        self.output = output
        self.error = error
        self.started = started
        self.finished = finished
        self.attempts = attempts
    }
}

/// A step that has failed at least once, reported progress, or is held back by a pause, and is not completed: the row of `pending`.
package struct PendingRecord: Sendable, Hashable {
    package var workflow: WorkflowNumber
    package var key: String
    /// Attempts made so far.
    package var attempt: Int32
    /// When the first attempt began: the base of a timeout in total.
    package var started: Microseconds
    /// When the next attempt begins; nil while one runs.
    package var due: Microseconds?
    package var error: EncodedPayload?
    package var progress: EncodedPayload?
    /// The number of the `PauseRow` because of which the next attempt does not begin.
    package var heldBy: Int64?

    package init(
        workflow: WorkflowNumber, key: String, attempt: Int32, started: Microseconds, due: Microseconds? = nil,
        error: EncodedPayload? = nil, progress: EncodedPayload? = nil, heldBy: Int64? = nil
    ) {
        self.heldBy = heldBy
        self.workflow = workflow
        self.key = key
        self.attempt = attempt
        self.started = started
        self.due = due
        self.error = error
        self.progress = progress
    }
}

/// How a workflow ended.
package enum OutcomeStatus: Int16, Sendable, CaseIterable {
    case completed = 1
    case failed = 2
    case cancelled = 3
    case terminated = 4
    case timedOut = 5
    /// It waited longer than it was to, and never began.
    case expired = 6
    /// It goes on as a new run, whose input is its output.
    case continued = 7

    /// Whether a workflow of a queue that ends like this is a dead letter: nobody wanted it to.
    package var isDead: Bool { self == .failed || self == .timedOut || self == .expired }
}

/// Where a workflow waited that ends: what follows from that in the same commit.
package struct QueuePlace: Sendable, Hashable {
    package var queue: String
    package var key: String

    package init(queue: String, key: String) {
        self.queue = queue
        self.key = key
    }

    /// nil: it was in no queue.
    package init?(_ lane: Lane) {
        if lane.queue.isEmpty { return nil }
        (queue, key) = (lane.queue, lane.key)
    }
}

/// The end of a workflow: the row of `outcomes`, never changed.
package struct Outcome: Sendable, Hashable {
    package var workflow: WorkflowNumber
    package var status: OutcomeStatus
    package var output: EncodedPayload?
    package var error: EncodedPayload?
    package var finished: Microseconds

    package init(
        workflow: WorkflowNumber, status: OutcomeStatus, output: EncodedPayload? = nil, error: EncodedPayload? = nil,
        finished: Microseconds
    ) {
        self.workflow = workflow
        self.status = status
        self.output = output
        self.error = error
        self.finished = finished
    }
}

/// What others ask of a workflow.
package enum InboxKind: Int16, Sendable {
    case cancel = 1
    case terminate = 2
    /// A child has ended; `reference` is its number. The outcome itself is read from `outcomes`.
    case childEnded = 3
    /// `topic` and `payload`; `reference` is the sender's number, if it is a workflow.
    case message = 4
    /// As a message, and somebody waits for the reply to `key`.
    case request = 5
    /// An operator does something to a step: `topic` says what, `key` to which, and `reference` is the row of `interventions`.
    case intervention = 6
    /// One of the children that were started together has ended: `reference` is its number, `topic` the group that it belongs to.
    ///
    /// There may be very many of these, so they are read by the page (`HistoryReader.groupEnds`); `inbox(of:)` gives one only, as a sign that there
    /// are some that are not seen. The largest number: the index of the inbox has them behind all others.
    case groupEnded = 100
}

/// A row of `inbox`: inserted by anybody, deleted by the owner in the batch that records what came of it.
package struct InboxItem: Sendable, Hashable {
    /// Given by the store; 0 before that.
    ///
    /// Unique over all workflows, rising in the order of arrival.
    package var sequence: Int64
    package var workflow: WorkflowNumber
    package var kind: InboxKind
    package var reference: Int64?
    package var payload: EncodedPayload?
    package var topic: String?
    /// What its sender calls it: an idempotency key, or the key of the step that sent it.
    package var key: String?
    /// Its workflow knew of it when it left memory, so it is no reason to wake it.
    package var isSeen: Bool

    package init(
        sequence: Int64 = 0, workflow: WorkflowNumber, kind: InboxKind, reference: Int64? = nil, payload: EncodedPayload? = nil,
        topic: String? = nil, key: String? = nil, isSeen: Bool = false
    ) {
        self.sequence = sequence
        self.workflow = workflow
        self.kind = kind
        self.reference = reference
        self.payload = payload
        self.topic = topic
        self.key = key
        self.isSeen = isSeen
    }
}

/// The state of a workflow that has not ended: `live.state`.
package enum LiveState: Int16, Sendable {
    /// Waits to be claimed by an engine that serves its lane.
    case ready = 0
    /// Belongs to an executor.
    case owned = 1
    /// Unloaded: nobody's, until it is due or something arrives for it.
    case waiting = 2
    /// Set aside with a reason; only an operator brings it back.
    case setAside = 3
    /// More than one engine in a row has died with it: nobody's until it is due, and then claimed with few others at a time.
    case suspect = 4
    /// Paused by an operator: nobody's until it is resumed, terminated, or cancelled.
    case paused = 5
}
