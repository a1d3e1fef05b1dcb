internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The sockets of a store's connections, so that another thread can end a wait for a server that never answers.
///
/// They are duplicates: libpq closes its own when it likes, and its number may soon be another file's.
final class Wires: Sendable {
    private struct State {
        var sockets: Set<Int32> = []
        var isCut = false
    }

    private let state = Lock(State())

    /// No connection is to be made.
    var isCut: Bool { state.withLock { $0.isCut } }

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
        }
    }

    func mend() { state.withLock { $0.isCut = false } }
}
