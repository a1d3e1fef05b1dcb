import Foundation
import Perdure

/// Sleeps until a moment, and says how late it woke.
private struct Alarm: Workflow {
    let woke: @Sendable (Double) -> Void

    func run(_ moment: Int, in context: WorkflowContext) async throws {
        try await context.sleep(until: Date(timeIntervalSince1970: Double(moment) / 1_000_000))
        woke(Double(microseconds() - moment) / 1_000)
    }
}

/// Milliseconds by which workflows wake late that are due at `rate` in each second, beside `asleep` that are not.
func latenessOfAlarms(_ store: Store, schema: String, rate: Int, seconds: Int, asleep: Int, _ yardsticks: Yardsticks) async throws
    -> [Double]
{
    let lateness = Lock<[Double]>([])
    let count = rate * seconds
    let engine = try await Engine(store: store) { Alarm { late in lateness.withLock { $0.append(late) } } }
    let far = microseconds() + 30 * 86_400_000_000
    try yardsticks.psql(
        """
        INSERT INTO \(schema).live (number, lane, state, due) SELECT n, 1, 2, \(far) + n FROM generate_series(1, \(asleep)) n
        """, "ANALYZE \(schema).live")
    try await run(engine) {
        let first = microseconds() + (10 + count / 5_000) * 1_000_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<200 {
                group.addTask {
                    for index in stride(from: lane, to: count, by: 200) {
                        try await engine.start(Alarm.self, first + index * 1_000_000 / rate)
                    }
                }
            }
            try await group.waitForAll()
        }
        let end = first + (seconds + 60) * 1_000_000
        while lateness.withLock({ $0.count }) < count, microseconds() < end { try await Task.sleep(for: .milliseconds(50)) }
    }
    return lateness.withLock { $0.sorted() }
}
