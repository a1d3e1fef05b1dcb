extension WorkflowContext {
    /// Whether a change of the workflow's code applies to this run: false for one that has passed this place with the code as it was before.
    ///
    /// ```swift
    /// if try context.patched("check for fraud") {
    ///     try await context.step("check") { try await fraud.check(order) }
    /// }
    /// ```
    ///
    /// So a workflow can be changed while some of its runs are open: those that are older go on as they began, and the others take the new
    /// path. As Temporal's. The first answer holds for the whole run, in loops too, and on each replay; a true one is a row of the history.
    /// It does not wait, but what comes next begins only when that row is durable.
    ///
    /// When no run is left that was told false, say ``deprecatePatch(_:fileID:line:)`` in its place and remove the old path; see
    /// <doc:SafeDeployments>.
    ///
    /// - Parameters:
    ///   - id: Names the change, in all runs of this workflow; it is asked for at one place of the code only.
    ///   - fileID: Where that is.
    ///   - line: Where that is.
    public func patched(_ id: String, fileID: String = #fileID, line: UInt = #line) throws -> Bool {
        try answer(id, "\(fileID):\(line)")
    }

    /// Says that the old path of a patch is gone from the code, and that every run takes the new one.
    ///
    /// It still records the patch, so that an engine whose code asks with ``patched(_:fileID:line:)`` goes the same way with the same run. When no
    /// such engine is left, and no run that it may have to take over, the call can be removed: rows of a patch for which nobody asks are passed over.
    public func deprecatePatch(_ id: String, fileID: String = #fileID, line: UInt = #line) throws {
        _ = try answer(id, "\(fileID):\(line)")
    }

    private func answer(_ id: String, _ place: String) throws -> Bool {
        try enterAtOnce("patch '\(id)'")
        try Names.check(id, "the id of a patch")
        do throws(WorkflowError) {
            return try run.patched(id, at: place)
        } catch {
            // The code, which might end with the error, does not decide.
            run.setAside(error)
            throw error
        }
    }

    /// As `enter`, for a call that does not wait; a task that is cancelled may ask, too.
    private func enterAtOnce(_ call: @autoclosure () -> String) throws {
        try checkCaller(call())
        switch run.state.withLock({ $0.enter() }) {
        case .go: break
        case .fail(let error): throw error
        // It cannot be suspended here, as others are.
        case .park: throw CancellationError()
        }
        if run.flow.intruded {
            run.setAside(.intruded)
            throw WorkflowError.intruded
        }
    }
}
