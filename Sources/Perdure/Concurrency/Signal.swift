/// Wakes one waiting loop; raised several times before the loop looks, it wakes it once.
package final class Signal: Sendable {
    private struct State {
        var raised = false
        var waiter: Parked<Void>?
        /// Tells this wait's timer from an earlier one's.
        var generation: UInt64 = 0
    }

    private let state = Lock(State())

    package init() {}

    package func raise() {
        let waiter = state.withLock { state in
            if state.waiter == nil { state.raised = true }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when raised since the last wait, or when the time has come, if one is given.
    package func wait(until deadline: Instant? = nil, clock: any EngineClock) async {
        let generation: UInt64? = state.withLock { state in
            state.generation += 1
            defer { state.raised = false }
            return state.raised ? nil : state.generation
        }
        guard let generation else { return }
        let timer = deadline.map { clock.schedule(at: $0) { self.expire(generation) } }
        await park { (continuation: Parked<Void>) in
            let raised = state.withLock { state in
                defer { state.raised = false }
                if !state.raised { state.waiter = continuation }
                return state.raised
            }
            if raised { continuation.resume() }
        }
        if let timer { clock.cancel(timer) }
    }

    private func expire(_ generation: UInt64) {
        if state.withLock({ $0.generation == generation }) { raise() }
    }
}
