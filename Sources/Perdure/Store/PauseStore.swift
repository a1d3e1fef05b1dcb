/// What a pause is about; the raw values are the words of the views, on every store.
package enum PauseKind: String, Sendable, CaseIterable {
    /// A type of workflow.
    case workflowType = "workflow type"
    /// The steps of a name.
    case step
    /// The steps behind a circuit breaker.
    case breaker = "circuit breaker"
}

/// What tells one pause from the others.
package struct PauseSubject: Sendable, Hashable {
    package var kind: PauseKind
    /// The type's name, the step's, or the breaker's key.
    package var name: String
    /// The one type of workflow in which a step is paused; empty: in all.
    package var scope: String

    package init(_ kind: PauseKind, _ name: String, in scope: String = "") {
        self.kind = kind
        self.name = name
        self.scope = scope
    }
}

/// The row of `pauses`: there is one for each subject that was ever paused, and it says what became of the last pause.
package struct PauseRow: Sendable, Equatable {
    /// Given by the store; what the rows of `pending` say that wait for it.
    package var number: Int64
    package var subject: PauseSubject
    package var by: String
    package var reason: String?
    package var since: Microseconds
    /// When it ends by itself; of a breaker, when it lets the first call through.
    package var until: Microseconds?
    package var ended: Microseconds?
    package var endedBy: String?
    /// Of a breaker, as text: `BreakerState`.
    package var breaker: BreakerState?
    /// Raised by every change; 0 before it is stored.
    package var revision: Int64

    package init(
        number: Int64 = 0, subject: PauseSubject, by: String, reason: String? = nil, since: Microseconds, until: Microseconds? = nil,
        ended: Microseconds? = nil, endedBy: String? = nil, breaker: BreakerState? = nil, revision: Int64 = 0
    ) {
        self.number = number
        self.subject = subject
        self.by = by
        self.reason = reason
        self.since = since
        self.until = until
        self.ended = ended
        self.endedBy = endedBy
        self.breaker = breaker
        self.revision = revision
    }

    /// Whether it holds anything back; a breaker does until it is closed.
    package func isActive(at now: Microseconds) -> Bool {
        ended == nil && (subject.kind == .breaker || until.map { $0 > now } ?? true)
    }
}

/// What came of waking those that a pause had held back.
package struct WakeReport: Sendable, Equatable {
    package var woken: Int
    /// Behind which to go on; nil at the end.
    package var next: WorkflowNumber?

    package init(woken: Int, next: WorkflowNumber?) {
        self.woken = woken
        self.next = next
    }
}

/// What is paused, for all engines: types of workflows, and names of steps.
///
/// Whether a pause holds is decided by whoever reads it; the store keeps the rows, and which of them a waiting step waits for (`PendingRecord.heldBy`).
package protocol PauseStore: Sendable {
    /// All rows, or those that nobody has ended.
    func pauses(all: Bool) async throws(StoreError) -> [PauseRow]
    /// The row of a subject.
    func pause(of subject: PauseSubject) async throws(StoreError) -> PauseRow?
    /// Stores the row with the next revision if that which is there is of revision `revision` (0: if there is none), and returns it; nil if it
    /// is another by now. A call that is sent again may find its own row, and answers nil.
    func put(_ row: PauseRow, over revision: Int64) async throws(StoreError) -> PauseRow?
    /// The numbers of the rows by which steps are held back, each once.
    func holders() async throws(StoreError) -> [Int64]
    /// Makes waiting workflows ready that have a step held back by this row, of those behind `workflow` in the order of their numbers: looks at
    /// `limit` steps at most, and wakes no more than `most`. What an executor has is left to that.
    func wakeHeld(by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int) async throws(StoreError) -> WakeReport
}

extension PauseStore {
    package func wakeHeld(by number: Int64, after workflow: WorkflowNumber, limit: Int) async throws(StoreError) -> WakeReport {
        try await wakeHeld(by: number, after: workflow, limit: limit, most: .max)
    }
}
