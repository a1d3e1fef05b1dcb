public import FoundationEssentials

/// A workflow in a list.
///
/// It is a ``WorkflowStatus`` without what takes longer to find out.
public struct WorkflowSummary: Sendable {
    /// The public id.
    public var id: String
    /// The workflow's type.
    public var name: String
    /// The application version that may run it; empty is any.
    public var version: String
    /// Where it is in its life.
    public var state: WorkflowStatus.State
    /// When it was started.
    public var createdAt: Date
    /// When it ended.
    public var finishedAt: Date?
    /// When it begins or wakes.
    public var dueAt: Date?
    /// When it times out.
    public var deadlineAt: Date?
    /// If it has not begun by then it ends as expired.
    public var expiresAt: Date?
    /// Why it was set aside.
    public var reason: String?
    /// What it waits for, if its type is paused: what ``WorkflowStatus/waitsFor`` says then.
    public var waitsFor: String?
    /// The pause of its type, if it has not ended.
    ///
    /// Those of steps are in ``WorkflowStatus/pauses``.
    public var pauses: [Pause]
    /// How many engines have died while they had it.
    public var crashes: Int
    /// The queue that it is or was in; empty if none.
    public var queue: String
    /// Its key in the queue.
    public var key: String
    /// Its priority in the queue: 0 goes first.
    public var priority: Int
    /// The public id of the workflow whose child it is.
    public var parentID: String?
    /// What it is found by.
    public var attributes: [String: SearchAttribute]
    package var number: WorkflowNumber

    /// - Parameter pauses: All that are active.
    package init(_ record: SummaryRecord, now: Microseconds, pauses: [PauseRow] = []) {
        var record = record
        if record.status.outcome == nil {
            record.status.pauses = pauses.filter {
                $0.subject.kind == .workflowType && $0.subject.name == record.status.record.lane.workflow
            }
        }
        let status = WorkflowStatus(record.status, now: now)
        (waitsFor, self.pauses) = (status.waitsFor, status.pauses)
        (id, name, version, state) = (status.id, status.name, status.version, status.state)
        (createdAt, finishedAt, dueAt) = (status.createdAt, status.finishedAt, status.dueAt)
        (deadlineAt, expiresAt) = (status.deadlineAt, status.expiresAt)
        (reason, crashes) = (status.reason, status.crashes)
        (queue, key, priority) = (status.queue, status.key, status.priority)
        (parentID, attributes, number) = (record.parentID, status.attributes, record.status.record.number)
    }
}
