import Foundation
import Perdure

// The figures of queues and timers.
extension Benches {
    func enqueue() async throws -> Figure {
        var rates: [Double] = []
        var limits: [Double] = []
        for round in 0..<Self.rounds {
            limits.append(try yardsticks.postgresRows(perCommit: 1_000, clients: 1))
            rates.append(try await enqueuedPerSecond(postgresStore("enqueue\(round)"), count: 100_000))
            try yardsticks.clear("enqueue\(round)")
        }
        return Figure("enqueue", median(rates), "1/s", limit: median(limits), "pgbench, 1,000 rows a commit, 1 client: rows/s")
    }

    func drain() async throws -> Figure {
        var rates: [Double] = []
        var limits: [Double] = []
        for round in 0..<Self.rounds {
            limits.append(try yardsticks.postgresDequeue(perCommit: 100, clients: 2))
            rates.append(try await drainedPerSecond(postgresStore("drain\(round)"), count: 200_000))
            try yardsticks.clear("drain\(round)")
        }
        return Figure("drain", median(rates), "1/s", limit: median(limits), "pgbench, dequeue of 100 rows a commit, 2 clients: rows/s")
    }

    func startLatency() async throws -> [Figure] {
        let latencies = try await startLatencies(server, schema: "latency", count: 2_000)
        try yardsticks.clear("latency")
        return [
            Figure("start_latency", percentile(latencies, 0.5), "ms", limit: 3, "the promise: p50 of 3 ms from another process"),
            Figure("start_latency_p99", percentile(latencies, 0.99), "ms", limit: 15, "the promise: p99 of 15 ms"),
        ]
    }

    func heldSnapshot() async throws -> Figure {
        let free = try await sustainedPerSecond(server, schema: "free", seconds: 60, held: false, yardsticks)
        try yardsticks.clear("free")
        let held = try await sustainedPerSecond(server, schema: "held", seconds: 60, held: true, yardsticks)
        try yardsticks.clear("held")
        return Figure(
            "held_snapshot", held, "1/s", limit: free, "the same without a snapshot that is held for 60 s; the promise: 0.9 of it")
    }

    func fairnessOfKeys() async throws -> Figure {
        let part = try await fairness(postgresStore("fairness"), large: 1_000_000, keys: 1_000, each: 10)
        try yardsticks.clear("fairness")
        return Figure("fairness", part, "", limit: 0.05, "the promise: 1,000 small keys in the first 5 % of the time")
    }

    func wakeLateness() async throws -> [Figure] {
        let lateness = try await latenessOfAlarms(
            postgresStore("alarms"), schema: "alarms", rate: 1_000, seconds: 30, asleep: 1_000_000, yardsticks)
        try yardsticks.clear("alarms")
        let expected = 30_000
        guard lateness.count == expected else { throw Yardsticks.Failure.pgbench("\(expected - lateness.count) workflows never woke") }
        return [
            Figure("wake_lateness", percentile(lateness, 0.5), "ms", limit: 1_000, "1,000 wake in each second, a million sleep: p50"),
            Figure("wake_lateness_p99", percentile(lateness, 0.99), "ms", limit: 1_000, "the promise: p99 of 1 s"),
        ]
    }
}
