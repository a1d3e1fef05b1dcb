/// Who is told that an engine is to end: pure, behind a lock.
final class ShutdownSwitch: Sendable {
    private struct State {
        var requests = 0
        var isCancelled = false
        /// Of what runs now; the next replaces it.
        var told: (@Sendable (_ requests: Int) -> Void)?
    }

    private let state = Lock(State())

    var isRequested: Bool { state.withLock { $0.requests > 0 } }

    func request() {
        let (told, requests) = state.withLock { state in
            state.requests += 1
            return (state.told, state.requests)
        }
        told?(requests)
    }

    /// A task is cancelled once, however often that is said.
    func cancel() {
        let isFirst = state.withLock { state in
            defer { state.isCancelled = true }
            return !state.isCancelled
        }
        if isFirst { request() }
    }

    /// Tells with each request how many there were; at once, if there were some.
    func whenRequested(_ told: @escaping @Sendable (_ requests: Int) -> Void) {
        let requests = state.withLock { state in
            state.told = told
            return state.requests
        }
        if requests > 0 { told(requests) }
    }

    func reset() { state.withLock { $0 = State() } }
}
