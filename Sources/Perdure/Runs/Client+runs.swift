extension Client {
    /// Starts the newest run under an id again from the beginning; see ``WorkflowHandle/restart(options:in:)``.
    ///
    /// - Returns: The new run, as ``WorkflowStatus/run`` says it.
    @discardableResult
    public func restart(_ id: String, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil) async throws -> String {
        try await succeed(id, .restart, options, transaction)
    }

    /// Starts a new run with the history of the newest one under an id up to a step; see ``WorkflowHandle/fork(from:options:in:)``.
    ///
    /// - Returns: The new run, as ``WorkflowStatus/run`` says it.
    @discardableResult
    public func fork(
        _ id: String, from step: String, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> String {
        try await succeed(id, .forkStep(step), options, transaction)
    }

    /// Goes on where the newest run under an id failed; see ``WorkflowHandle/rewind(options:in:)``.
    ///
    /// - Returns: The new run, as ``WorkflowStatus/run`` says it.
    @discardableResult
    public func rewind(_ id: String, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil) async throws -> String {
        try await succeed(id, .rewind, options, transaction)
    }

    /// The newest run under an id and those that it came of, the oldest first; with a transaction, as that sees them.
    ///
    /// - Parameters:
    ///   - id: The workflow's id.
    ///   - limit: Of very many, only so many of the newest.
    ///   - transaction: A transaction of Perdure's.
    public func runs(of id: String, limit: Int = 100, in transaction: Transaction? = nil) async throws -> [WorkflowRun] {
        try await core.runs(endingWith: core.number(ofID: id, in: transaction), limit: limit, in: transaction)
    }

    private func succeed(
        _ id: String, _ change: RunChange, _ options: NewRunOptions, _ transaction: Transaction?
    ) async throws -> String {
        Names.publicID(try await core.succeed(core.number(ofID: id, in: transaction), change, options, in: transaction))
    }
}
