extension RunState {
    /// What a call of the context is told before anything else.
    enum Entry {
        case go
        case fail(any Error)
        /// Never to be resumed.
        case park
    }

    /// What is to be done when the task that waits for a call is cancelled.
    enum CancelAction {
        case none
        case work(@Sendable () -> Void)
        case resume(Parked<Resumption>?, stopping: (@Sendable () -> Void)?)
    }
}
