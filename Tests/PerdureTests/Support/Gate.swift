import Perdure

/// Something that steps wait for until the test opens it, or they are cancelled.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Int: Parked<Void>] = [:]
        var cancelled: Set<Int> = []
        var last = 0
    }
    private let state = Lock(State())

    /// Whether somebody has come to it.
    var isReached: Bool { state.withLock { $0.last > 0 } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for parked in waiting { parked.resume() }
    }

    func wait() async {
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        await withTaskCancellationHandler {
            await park { (parked: Parked<Void>) in
                let goesOn = state.withLock { state in
                    if state.isOpen || state.cancelled.contains(id) { return true }
                    state.waiting[id] = parked
                    return false
                }
                if goesOn { parked.resume() }
            }
        } onCancel: {
            let parked = state.withLock { state in
                state.cancelled.insert(id)
                return state.waiting.removeValue(forKey: id)
            }
            parked?.resume()
        }
    }
}
