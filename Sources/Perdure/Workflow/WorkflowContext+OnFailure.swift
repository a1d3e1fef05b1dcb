/// What undoes something, if it comes to that.
struct Compensation: Sendable {
    var name: String
    var retry: RetryPolicy
    var body: @Sendable (StepContext) async throws -> EncodedPayload
}

extension WorkflowContext {
    /// Registers what undoes a step: it runs if the workflow fails, is cancelled or times out.
    ///
    /// All that was registered runs in reverse order, one after the other, each durably like a step, out of reach of the cancellation that perhaps ended the
    /// workflow. Register it right behind the step that it undoes, or before it if the step may have happened although it failed. A workflow
    /// that is terminated runs no code, and so nothing of this. As the sagas of Temporal's SDKs.
    ///
    /// - Parameters:
    ///   - name: As that of a step.
    ///   - retry: How often it is tried. If it fails for good the others still run, and the workflow ends as failed with
    ///     ``WorkflowError/Code/compensationFailed``, which says what is left to be done by hand.
    ///   - body: Undoes it; it may find nothing to undo.
    /// - Throws: ``WorkflowError`` if the name cannot be that of a step, or if it is not the workflow's own code that asks.
    public func onFailure(
        _ name: String, retry: RetryPolicy = .exponential(attempts: 10), _ body: @escaping @Sendable (StepContext) async throws -> Void
    ) throws {
        try checkCaller("compensation '\(name)'")
        try Names.check(name, "the name of a compensation")
        if run.state.withLock({ $0.continuing != nil }) { throw WorkflowError.continuedAsNew }
        let compensation = Compensation(name: name, retry: retry) { step in
            try await body(step)
            return .void
        }
        run.compensations.withLock { $0.append(compensation) }
    }

    /// Registers what undoes a step and needs nothing of its ``StepContext``.
    public func onFailure(
        _ name: String, retry: RetryPolicy = .exponential(attempts: 10), _ body: @escaping @Sendable () async throws -> Void
    ) throws {
        try onFailure(name, retry: retry) { (_: StepContext) in try await body() }
    }

    /// Undoes what is registered, the last first.
    ///
    /// - Returns: The error with which the workflow ends.
    func compensated(_ error: any Error) async -> any Error {
        let compensations = run.compensations.withLock { compensations in
            defer { compensations = [] }
            return compensations
        }
        if compensations.isEmpty || isLeaving { return error }
        // A task of its own: the one that has failed may be cancelled, and everything in it with it.
        return await Task(executorPreference: run.flow) { await self.undo(compensations.reversed(), after: error) }.value
    }

    private func undo(_ compensations: [Compensation], after error: any Error) async -> any Error {
        var failures: [String] = []
        for compensation in compensations {
            do {
                try await undo(compensation)
            } catch {
                failures.append("'\(compensation.name)': \(error)")
            }
            // It goes on elsewhere.
            if isLeaving { return error }
        }
        if failures.isEmpty { return error }
        return WorkflowError(
            .compensationFailed,
            "what was to be undone could not be, and needs a person: \(failures.joined(separator: "; ")). The workflow had ended with: \(error)"
        )
    }

    private func undo(_ compensation: Compensation) async throws {
        try await enter("compensation '\(compensation.name)'")
        let limits = StepLimits(retry: compensation.retry, timeout: nil, totalTimeout: nil, heartbeatTimeout: nil)
        let record = try await call("@undo:" + Names.key(compensation.name, id: nil), .step) { key in
            StepBody(run: run, key: key, name: compensation.name, limits: limits, work: compensation.body).start()
        }
        _ = try succeeded(record)
    }

    /// The run ends in this process, whatever the code does.
    private var isLeaving: Bool { run.state.withLock { $0.stop != nil } }
}
