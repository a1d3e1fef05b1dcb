/// One run of a workflow, from outside; works in any process, whether it runs workflows or not.
public struct WorkflowHandle<Output: Sendable>: Sendable {
    /// The public id: the user's own, or one that Perdure made.
    public let id: String
    package let number: WorkflowNumber
    package let core: ClientCore
    package let errors: ErrorRegistry

    /// Where the workflow is in its life; with a transaction, as that sees it.
    public func status(in transaction: Transaction? = nil) async throws -> WorkflowStatus {
        try await core.status(of: number, in: transaction)
    }

    /// Asks the workflow to cancel: its task is cancelled, wherever it waits; with a transaction, when that commits.
    ///
    /// It may take its time, and may decline by returning a result. Every further call of its context throws `CancellationError`. One that
    /// has not begun yet ends at once, and none of its code runs; one that was set aside is cancelled when it is resumed.
    public func cancel(in transaction: Transaction? = nil) async throws {
        try await core.deliver(InboxItem(workflow: number, kind: .cancel), in: transaction)
    }

    /// Ends the workflow without running any of its code; with a transaction, when that commits.
    ///
    /// Its children follow their policies. Any engine does it, whether it knows the type or not; also of a workflow that was set aside.
    public func terminate(in transaction: Transaction? = nil) async throws {
        try await core.deliver(InboxItem(workflow: number, kind: .terminate), in: transaction)
    }

    /// Brings a workflow back that was set aside, once what it was set aside for is mended, or that was paused; with a transaction, when that
    /// commits.
    ///
    /// - Returns: False if it is neither.
    @discardableResult
    public func resume(in transaction: Transaction? = nil) async throws -> Bool { try await core.resume(number, in: transaction) }

    /// The outcome's output, or the error that it holds.
    fileprivate func output() async throws -> EncodedPayload? {
        switch try await core.ending(of: number) {
        case .outcome(let outcome):
            if outcome.status == .completed { return outcome.output }
            guard let error = outcome.error else { throw WorkflowError(.terminated, "workflow '\(id)' ended as \(outcome.status)") }
            throw errors.restore(error, with: core.coder)
        case .setAside(_, let reason):
            throw WorkflowError(.setAside, "workflow '\(id)' was set aside and goes no further by itself: \(reason)")
        }
    }
}

extension WorkflowHandle where Output: Codable {
    /// Waits for the end, woken by push.
    ///
    /// - Throws: What the workflow threw: as itself if it is one of ``Workflow/errors``, otherwise a ``RecordedError``; a ``WorkflowError`` if it was
    ///   cancelled, terminated, timed out or set aside; `CancellationError` if the *waiting* task is cancelled.
    public func result() async throws -> Output {
        try core.coder.decode(Output.self, from: try await output(), what: "the result of workflow '\(id)'")
    }
}

extension WorkflowHandle where Output == Void {
    /// Waits for the end, woken by push; throws as the other `result()`.
    public func result() async throws { _ = try await output() }
}
