extension WorkflowHandle {
    /// This run: unlike ``id``, which stands for the newest, it is the same whatever comes after it.
    public var run: String { Names.publicID(number) }

    /// Starts it again from the beginning as a new run under the same id, with the same input; with a transaction, when that commits.
    ///
    /// Nothing is changed in this run. The new one has its type, queue, attributes and version, as much time as this one had, and no parent.
    /// It must be the newest under its id, and must have ended, or the options say to terminate it.
    ///
    /// - Returns: A handle of the new run.
    /// - Throws: ``WorkflowError``: ``WorkflowError/Code/stillRunning``, or ``WorkflowError/Code/superseded`` if somebody else was faster.
    @discardableResult
    public func restart(options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil) async throws -> WorkflowHandle {
        try await succeed(.restart, nil, options, transaction)
    }

    /// Starts it again from the beginning with another input; see ``restart(options:in:)``.
    @discardableResult
    public func restart(
        input: some Payload, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle {
        try await succeed(.restart, encoded(input), options, transaction)
    }

    /// Starts a new run under the same id that has this one's history up to a step; with a transaction, when that commits.
    ///
    /// The step itself and all that is behind it are done anew: steps with idempotency keys of their own, receives with new messages. What comes before it is
    /// replayed, so the code must still ask for it. Nothing is changed in this run, which need not have failed. A child that the copied part has started
    /// and whose end is behind it must have ended. For the rest as ``restart(options:in:)``.
    ///
    /// - Parameters:
    ///   - step: The step's key, as the view `workflow_steps` shows it: `ship`, or `ship#2` for the second of that name.
    ///   - options: The version, who asks for it and why.
    ///   - transaction: A transaction of Perdure's.
    /// - Throws: ``WorkflowError``: besides, ``WorkflowError/Code/unknownStep``.
    @discardableResult
    public func fork(
        from step: String, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle {
        try await succeed(.forkStep(step), nil, options, transaction)
    }

    /// Starts a new run with this one's history up to a step, and with another input; see ``fork(from:options:in:)``.
    @discardableResult
    public func fork(
        from step: String, input: some Payload, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle {
        try await succeed(.forkStep(step), encoded(input), options, transaction)
    }

    /// Starts a new run with this one's history up to a place, which is the `ordinal` of the view `workflow_steps`; see ``fork(from:options:in:)``.
    @discardableResult
    public func fork(
        fromOrdinal ordinal: Int, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle {
        try await succeed(.forkPlace(ordinal), nil, options, transaction)
    }

    /// Starts a new run with this one's history up to a place, and with another input; see ``fork(from:options:in:)``.
    @discardableResult
    public func fork(
        fromOrdinal ordinal: Int, input: some Payload, options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle {
        try await succeed(.forkPlace(ordinal), encoded(input), options, transaction)
    }

    /// Goes on where this run failed, was cancelled, terminated or timed out: a new run under the same id, with the history up to what made it end.
    ///
    /// The step whose error ended it runs again, with the idempotency key that it had; so does what had been completed behind it, but for transactions
    /// that have committed. A child that came to no good end is started anew. Messages that were received behind that point are received again. What was
    /// undone stays undone: where `onFailure` has undone steps, fork before the first
    /// of them instead. As `rewind` of Azure's Durable Functions; ``resume(in:)`` is for a workflow that was set aside, which has not ended. For the rest as
    /// ``restart(options:in:)``.
    ///
    /// - Throws: ``WorkflowError``: besides, ``WorkflowError/Code/notFailed`` if it has completed.
    @discardableResult
    public func rewind(options: NewRunOptions = NewRunOptions(), in transaction: Transaction? = nil) async throws -> WorkflowHandle {
        try await succeed(.rewind, nil, options, transaction)
    }

    private func encoded(_ input: some Payload) throws -> EncodedPayload {
        try core.coder.encode(input, what: "the input of workflow '\(id)'")
    }

    private func succeed(
        _ change: RunChange, _ input: EncodedPayload?, _ options: NewRunOptions, _ transaction: Transaction?
    ) async throws -> WorkflowHandle {
        let new = try await core.succeed(number, change, input: input, options, in: transaction)
        return WorkflowHandle(id: id, number: new, core: core, errors: errors)
    }
}
