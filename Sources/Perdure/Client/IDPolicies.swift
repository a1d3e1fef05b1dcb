/// What a start does when its id is taken by a run that is still open; as Temporal's WorkflowIDConflictPolicy.
public enum IDConflictPolicy: String, Sendable, Hashable {
    /// Returns a handle of the open run. The default.
    case useExisting
    /// Throws ``WorkflowError/Code-swift.struct/alreadyStarted``.
    case fail
    /// Terminates the open run, waits until an engine (any) has done it, then starts a new one under the same id.
    ///
    /// Not in a transaction, which cannot wait for that.
    case terminateExisting
}

/// What a start does when its id is taken by a run that is closed; as Temporal's WorkflowIDReusePolicy, with one more as the default.
public enum IDReusePolicy: String, Sendable, Hashable {
    /// Returns a handle of the closed run: an id is an idempotency key. The default.
    case useExisting
    /// Starts a new run under the same id.
    case allowDuplicate
    /// Starts a new run if the last one did not complete (it failed, was cancelled or terminated, or timed out); throws otherwise.
    case allowDuplicateFailedOnly
    /// Throws ``WorkflowError/Code-swift.struct/alreadyStarted``.
    case rejectDuplicate
}
