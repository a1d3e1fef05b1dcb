internal import Perdure

/// Executors whose fences could not be had a moment ago: each try takes seconds, in which others wait for what they had.
final class StubbornExecutors: Sendable {
    private static let pause = Duration.seconds(10)
    private let until = Lock<[ExecutorID: ContinuousClock.Instant]>([:])

    func leaveAlone(_ executor: ExecutorID) { until.withLock { $0[executor] = .now + Self.pause } }

    func isLeftAlone(_ executor: ExecutorID) -> Bool {
        until.withLock { until in
            until = until.filter { $0.value > .now }
            return until[executor] != nil
        }
    }
}
