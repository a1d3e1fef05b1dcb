internal import Perdure

/// The order in which writers of one file take turns inside this process.
///
/// SQLite lets one transaction write and tells the others "busy", in no order. A transaction whose body waits for something would make
/// them spin and fail; here they wait in line. Whoever holds the gate may use its writing connection, from any thread.
final class WriteGate: Sendable {
    private struct State {
        var held = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var next = 0
    }

    private let state = Lock(State())

    func acquire() async {
        if tryAcquire() { return }
        await withCheckedContinuation { continuation in
            let mine = state.withLock { state in
                if !state.held {
                    state.held = true
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if mine { continuation.resume() }
        }
    }

    /// Only if nobody holds it.
    func tryAcquire() -> Bool {
        state.withLock { state in
            guard !state.held else { return false }
            state.held = true
            return true
        }
    }

    /// Hands it to the one that has waited longest.
    func release() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.next < state.waiting.count else {
                state.held = false
                return nil
            }
            defer {
                state.next += 1
                if state.next == state.waiting.count || state.next > 256 {
                    state.waiting.removeFirst(state.next)
                    state.next = 0
                }
            }
            return state.waiting[state.next]
        }
        next?.resume()
    }
}
