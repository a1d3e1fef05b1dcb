/// How a workflow ends of which no code is run.
enum EndUnrun {
    case terminated
    case cancelled

    var status: OutcomeStatus {
        switch self {
        case .terminated: .terminated
        case .cancelled: .cancelled
        }
    }

    var error: WorkflowError {
        switch self {
        case .terminated: WorkflowError(.terminated, "the workflow was terminated")
        case .cancelled: WorkflowError(.cancelled, "the workflow was cancelled before it began")
        }
    }
}

extension LoadedWorkflow {
    /// How it ends without running, if it is to.
    ///
    /// A cancel ends what has not begun: what no engine has had, or what is not to begin yet.
    func endUnrun(isFresh: Bool, now: Microseconds) -> EndUnrun? {
        if inbox.contains(where: { $0.kind == .terminate }) { return .terminated }
        guard inbox.contains(where: { $0.kind == .cancel }), history.isEmpty, unordered.isEmpty, pending.isEmpty else { return nil }
        return isFresh || record.due ?? .min > now ? .cancelled : nil
    }
}
