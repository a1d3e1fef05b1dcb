/// Calls that have ended, and those of them that have failed.
package struct CallCounts: Sendable, Equatable {
    package var calls = 0
    package var failures = 0
}

/// The calls of the last while, and how many of them have failed: pure; what one engine counts of a circuit breaker that is closed.
///
/// In ten parts, so that it forgets a tenth at a time, and its size does not depend on the number of calls.
package struct CallWindow: Sendable {
    private static let parts: Int64 = 10

    private struct Part: Sendable {
        var index: Int64
        var counts = CallCounts()
    }

    private let width: Microseconds
    private let start: Instant
    private var parts: [Part] = []

    package init(_ window: Duration, at start: Instant) {
        width = max(1, window.inMicroseconds / Self.parts)
        self.start = start
    }

    package mutating func add(isFailure: Bool, at now: Instant) {
        let index = index(at: now)
        parts.removeAll { $0.index <= index - Self.parts }
        if parts.last?.index != index { parts.append(Part(index: index)) }
        parts[parts.count - 1].counts.calls += 1
        if isFailure { parts[parts.count - 1].counts.failures += 1 }
    }

    /// Those that count.
    package func counts(at now: Instant) -> CallCounts {
        let first = index(at: now) - Self.parts
        return parts.reduce(into: CallCounts()) { sum, part in
            guard part.index > first else { return }
            sum.calls += part.counts.calls
            sum.failures += part.counts.failures
        }
    }

    private func index(at now: Instant) -> Int64 { max(0, (now - start).inMicroseconds / width) }
}
