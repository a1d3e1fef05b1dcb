// What others ask of the workflow.

extension Run {
    /// New rows of the inbox; rows that are known already change nothing.
    func receive(_ items: [InboxItem]) {
        let isTerminated = inbox.withLock { inbox in
            for item in items { inbox.add(item) }
            return inbox.isTerminated
        }
        if isTerminated { return terminate() }
        heedPause()
        if state.withLock({ $0.isLive }) { takeInbox() }
        if items.contains(where: { $0.kind == .groupEnded }) { groupEndsArrived() }
    }

    /// From now on nothing begins, and what arrives stays where it is.
    func heedPause() {
        guard inbox.withLock({ $0.takePause() }) else { return }
        state.withLock { $0.pause() }
        poke()
    }

    /// Its type was paused: as for a pause of its own, but not for one that was cancelled.
    func hold() {
        if state.withLock({ $0.hold() }) { poke() }
    }

    /// Records what has arrived.
    ///
    /// During replay it waits: its place in the order is after everything that is recorded.
    func takeInbox() {
        if state.withLock({ $0.control.isPausing }) { return }
        let due = inbox.withLock { $0.take() }
        for sequence in due.cancels { recordCancel(.requested, consumes: sequence) }
        if !due.endings.isEmpty { read(due.endings) }
        if !due.mail.isEmpty { take(due.mail) }
        if !due.interventions.isEmpty {
            state.withLock { $0.ask(due.interventions) }
            poke()
        }
        if let deadline = record.deadline, deadline <= host.clock.now() { recordCancel(.timedOut, consumes: nil) }
    }

    func deadlinePassed() {
        if state.withLock({ $0.isLive }) { recordCancel(.timedOut, consumes: nil) }
    }

    /// Asks how children have ended.
    ///
    /// Until it knows, the workflow stays in memory: the same rows would wake it again, and where room is short for ever.
    func read(_ endings: [(child: WorkflowNumber, key: String, sequence: Int64)]) {
        state.withLock { $0.unresolved += endings.count }
        host.readEndings(endings, for: self)
    }

    /// How a child ended, read from the database; nil if that is not there.
    func childEnded(_ key: String, _ outcome: Outcome?, sequence: Int64) {
        if let outcome { record(key, outcome, sequence) }
        state.withLock { $0.unresolved -= 1 }
        poke()
    }

    private func record(_ key: String, _ outcome: Outcome, _ sequence: Int64) {
        let result: WorkResult =
            outcome.status == .completed
            ? .success(outcome.output)
            : .failure(outcome.error ?? workflow.errors.record(WorkflowError(.terminated, "the child was terminated"), with: coder))
        recordChildEnded(key, result, started: outcome.finished, consumes: sequence)
    }

    /// Ends the workflow without running its code.
    func terminate() { end(.terminated) }

    /// As `terminate`, also for one that was cancelled before it had begun.
    func end(_ end: EndUnrun) {
        let error = end.error
        guard state.withLock({ $0.stop(error, closes: true) }) else { return }
        conclude(
            Outcome(workflow: number, status: end.status, error: workflow.errors.record(error, with: coder), finished: host.clock.now()))
        poke()
    }

    /// Writes the outcome, with what each child that is still open is told.
    func conclude(_ outcome: Outcome) {
        let (mustAsk, children) = state.withLock { ($0.claimInheritance(), $0.openChildren) }
        if mustAsk {
            return host.findChildren(of: self) { children in
                self.state.withLock { $0.inherit(children) }
                self.conclude(outcome)
            }
        }
        if let children { host.finished(self, outcome, closing: children.compactMap(\.closingItem)) }
    }
}
