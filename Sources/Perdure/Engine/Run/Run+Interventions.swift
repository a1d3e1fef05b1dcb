// What operators ask of steps, carried out where the workflow runs.

extension Run {
    /// On the flow's own thread, when nothing is left to run: a step that is not there now is not there at all.
    func carryOut(_ interventions: [InboxItem]) {
        for item in interventions where !carryOut(item) { leave(item) }
    }

    /// False if there is nothing that it could change.
    private func carryOut(_ item: InboxItem) -> Bool {
        guard let key = item.key, let kind = item.topic.flatMap(InterventionKind.init(rawValue:)),
            let body = state.withLock({ $0.stepInHand(key) })
        else { return false }
        switch kind {
        case .retryStep:
            guard let hasten = body.hasten() else { return false }
            // First the row: whoever goes on after a crash is to see what this one was told.
            settle(item)
            hasten()
            return true
        case .completeStep: return end(body, .success(item.payload ?? .void), item)
        case .failStep, .skipStep: return end(body, .failure(item.payload ?? skipped(key)), item)
        case .pause, .resume, .cancel, .terminate, .setAttributes, .discardMessage: return false
        }
    }

    /// Of an item that says no more than that.
    private func skipped(_ key: String) -> EncodedPayload {
        workflow.errors.record(WorkflowError(.skipped, "the step '\(key)' was skipped by an operator"), with: coder)
    }

    /// The result and what asked for it are one row and one commit; what the body makes of it afterwards finds the call recorded.
    private func end(_ body: StepBody, _ result: WorkResult, _ item: InboxItem) -> Bool {
        let isRecorded = record(
            body.key, .step, result, started: body.started, attempts: Int32(clamping: max(1, body.attemptsMade)), hadPending: true,
            consumes: item.sequence)
        if isRecorded { state.withLock { $0.waits[body.key]?.cancelWork }?() }
        return isRecorded
    }

    private func settle(_ item: InboxItem) { append(.settle(number, sequence: item.sequence)) }

    /// It came too late: the row must go all the same, or it would wake the workflow again and again.
    private func leave(_ item: InboxItem) { append(.consume(number, sequence: item.sequence)) }

    private func append(_ command: Command) {
        let isOpen = state.withLock { state in
            guard state.stop == nil, !state.isEnded else { return false }
            state.unresolved += 1
            return true
        }
        if isOpen { host.journal.append(command, for: self, token: Self.noPlace) }
    }
}

/// What operators have asked of a run.
struct RunControl {
    /// What is not carried out yet.
    var interventions: [InboxItem] = []
    /// It is to be paused as soon as nothing of it runs.
    var isPausing = false
}

extension RunState {
    /// Nothing begins any more, as at the end of an engine.
    mutating func pause() {
        quiesce()
        control.isPausing = true
    }

    /// False for one that was cancelled: that goes on.
    mutating func hold() -> Bool {
        guard !isBeingCancelled else { return false }
        pause()
        return true
    }

    /// What operators ask waits until nothing is left to run.
    mutating func ask(_ items: [InboxItem]) { control.interventions += items }

    /// What is to be carried out now; an engine that ends leaves it to the next.
    mutating func takeInterventions() -> [InboxItem] {
        guard isLive, !isQuiet, !patches.isWaiting else { return [] }
        defer { control.interventions = [] }
        return control.interventions
    }

    /// The work behind a step that has no result yet.
    func stepInHand(_ key: String) -> StepBody? {
        guard stop == nil, !isEnded, let wait = waits[key], !wait.isRecorded else { return nil }
        return wait.stepBody
    }
}
