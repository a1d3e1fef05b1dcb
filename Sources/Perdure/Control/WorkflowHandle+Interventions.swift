// Steps by hand: what an operator does to a step that fails again and again, or takes too long.

extension WorkflowHandle {
    /// Has the next attempt of a failing step begin at once, instead of after its back-off.
    ///
    /// The attempts that were made count as before. While an attempt runs there is nothing to be hastened, and it is without effect.
    ///
    /// - Parameters:
    ///   - step: The step's key: its name, or what ``WorkflowStatus/PendingStep/key`` says.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Throws: ``WorkflowError/Code/stepCompleted`` if the step has a result, ``WorkflowError/Code/stepNotPending`` if it does not wait for an
    ///   attempt and no engine has the workflow, ``WorkflowError/Code/ended`` if the workflow has ended.
    public func retryNow(step: String, by: String, reason: String? = nil) async throws {
        try await core.intervene(.retryStep, step, nil, of: number, id, by, reason)
    }

    /// Gives a step its result: the workflow goes on as if the body had returned it.
    ///
    /// An attempt that runs is cancelled, and what it returns after that counts for nothing. If it has returned before, that is the result, and this is
    /// without effect. A value that is not of the type that the code expects sets the workflow aside.
    ///
    /// - Parameters:
    ///   - step: The step's key: its name, or what ``WorkflowStatus/PendingStep/key`` says. A `transaction` cannot be completed by hand.
    ///   - value: What the step's call returns.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Throws: As ``retryNow(step:by:reason:)``.
    public func complete<Value: Payload>(step: String, with value: Value, by: String, reason: String? = nil) async throws {
        let payload = try core.coder.encode(value, what: "the result of step '\(step)'")
        try await core.intervene(.completeStep, step, payload, of: number, id, by, reason)
    }

    /// Gives a step that has no result its end; see ``complete(step:with:by:reason:)``.
    public func complete(step: String, by: String, reason: String? = nil) async throws {
        try await core.intervene(.completeStep, step, .void, of: number, id, by, reason)
    }

    /// Leaves a step out: its call throws a ``WorkflowError`` with the code ``WorkflowError/Code/skipped``, which the workflow can catch.
    ///
    /// There is no value that would do for every step, so a workflow that cannot do without the result fails with this error; to have it go on,
    /// use ``complete(step:with:by:reason:)``. Otherwise as that.
    public func skip(step: String, by: String, reason: String? = nil) async throws {
        let error = WorkflowError.skipped(step, by, reason)
        try await core.intervene(.skipStep, step, errors.record(error, with: core.coder), of: number, id, by, reason)
    }

    /// Gives a step its error, whatever attempts it has left: its call throws it.
    ///
    /// As itself if it is one of the workflow's ``Workflow/errors``. Otherwise as ``complete(step:with:by:reason:)``.
    public func fail(step: String, with error: any Error, by: String, reason: String? = nil) async throws {
        try await core.intervene(.failStep, step, errors.record(error, with: core.coder), of: number, id, by, reason)
    }

    /// All that operators have done to the workflow, in order; also after its end.
    public func interventions() async throws -> [Intervention] {
        try await core.store.interventions(of: number).map(Intervention.init)
    }
}

extension Client {
    /// Has the next attempt of a failing step of the newest run under an id begin at once; see ``WorkflowHandle/retryNow(step:by:reason:)``.
    public func retryNow(step: String, of id: String, by: String, reason: String? = nil) async throws {
        try await core.intervene(.retryStep, step, nil, of: core.number(ofID: id), id, by, reason)
    }

    /// Gives a step of the newest run under an id its result; see ``WorkflowHandle/complete(step:with:by:reason:)``.
    public func complete<Value: Payload>(
        step: String, of id: String, with value: Value, by: String, reason: String? = nil
    ) async throws {
        let payload = try core.coder.encode(value, what: "the result of step '\(step)'")
        try await core.intervene(.completeStep, step, payload, of: core.number(ofID: id), id, by, reason)
    }

    /// Gives a step of the newest run under an id, one that has no result, its end; see ``WorkflowHandle/complete(step:with:by:reason:)``.
    public func complete(step: String, of id: String, by: String, reason: String? = nil) async throws {
        try await core.intervene(.completeStep, step, .void, of: core.number(ofID: id), id, by, reason)
    }

    /// Leaves a step of the newest run under an id out; see ``WorkflowHandle/skip(step:by:reason:)``.
    public func skip(step: String, of id: String, by: String, reason: String? = nil) async throws {
        let error = ErrorRegistry().record(WorkflowError.skipped(step, by, reason), with: core.coder)
        try await core.intervene(.skipStep, step, error, of: core.number(ofID: id), id, by, reason)
    }

    /// Gives a step of the newest run under an id its error; see ``WorkflowHandle/fail(step:with:by:reason:)``.
    public func fail(step: String, of id: String, with error: any Error, by: String, reason: String? = nil) async throws {
        let payload = ErrorRegistry.payload(of: error, with: core.coder)
        try await core.intervene(.failStep, step, payload, of: core.number(ofID: id), id, by, reason)
    }

    /// All that operators have done to the newest run under an id; see ``WorkflowHandle/interventions()``.
    public func interventions(of id: String) async throws -> [Intervention] {
        try await core.store.interventions(of: core.number(ofID: id)).map(Intervention.init)
    }
}

extension ErrorRegistry {
    /// Of one whose workflow is not known: if it can be, it is stored as itself, and the workflow that has it among its errors catches that.
    static func payload(of error: any Error, with coder: PayloadCoder) -> EncodedPayload {
        let registry = (error as? any (Error & Codable & Sendable)).map { ErrorRegistry([type(of: $0)]) } ?? ErrorRegistry()
        return registry.record(error, with: coder)
    }
}

extension WorkflowError {
    static func skipped(_ step: String, _ by: String, _ reason: String?) -> WorkflowError {
        WorkflowError(.skipped, "the step '\(step)' was skipped by \(by)\(reason.map { ": \($0)" } ?? "")")
    }
}

extension ClientCore {
    func intervene(
        _ kind: InterventionKind, _ step: String, _ payload: EncodedPayload?, of number: WorkflowNumber, _ id: String, _ by: String,
        _ reason: String?
    ) async throws {
        let intervention = StepIntervention(
            workflow: number, kind: kind, step: step, payload: payload, instruction: try instruction(by, reason))
        switch try await patiently({ () throws(StoreError) in try await store.intervene(intervention) }) {
        case .accepted: await wake(.inbox, nil)
        case .completed:
            throw WorkflowError(.stepCompleted, "the step '\(step)' of workflow '\(id)' has a result already, which never changes")
        case .notPending:
            throw WorkflowError(
                .stepNotPending, "the workflow '\(id)' has no step '\(step)' that runs or waits for its next attempt")
        case .ended: throw WorkflowError(.ended, "the workflow '\(id)' has ended, and nothing of it changes any more")
        }
    }

    /// Who and why, as they can be stored.
    func instruction(_ by: String, _ reason: String?) throws -> Instruction {
        try Names.check(by, "who intervenes")
        if let reason, reason.utf8.contains(0) { throw WorkflowError(.invalidName, "the reason of an intervention has a NUL character") }
        return Instruction(by: by, reason: reason, at: environment.clock.now())
    }

    /// Somebody's open transaction may be in the way for a moment.
    func patiently<Result>(_ ask: () async throws(StoreError) -> Result) async throws(StoreError) -> Result {
        var attempts = 0
        while true {
            do throws(StoreError) {
                return try await ask()
            } catch {
                attempts += 1
                guard error.code == .transient, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }
}
