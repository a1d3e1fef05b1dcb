/// Which workflows are meant: by text, or in Swift.
///
/// ```swift
/// let text = try WorkflowFilter(parsing: "name = \"Checkout\" and status = failed and started > -1h and customer = \"acme\"")
/// let same: WorkflowFilter =
///     .name == "Checkout" && .status == .failed && .started > .ago(.hours(1)) && .attribute("customer") == "acme"
/// ```
///
/// <doc:Filters> describes the language. A filter is true or false of every workflow: a comparison with what a workflow does not have is false.
public struct WorkflowFilter: Sendable, Hashable {
    package let node: FilterNode

    package init(_ node: FilterNode) { self.node = node }

    /// Every workflow.
    public static let all = WorkflowFilter(.all([]))
    /// Those that have not ended.
    public static let open = WorkflowFilter(.states(WorkflowStatus.State.openStates))
    /// Those that have ended.
    public static let closed = WorkflowFilter(.states(WorkflowStatus.State.closedStates))

    /// Both.
    public static func && (left: WorkflowFilter, right: WorkflowFilter) -> WorkflowFilter { WorkflowFilter(.all([left.node, right.node])) }

    /// One of them at least.
    public static func || (left: WorkflowFilter, right: WorkflowFilter) -> WorkflowFilter { WorkflowFilter(.any([left.node, right.node])) }

    /// All others.
    public static prefix func ! (filter: WorkflowFilter) -> WorkflowFilter { WorkflowFilter(.not(filter.node)) }
}

extension WorkflowStatus.State {
    package static let openStates: Set<WorkflowStatus.State> = [.scheduled, .queued, .running, .waiting, .setAside, .paused]
    package static let closedStates: Set<WorkflowStatus.State> = [
        .completed, .failed, .cancelled, .terminated, .timedOut, .expired, .continued,
    ]
    package static let allStates = openStates.union(closedStates)
}
