// Steps that are held back, and what their attempts say to a circuit breaker.

extension StepBody {
    /// In `pending`, so that everybody sees what it waits for, and whoever lifts that finds it.
    func recordHold(_ row: Int64?) {
        let record: PendingRecord? = progress.withLock { progress in
            guard progress.heldBy != row else { return nil }
            progress.heldBy = row
            progress.hasPending = true
            progress.wasHeld = true
            return PendingRecord(
                workflow: run.number, key: key, attempt: Int32(clamping: progress.made), started: started, error: progress.error,
                progress: progress.payload, heldBy: row)
        }
        if let record { run.recordPending(record) }
    }

    /// Whether the time for all attempts was up while it was held back; then none begins any more.
    func isOverdue(_ pass: AttemptPass) -> Bool {
        guard let ends else { return false }
        let wasHeld = progress.withLock { progress in
            defer { progress.wasHeld = false }
            return progress.wasHeld
        }
        guard wasHeld, run.host.clock.instant() >= ends else { return false }
        if let breaker = limits.breaker { run.host.attemptEnded(breaker, pass, .ignored, nil) }
        return true
    }

    /// What the attempt says about the other side.
    func tell(_ pass: AttemptPass, _ result: Result<EncodedPayload, any Error>) {
        guard let breaker = limits.breaker else { return }
        var error: (any Error)?
        // One that has returned what cannot be stored has succeeded there.
        if case .failure(let thrown) = result, !(thrown is UnencodableResult) { error = thrown }
        let verdict = error != nil && Task.isCancelled ? .ignored : breaker.settings.verdict(error, limits.retry)
        run.host.attemptEnded(breaker, pass, verdict, error)
    }

    var timeout: WorkflowError {
        WorkflowError(.timedOut, "step '\(key)' took longer than its timeout, or sent no heartbeat in time")
    }
}
