/// How a workflow ends of which no code is run.
enum EndUnrun {
    case terminated
    case cancelled
    case expired
    /// It gave way to others of its key.
    case displaced

    var status: OutcomeStatus {
        switch self {
        case .terminated: .terminated
        case .cancelled, .displaced: .cancelled
        case .expired: .expired
        }
    }

    var error: WorkflowError {
        switch self {
        case .terminated: WorkflowError(.terminated, "the workflow was terminated")
        case .cancelled: WorkflowError(.cancelled, "the workflow was cancelled before it began")
        case .expired: WorkflowError(.expired, "the workflow had not begun when its time to wait was over")
        case .displaced: WorkflowError(.cancelled, "the workflow gave way to others of its key, which was full, before it began")
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
