// A workflow that is to stand still for a while.

extension WorkflowHandle {
    /// Pauses the workflow: no step of it begins any more; those that run end, and are recorded.
    ///
    /// As soon as nothing of it runs it is a row that nobody claims, with the state ``WorkflowStatus/State/paused``, until it is resumed. What arrives for
    /// it waits, timers that come due wait, and its timeout goes on. It can be terminated, and a cancel resumes it first. If it is paused already, nothing
    /// changes.
    ///
    /// - Parameters:
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Throws: ``WorkflowError/Code/ended`` if it has ended, ``WorkflowError/Code/setAside`` if it was set aside, and so goes no further anyway.
    public func pause(by: String, reason: String? = nil) async throws { try await core.pause(number, id, by, reason) }

    /// Resumes the workflow, as ``resume(in:)``, and records who did it, and why.
    ///
    /// - Returns: False if it was neither paused nor set aside.
    @discardableResult
    public func resume(by: String, reason: String? = nil) async throws -> Bool { try await core.resume(number, by, reason) }
}

extension Client {
    /// Pauses the newest run under an id; see ``WorkflowHandle/pause(by:reason:)``.
    public func pause(_ id: String, by: String, reason: String? = nil) async throws {
        try await core.pause(core.number(ofID: id), id, by, reason)
    }

    /// Resumes the newest run under an id; see ``WorkflowHandle/resume(by:reason:)``.
    @discardableResult
    public func resume(_ id: String, by: String, reason: String? = nil) async throws -> Bool {
        try await core.resume(core.number(ofID: id), by, reason)
    }
}

extension ClientCore {
    @discardableResult
    func pause(_ number: WorkflowNumber, _ id: String, _ by: String, _ reason: String?) async throws -> PauseResult {
        let instruction = try instruction(by, reason)
        let result = try await patiently { () throws(StoreError) in try await store.pause(number, instruction) }
        switch result {
        case .paused, .already: break
        case .accepted: await wake(.inbox, nil)
        case .setAside: throw WorkflowError(.setAside, "the workflow '\(id)' was set aside, and goes no further by itself")
        case .ended: throw WorkflowError(.ended, "the workflow '\(id)' has ended, and nothing of it changes any more")
        }
        return result
    }

    func resume(_ number: WorkflowNumber, _ by: String, _ reason: String?) async throws -> Bool {
        let instruction = try instruction(by, reason)
        guard try await patiently({ () throws(StoreError) in try await store.resume(number, instruction) }) else { return false }
        await wake(.ready, nil)
        return true
    }
}
