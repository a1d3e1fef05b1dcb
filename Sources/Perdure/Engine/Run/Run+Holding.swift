// Attempts that do not begin, because the step is paused, or a circuit breaker is open.

/// Whether an attempt begins after all.
enum Entrance {
    case go(AttemptPass)
    /// The step was cancelled meanwhile.
    case cancelled
    /// The workflow leaves this process: the attempt is another's.
    case leaving
}

extension Run {
    /// Waits while an attempt is held back; whoever calls this is counted as a body, and is not where it returns `leaving`.
    ///
    /// - Parameter record: Stores the row by which it is held back; nil: by none any more.
    func enter(_ step: String, _ key: String, _ breaker: StepBreaker? = nil, record: (Int64?) async -> Void) async -> Entrance {
        // As nearly always.
        if host.holdsNothing {
            await record(nil)
            return .go(.free)
        }
        let request = AttemptRequest(step: step, type: self.record.lane.workflow, breaker: breaker)
        while true {
            let signal = Signal()
            switch host.ask(request, signal) {
            case .go(let pass):
                await record(nil)
                return .go(pass)
            case .held(let row):
                if let row { await record(row) }
                if let ended = await hold(key, signal, isStored: row != nil) { return ended }
            }
        }
    }

    /// nil if it is to be asked again.
    ///
    /// While the row is on its way that would say why it waits, the workflow does not leave memory.
    private func hold(_ key: String, _ signal: Signal, isStored: Bool) async -> Entrance? {
        if isStored {
            state.withLock { $0.beginBackoff(key, until: .max) }
            poke()
        }
        await withTaskCancellationHandler {
            await signal.wait(clock: host.clock)
        } onCancel: {
            signal.raise()
        }
        host.withdraw(signal)
        let goesOn = state.withLock { isStored ? $0.endBackoff(key) : $0.stop == nil }
        guard goesOn else { return .leaving }
        return Task.isCancelled ? .cancelled : nil
    }
}
