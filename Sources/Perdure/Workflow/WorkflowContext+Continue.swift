extension Workflow {
    /// Ends this run and continues the workflow as a new one: under the same id, with another input and an empty history.
    ///
    /// For workflows that go on for years: a history that only grows makes each replay longer. The end of the one run and the beginning of the other are
    /// one commit. The new run keeps everything but the history: its queue and its place there, its key, its attributes, its parent, its deadline, messages
    /// that were not received, requests that were not answered, events, streams; handles of the earlier run lead to it. Children that are open
    /// follow their policies, as at any end of a parent. As Temporal's continue-as-new.
    ///
    /// ```swift
    /// func run(_ plan: Plan, in context: WorkflowContext) async throws {
    ///     for _ in 0..<100 { try await serve(plan, in: context) }
    ///     try continueAsNew(plan, in: context)
    /// }
    /// ```
    ///
    /// It ends the run whatever the code does with the error: every further call of the context throws it again, and what `run` returns or throws after
    /// that counts for nothing. Steps that run at this moment are cancelled where the scope of their tasks is left, and recorded.
    ///
    /// - Parameters:
    ///   - input: What the new run is given.
    ///   - context: The run's own.
    ///   - dropsCompensations: Whether what was registered with `onFailure` is given up. The new run does not know of it, so it is an error if
    ///     there is any, unless this is said.
    /// - Throws: Always: ``WorkflowError/Code/continuedAsNew`` if the run goes on as a new one. `CancellationError` if it was cancelled, and
    ///   another ``WorkflowError`` if it cannot go on; then it does not.
    public func continueAsNew(_ input: Input, in context: WorkflowContext, dropsCompensations: Bool = false) throws -> Never
    where Input: Codable {
        try context.checkCaller("continueAsNew")
        let payload = try context.run.coder.encode(input, what: "the input of workflow '\(Self.name)'")
        try context.continueAsNew(Self.name, payload, dropsCompensations)
    }
}

extension Workflow where Input == Void {
    /// Ends this run and continues the workflow as a new one; see ``continueAsNew(_:in:dropsCompensations:)``.
    public func continueAsNew(in context: WorkflowContext, dropsCompensations: Bool = false) throws -> Never {
        try context.checkCaller("continueAsNew")
        try context.continueAsNew(Self.name, .void, dropsCompensations)
    }
}

extension WorkflowContext {
    /// How many rows of the run's history the code has seen: the same on each replay, so it may decide by it when to continue as new.
    ///
    /// ```swift
    /// if context.historyLength > 5_000 { try continueAsNew(state, in: context) }
    /// ```
    public var historyLength: Int { Int(clamping: run.state.withLock { $0.delivered }) }

    fileprivate func continueAsNew(_ name: String, _ input: EncodedPayload, _ dropsCompensations: Bool) throws -> Never {
        guard name == run.record.lane.workflow else {
            throw WorkflowError(
                .otherType, "workflow '\(run.record.lane.workflow)' cannot be continued as a '\(name)': a run goes on as its own type")
        }
        try Task.checkCancellation()
        let names = run.compensations.withLock { $0.map { "'\($0.name)'" } }
        guard names.isEmpty || dropsCompensations else {
            throw WorkflowError(
                .compensationsLeft,
                "the new run would not know how to undo what this one has done (\(names.joined(separator: ", "))): continue where there is nothing to be undone, or say `dropsCompensations`"
            )
        }
        let entry = run.state.withLock { state in
            let entry = state.enter()
            if case .go = entry { state.goOn(with: input) }
            return entry
        }
        switch entry {
        case .go:
            run.compensations.withLock { $0 = [] }
            throw WorkflowError.continuedAsNew
        case .fail(let error): throw error
        case .park: throw CancellationError()
        }
    }
}
