public import FoundationEssentials

/// What can be seen of a workflow from outside.
public struct WorkflowStatus: Sendable {
    /// Where a workflow is in its life.
    public enum State: String, Sendable, Hashable {
        /// Not to begin yet.
        case scheduled
        /// Waits for an engine that serves it.
        case queued
        /// An engine has it.
        case running
        /// It waits, and is in no engine's memory.
        case waiting
        /// It goes no further without a person; ``WorkflowStatus/reason`` says why.
        case setAside = "set aside"
        /// An operator has paused it; ``WorkflowStatus/pausedBy`` says who.
        case paused
        /// It has returned.
        case completed
        /// It has thrown.
        case failed
        /// It ended because it was asked to.
        case cancelled
        /// It was ended without running its code.
        case terminated
        /// It ended because it took too long.
        case timedOut = "timed out"
        /// It waited longer than it was to, and never began.
        case expired
        /// It goes on as a new run under its id: `result()` of its handle waits for the end of that.
        case continued

        /// True if it has ended.
        public var isClosed: Bool {
            switch self {
            case .completed, .failed, .cancelled, .terminated, .timedOut, .expired, .continued: true
            case .scheduled, .queued, .running, .waiting, .setAside, .paused: false
            }
        }
    }

    /// A step that has failed at least once, has reported progress, or is held back by a pause, and is not completed.
    public struct PendingStep: Sendable, Hashable {
        /// The step's key.
        public var key: String
        /// Attempts that have failed.
        public var attempts: Int
        /// When the next attempt begins; nil while one runs.
        public var nextAttempt: Date?
        /// The last error, as it is stored.
        public var error: [UInt8]?
        /// The last progress, as it is stored.
        public var progress: [UInt8]?
        /// No attempt of it begins: steps of its name are paused, or its circuit breaker is open.
        ///
        /// ``WorkflowStatus/pauses`` has the pause.
        public var isPaused: Bool
    }

    /// The public id.
    public var id: String
    /// The run that it is, of all those under its id.
    public var run: String
    /// Where the run came from, if it came of an earlier one.
    public var link: WorkflowRun.Link?
    /// The workflow's type.
    public var name: String
    /// The application version that may run it; empty is any.
    public var version: String
    /// Where it is in its life.
    public var state: State
    /// When it was started.
    public var createdAt: Date
    /// When it ended.
    public var finishedAt: Date?
    /// When it begins or wakes.
    public var dueAt: Date?
    /// When it times out.
    public var deadlineAt: Date?
    /// Why it was set aside, or paused.
    public var reason: String?
    /// Who has paused it, if it is `paused`.
    public var pausedBy: String?
    /// When that was asked for.
    public var pausedAt: Date?
    /// How many engines have died while they had it.
    public var crashes: Int
    /// Whether an engine is alive that has its type and its version; nil if it has ended.
    ///
    /// A workflow that is `queued` and not served waits for such an engine to be started.
    public var isServed: Bool?
    /// What it waits for, if it is `queued`, or held back by a pause: "a slot of its key", say, or "its type, which is paused".
    public var waitsFor: String?
    /// The pauses that hold it back, or a step of it: who, why and since when.
    public var pauses: [Pause]
    /// The queue that it is or was in; empty if none.
    public var queue: String
    /// Its key in the queue.
    public var key: String
    /// Its priority in the queue: 0 goes first.
    public var priority: Int
    /// If it has not begun by then it ends as expired.
    public var expiresAt: Date?
    /// What it is found by: what it was started with.
    public var attributes: [String: SearchAttribute]
    /// Steps between two attempts, or with progress.
    public var pendingSteps: [PendingStep]

    package init(_ status: StatusRecord, now: Microseconds) {
        id = status.record.id ?? Names.publicID(status.record.number)
        run = Names.publicID(status.record.number)
        link = status.link.map(WorkflowRun.Link.init)
        name = status.record.lane.workflow
        version = status.record.lane.version
        state = Self.state(status, now)
        createdAt = Self.date(status.record.created)
        finishedAt = status.outcome.map { Self.date($0.finished) }
        dueAt = status.due.flatMap { $0 == .max ? nil : Self.date($0) }
        deadlineAt = status.record.deadline.map(Self.date)
        reason = status.pause == nil ? status.reason : status.pause?.reason
        (pausedBy, pausedAt) = (status.pause?.by, status.pause.map { Self.date($0.at) })
        crashes = status.crashes
        isServed = status.isServed
        pauses = status.pauses.map { Pause($0, now: now) }
        waitsFor = Self.wait(status, state)?.rawValue
        (queue, key, priority) = (status.record.lane.queue, status.record.lane.key, Int(status.record.lane.priority))
        expiresAt = status.record.expires.map(Self.date)
        attributes = status.record.searchAttributes
        pendingSteps = status.pending.map {
            PendingStep(
                key: $0.key, attempts: Int($0.attempt), nextAttempt: $0.due.map(Self.date), error: $0.error?.bytes,
                progress: $0.progress?.bytes, isPaused: $0.heldBy != nil)
        }
    }

    private static func wait(_ status: StatusRecord, _ state: State) -> QueueWait? {
        if state.isClosed || state == .paused || state == .setAside { return nil }
        if status.pauses.contains(where: { $0.subject.kind == .workflowType }) { return .typePaused }
        if state == .queued { return status.wait }
        return status.pauses.isEmpty ? nil : .stepPaused
    }

    private static func date(_ moment: Microseconds) -> Date { Date(timeIntervalSince1970: Double(moment) / 1_000_000) }

    package static func state(_ status: StatusRecord, _ now: Microseconds) -> State {
        if let outcome = status.outcome {
            return State(outcome.status)
        }
        return switch status.live {
        case .ready: status.due.map { $0 > now } == true ? .scheduled : .queued
        case .owned, nil: .running
        // Put aside until the moment before which it is not to begin.
        case .waiting: status.record.due != nil && status.due == status.record.due ? .scheduled : .waiting
        case .setAside: .setAside
        case .paused: .paused
        // It is tried again when it is due.
        case .suspect: .waiting
        }
    }
}

extension WorkflowStatus.State {
    package init(_ status: OutcomeStatus) {
        self =
            switch status {
            case .completed: .completed
            case .failed: .failed
            case .cancelled: .cancelled
            case .terminated: .terminated
            case .timedOut: .timedOut
            case .expired: .expired
            case .continued: .continued
            }
    }
}
