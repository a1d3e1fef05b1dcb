/// One run of a workflow, from outside; works in any process, whether it runs workflows or not.
public struct WorkflowHandle<Output: Sendable>: Sendable {
    /// The public id: the user's own, or one that Perdure made.
    public let id: String
    package let number: WorkflowNumber
    package let core: ClientCore
    package let errors: ErrorRegistry

    /// Where the workflow is in its life.
    public func status() async throws -> WorkflowStatus { try await core.status(of: number) }

    /// Asks the workflow to cancel: its task is cancelled, wherever it waits.
    ///
    /// It may take its time, and may decline by returning a result. Every further call of its context throws `CancellationError`.
    public func cancel() async throws { try await core.deliver(InboxItem(workflow: number, kind: .cancel)) }

    /// Ends the workflow without running any of its code; its children follow their policies.
    public func terminate() async throws { try await core.deliver(InboxItem(workflow: number, kind: .terminate)) }

    /// Brings a workflow that was set aside back, once what it was set aside for is mended.
    ///
    /// - Returns: False if it is not set aside.
    @discardableResult
    public func resume() async throws -> Bool { try await core.resume(number) }

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
