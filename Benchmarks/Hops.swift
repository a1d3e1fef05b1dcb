import Foundation
import Perdure
import PerdurePostgres

extension Topic where Message == Int { fileprivate static let ball = Topic("ball") }

/// Sends a number back and forth, and returns how long each of its rounds of two hops took, in milliseconds.
private struct Player: Workflow {
    struct Input: Codable, Sendable {
        var partner: String
        var serves: Bool
        var rounds: Int
    }

    func run(_ input: Input, in context: WorkflowContext) async throws -> [Double] {
        var times: [Double] = []
        var last = ContinuousClock.now
        if input.serves { try await context.send(to: input.partner, .ball, 0) }
        for round in 1...input.rounds {
            let ball = try await context.receive(.ball)
            let now = ContinuousClock.now
            times.append((now - last) / .milliseconds(1))
            last = now
            if !input.serves || round < input.rounds { try await context.send(to: input.partner, .ball, ball + 1) }
        }
        return times
    }
}

extension Benches {
    func hopLatency() async throws -> [Figure] {
        let one = try await hops(schema: "hops1", engines: 1, rounds: 2_000)
        let two = try await hops(schema: "hops2", engines: 2, rounds: 2_000)
        return [
            Figure("hop_latency", percentile(one, 0.5), "ms", limit: 1.5, "the promise: p50 of 1.5 ms a hop within one engine"),
            Figure("hop_latency_two", percentile(two, 0.5), "ms", limit: 3, "the promise: p50 of 3 ms a hop between two engines"),
        ]
    }

    /// Sorted milliseconds of a hop: send, and receive at the other end.
    private func hops(schema: String, engines count: Int, rounds: Int) async throws -> [Double] {
        var engines: [Engine] = []
        for _ in 0..<count { engines.append(try await Engine(store: postgresStore(schema)) { Player() }) }
        let (first, last) = (engines[0], engines[count - 1])
        let times = try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in engines { group.addTask { try await engine.run() } }
            // Each begins where it is started.
            try await Task.sleep(for: .milliseconds(500))
            let receives = Player.Input(partner: "server", serves: false, rounds: rounds)
            let serves = Player.Input(partner: "receiver", serves: true, rounds: rounds)
            let receiver = try await first.start(Player.self, receives, id: "receiver")
            let server = try await last.start(Player.self, serves, id: "server")
            let times = try await server.result()
            _ = try await receiver.result()
            group.cancelAll()
            return times
        }
        for engine in engines { await engine.close() }
        try yardsticks.clear(schema)
        return times.dropFirst(rounds / 10).map { $0 / 2 }.sorted()
    }
}
