import Foundation
import Perdure

/// As many steps as asked for, a hundred at a time, then a long sleep.
private struct Marathon: Workflow {
    static let lanes = 100
    let reached: @Sendable () -> Void

    func run(_ count: Int, in context: WorkflowContext) async throws {
        for round in 0..<count / Self.lanes {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for lane in 0..<Self.lanes { group.addTask { try await context.step("lane \(lane)") { round + lane } } }
                let sum = try await group.reduce(0, +)
                precondition(sum == Self.lanes * round + Self.lanes * (Self.lanes - 1) / 2)
            }
        }
        reached()
        try await context.sleep(for: .days(1))
    }
}

extension Benches {
    /// The peak of the memory of a process in which one workflow makes a million steps, and in which another engine then replays them all.
    func millionSteps() async throws -> [Figure] {
        let count = 1_000_000
        let store = try postgresStore("marathon")
        _ = try await secondsOfMarathon(store) { engine in _ = try await engine.start(Marathon.self, count, id: "marathon") }
        let memory = residentMiB(peak: true)
        let replayed = try await secondsOfMarathon(store) { _ in }
        let note = "the promise: a workflow of 1,000,000 steps works in bounded memory"
        try yardsticks.clear("marathon")
        return [
            Figure("million_steps_memory", memory, "MiB", limit: 300, note),
            Figure("million_steps_replay_memory", residentMiB(peak: true), "MiB", limit: 300, "the same, when it is replayed"),
            Figure("million_steps_replay", replayed, "s", limit: 10, "the promise: 50,000 steps in 0.5 s, twenty times"),
        ]
    }

    private func secondsOfMarathon(_ store: Store, _ begin: (Engine) async throws -> Void) async throws -> Double {
        let (reached, signal) = AsyncStream.makeStream(of: Void.self)
        var configuration = EngineConfiguration()
        // That it is long is the purpose.
        configuration.longHistories = []
        let engine = try await Engine(store: store, configuration: configuration) {
            Marathon { signal.finish() }
        }
        try await begin(engine)
        return try await secondsOf(engine, until: reached)
    }
}
