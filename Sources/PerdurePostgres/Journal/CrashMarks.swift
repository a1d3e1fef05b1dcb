internal import Perdure

/// Which of the workflows that executors of this process have claimed took an executor down before.
///
/// New progress forgives that, but almost no workflow needs it: so the claim remembers which do, and a step of any other is a plain insert.
final class CrashMarks: Sendable {
    private let marks = Lock<[ExecutorID: Set<WorkflowNumber>]>([:])

    func insert(_ claimed: [Claimed], _ executor: ExecutorID) {
        let crashed = claimed.filter { $0.crashes > 0 }.map(\.number)
        if !crashed.isEmpty { marks.withLock { $0[executor, default: []].formUnion(crashed) } }
    }

    func of(_ executor: ExecutorID) -> Set<WorkflowNumber> { marks.withLock { $0[executor] ?? [] } }

    func remove(_ number: WorkflowNumber, _ executor: ExecutorID) { marks.withLock { _ = $0[executor]?.remove(number) } }

    func remove(_ executor: ExecutorID) { marks.withLock { $0[executor] = nil } }
}
