internal import CLibPQ
internal import Dispatch
internal import Perdure

/// A connection in the making, on which whoever waits for it can turn his back.
///
/// libpq keeps its timeouts, for each host and each address of it, only while it blocks (`PQconnectdbParams`), and its socket cannot be had for so
/// long. So it blocks a thread of its own, which ends when libpq does.
final class ConnectAttempt: Sendable {
    private enum State {
        case underway
        /// The address of what libpq has made; 0 if there was no memory.
        case made(UInt)
        case givenUp
    }

    private let state = Lock(State.underway)
    private let isDecided = DispatchSemaphore(value: 0)

    init(_ parameters: [(keyword: String, value: String)]) {
        startThread(name: "perdure-connect") {
            let made = unsafe withCStrings(parameters.map(\.keyword)) { keywords in
                unsafe withCStrings(parameters.map(\.value)) { values in unsafe UInt(bitPattern: PQconnectdbParams(keywords, values, 1)) }
            }
            if !self.decide(.made(made)) { unsafe PQfinish(OpaquePointer(bitPattern: made)) }
        }
    }

    /// Waits until libpq has come to an end, well or ill; nil if it was given up before.
    func wait() -> UInt? {
        isDecided.wait()
        return state.withLock { if case .made(let made) = $0 { made } else { nil } }
    }

    func giveUp() { _ = decide(.givenUp) }

    /// False if it was decided before.
    private func decide(_ end: State) -> Bool {
        let isFirst = state.withLock { state in
            guard case .underway = state else { return false }
            state = end
            return true
        }
        if isFirst { isDecided.signal() }
        return isFirst
    }
}
