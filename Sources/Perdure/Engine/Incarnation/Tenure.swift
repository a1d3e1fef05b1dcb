/// How long an incarnation may take its lease for granted.
///
/// It is the database that refuses writes. But the body of a step reaches the world before it writes: a process that was frozen must not begin
/// one that others completed meanwhile, so none begins unless a heartbeat has been answered within the last lease.
final class Tenure: Sendable {
    private struct State {
        var end: Instant
        var isOver = false
        var waiting: [Parked<Void>] = []
    }

    private let state: Lock<State>
    private let clock: any EngineClock

    /// - Parameter end: Of the lease, counted from before it was asked for.
    init(until end: Instant, clock: any EngineClock) {
        state = Lock(State(end: end))
        self.clock = clock
    }

    /// The lease was renewed.
    func extend(until end: Instant) {
        let waiting = state.withLock { state in
            state.end = max(state.end, end)
            defer { state.waiting = [] }
            return state.waiting
        }
        for parked in waiting { parked.resume() }
    }

    /// The lease is gone, or given back.
    func end() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for parked in waiting { parked.resume() }
    }

    /// True if it holds; in doubt, waits for the answer to the next heartbeat.
    func holds() async -> Bool {
        while true {
            if state.withLock({ $0.isOver }) { return false }
            if state.withLock({ clock.instant() < $0.end }) { return true }
            await park { (parked: Parked<Void>) in
                let isDecided = state.withLock { state in
                    if state.isOver || clock.instant() < state.end { return true }
                    state.waiting.append(parked)
                    return false
                }
                if isDecided { parked.resume() }
            }
        }
    }
}
