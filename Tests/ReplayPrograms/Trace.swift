internal import Perdure

/// What one run of a program saw, in the order in which its code saw it.
package final class Trace: Sendable {
    private let state = Lock<(lines: [String], hash: UInt64)>(([], stableHash("")))

    package init() {}

    package func note(_ path: String, _ text: String) {
        state.withLock { state in
            state.lines.append(path + " " + text)
            state.hash = stableHash(text, from: stableHash(path, from: state.hash))
        }
    }

    package var lines: [String] { state.withLock { $0.lines } }
    package var digest: UInt64 { state.withLock { $0.hash } }
}
