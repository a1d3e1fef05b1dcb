internal import Perdure

/// A few connections for the user's transactions: opened when they are needed, lent in the order of asking.
final class TransactionPool: Sendable {
    /// A connection that is lent, and its place, which decides its fence row.
    struct Lease: Sendable {
        let index: Int
        let connection: PostgresConnection
    }

    private struct State {
        var connections: [PostgresConnection?]
        /// Those last used go first: they are warm.
        var free: [Int]
        var waiting: [CheckedContinuation<Int?, Never>] = []
        var closed = false
    }

    private let state: Lock<State>
    private let make: @Sendable () -> PostgresConnection

    init(size: Int, make: @escaping @Sendable () -> PostgresConnection) {
        precondition(size > 0, "a pool needs at least one connection")
        state = Lock(State(connections: Array(repeating: nil, count: size), free: Array((0..<size).reversed())))
        self.make = make
    }

    /// Waits for a connection; who came first is served first.
    func take() async throws(StoreError) -> Lease {
        enum Turn { case now(Int), wait, closed }
        let index: Int? = await withCheckedContinuation { continuation in
            let turn: Turn = state.withLock { state in
                if state.closed { return .closed }
                if let index = state.free.popLast() { return .now(index) }
                state.waiting.append(continuation)
                return .wait
            }
            switch turn {
            case .now(let index): continuation.resume(returning: index)
            case .closed: continuation.resume(returning: nil)
            case .wait: break
            }
        }
        guard let index else { throw StoreError(.unavailable, "the store is closed") }
        let connection = state.withLock { state in
            if let connection = state.connections[index] { return connection }
            let connection = make()
            state.connections[index] = connection
            return connection
        }
        return Lease(index: index, connection: connection)
    }

    func putBack(_ lease: Lease) {
        let next: CheckedContinuation<Int?, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free.append(lease.index)
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume(returning: lease.index)
    }

    func close() async {
        let (open, waiting) = state.withLock { state in
            state.closed = true
            defer { state.waiting = [] }
            return (state.connections.compactMap { $0 }, state.waiting)
        }
        for continuation in waiting { continuation.resume(returning: nil) }
        for connection in open { await connection.close() }
    }
}
