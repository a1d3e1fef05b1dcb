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

struct Refused: Error, Codable, Equatable { var code: Int }
struct Unlisted: Error { var code: Int }
