// The end of a workflow, asked for by somebody who is recorded.

extension WorkflowHandle {
    /// Asks the workflow to cancel, as ``cancel(in:)``, and records who did it, and why.
    ///
    /// - Throws: ``WorkflowError/Code/ended`` if it has ended.
    public func cancel(by: String, reason: String? = nil) async throws { try await core.ask(.cancel, number, id, by, reason) }

    /// Ends the workflow without running any of its code, as ``terminate(in:)``, and records who did it, and why.
    ///
    /// - Throws: ``WorkflowError/Code/ended`` if it has ended.
    public func terminate(by: String, reason: String? = nil) async throws { try await core.ask(.terminate, number, id, by, reason) }
}

extension Client {
    /// Asks the newest run under an id to cancel; see ``WorkflowHandle/cancel(by:reason:)``.
    public func cancel(_ id: String, by: String, reason: String? = nil) async throws {
        try await core.ask(.cancel, core.number(ofID: id), id, by, reason)
    }

    /// Ends the newest run under an id without running any of its code; see ``WorkflowHandle/terminate(by:reason:)``.
    public func terminate(_ id: String, by: String, reason: String? = nil) async throws {
        try await core.ask(.terminate, core.number(ofID: id), id, by, reason)
    }
}

extension ClientCore {
    func ask(_ end: AskedEnd, _ number: WorkflowNumber, _ id: String, _ by: String, _ reason: String?) async throws {
        let instruction = try instruction(by, reason)
        guard try await patiently({ () throws(StoreError) in try await store.ask(end, of: number, instruction) }) else {
            throw WorkflowError(.ended, "the workflow '\(id)' has ended, and nothing of it changes any more")
        }
        await wake(.inbox, nil)
    }
}
