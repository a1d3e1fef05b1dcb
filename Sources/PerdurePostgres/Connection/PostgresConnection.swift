internal import Perdure

/// A connection and the thread that it blocks. What runs in `run` has the connection to itself until it returns.
actor PostgresConnection {
    private struct Gate {
        var running = 0
        var closed = false
    }

    nonisolated let thread: ThreadExecutor
    private let session: Session
    private let gate = Lock(Gate())

    init(_ settings: Session.Settings, thread: ThreadExecutor) {
        session = Session(settings)
        self.thread = thread
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// Runs on the connection's thread.
    nonisolated func run<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let isOpen = gate.withLock { gate in
            if !gate.closed { gate.running += 1 }
            return !gate.closed
        }
        guard isOpen else { throw StoreError(.unavailable, "the store is closed") }
        defer { gate.withLock { $0.running -= 1 } }
        return try await isolated(body)
    }

    /// Connects if it is not connected, then runs.
    nonisolated func runConnected<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await run { session throws(StoreError) in
            try session.ready()
            return try body(session)
        }
    }

    /// Ends the connection after what is running; later calls fail.
    nonisolated func close() async {
        let wasOpen = gate.withLock { gate in
            defer { gate.closed = true }
            return !gate.closed
        }
        if wasOpen { await disconnect() }
    }

    private func isolated<Result: Sendable>(
        _ body: @Sendable (Session) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try body(session)
    }

    private func disconnect() { session.disconnect() }
}

/// Threads of closed connections, to be used again.
///
/// They end with the store: until then a loop that prefers one may still run on it.
final class ThreadShelf: Sendable {
    private struct State {
        var idle: [ThreadExecutor] = []
        var all: [ThreadExecutor] = []
    }

    private let state = Lock(State())

    func take() -> ThreadExecutor {
        if let idle = state.withLock({ $0.idle.popLast() }) { return idle }
        let thread = ThreadExecutor(name: "perdure-postgres")
        state.withLock { $0.all.append(thread) }
        return thread
    }

    func putBack(_ thread: ThreadExecutor) { state.withLock { $0.idle.append(thread) } }

    func stop() {
        let all = state.withLock { state in
            defer { state = State() }
            return state.all
        }
        for thread in all { thread.stop() }
    }
}
