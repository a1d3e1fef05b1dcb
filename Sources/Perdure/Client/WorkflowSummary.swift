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

    package init(_ record: SummaryRecord, now: Microseconds) {
        let status = WorkflowStatus(record.status, now: now)
        (id, name, version, state) = (status.id, status.name, status.version, status.state)
        (createdAt, finishedAt, dueAt) = (status.createdAt, status.finishedAt, status.dueAt)
        (deadlineAt, expiresAt) = (status.deadlineAt, status.expiresAt)
        (reason, crashes) = (status.reason, status.crashes)
        (queue, key, priority) = (status.queue, status.key, status.priority)
        (parentID, attributes, number) = (record.parentID, status.attributes, record.status.record.number)
    }
}
