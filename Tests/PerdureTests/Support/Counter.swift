import Perdure

/// Counts and collects across threads.
final class Counter: Sendable {
    private let state = Lock<[String: Int]>([:])

    @discardableResult
    func add(_ name: String = "") -> Int {
        state.withLock { state in
            state[name, default: 0] += 1
            return state[name] ?? 0
        }
    }

    subscript(_ name: String = "") -> Int { state.withLock { $0[name] ?? 0 } }
}

/// Opened once; those who wait go on, also those who come later.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [Parked<Void>] = []
    }
    private let state = Lock(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for parked in waiting { parked.resume() }
    }

    func wait() async {
        await park { (parked: Parked<Void>) in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(parked) }
                return state.isOpen
            }
            if isOpen { parked.resume() }
        }
    }
}

struct Refused: Error, Codable, Equatable { var code: Int }
struct Unlisted: Error { var code: Int }
