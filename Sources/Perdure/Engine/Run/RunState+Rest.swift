// Whether there is anything left to do.

extension RunState {
    /// Nothing more can be recorded, here or in a later life.
    var isClosed: Bool { isEnded || stop?.closes == true }

    /// Bodies run, or their results are on the way.
    var isBusy: Bool {
        inheritance.isAsked || stop == nil && !isEnded && (bodies > 0 || !inFlight.isEmpty || !durable.isEmpty || unresolved > 0)
    }

    /// It is to be paused, and nothing of it runs any more.
    var canPause: Bool { control.isPausing && stop == nil && !isEnded && rootResult == nil && !isBusy }

    /// Idle, unfinished, and nothing outstanding: nothing would ever wake it.
    var isStuck: Bool {
        stop == nil && !isEnded && rootResult == nil && isLive && waits.isEmpty && inFlight.isEmpty && durable.isEmpty
    }

    /// When the workflow must be loaded again, if all that it does is wait; nil if it must stay.
    var unloadableUntil: Microseconds? {
        guard stop == nil, !isEnded, rootResult == nil, isLive, inFlight.isEmpty, durable.isEmpty, unresolved == 0 else { return nil }
        var due = Microseconds.max
        for wait in waits.values {
            if wait.isRecorded || wait.isCancelled { return nil }
            if let waitDue = wait.due { due = min(due, waitDue) } else if !wait.isPassive { return nil }
        }
        return waits.isEmpty ? nil : due
    }
}
