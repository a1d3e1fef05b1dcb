internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The sockets of a store's connections, and the connections in the making, so that another thread can end a wait for a server that never answers.
///
/// The sockets are duplicates: libpq closes its own when it likes, and its number may soon be another file's.
final class Wires: Sendable {
    private struct State {
        var sockets: Set<Int32> = []
        var attempts: [ObjectIdentifier: ConnectAttempt] = [:]
        var isCut = false
        var isClosed = false
    }

    private let state = Lock(State())

    /// No connection is to be made.
    var isCut: Bool { state.withLock { $0.isCut || $0.isClosed } }

    /// Waits for a connection to be made; nil if it was cut off.
    func wait(for attempt: ConnectAttempt) -> UInt? {
        let isCut = state.withLock { state in
            state.attempts[ObjectIdentifier(attempt)] = attempt
            return state.isCut || state.isClosed
        }
        if isCut { attempt.giveUp() }
        defer { state.withLock { _ = $0.attempts.removeValue(forKey: ObjectIdentifier(attempt)) } }
        return attempt.wait()
    }

    /// Notes the socket of a new connection; nil if it is not to be used.
    func add(_ socket: Int32) -> Int32? {
        let own = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        let isAdded = state.withLock { state in
            if !state.isCut { state.sockets.insert(own) }
            return !state.isCut
        }
        if !isAdded { _ = close(own) }
        return isAdded ? own : nil
    }

    /// Its connection ends.
    func remove(_ own: Int32) {
        state.withLock { state in
            // Only here, under the lock: whoever cuts finds none that is closed.
            if state.sockets.remove(own) != nil { _ = close(own) }
        }
    }

    /// Ends every wait for the server, as if it had gone; it is asked for nothing, and cancels nothing.
    func cut() {
        state.withLock { state in
            state.isCut = true
            for socket in state.sockets { _ = shutdown(socket, Int32(SHUT_RDWR)) }
            for attempt in state.attempts.values { attempt.giveUp() }
        }
    }

    /// The store is being closed: nobody need wait for a connection that is not there yet.
    func endAttempts() {
        state.withLock { state in
            state.isClosed = true
            for attempt in state.attempts.values { attempt.giveUp() }
        }
    }

    func mend() { state.withLock { $0.isCut = false } }
}
