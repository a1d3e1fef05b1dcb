import Foundation
import Perdure
import PerdurePostgres
import PerdureSQLite

/// The figures, each with its limit measured beside it.
struct Benches {
    let postgres: String?
    let folder: URL

    static let names = [
        "steps_postgres", "steps_sqlite", "sequential_step", "replay_50k", "sleepers_memory", "recover_10k", "idle_statements", "enqueue",
        "drain", "start_latency", "held_snapshot", "fairness", "sleepers_million", "wake_lateness", "hop_latency",
        "fan_out", "cancel_tree", "million_steps",
    ]

    /// Two cores are shared with everything, so a figure is the median of several rounds, and so is its limit.
    static let rounds = 5

    var yardsticks: Yardsticks { Yardsticks(postgres: postgres, folder: folder) }

    func run(_ name: String) async throws -> [Figure] {
        switch name {
        case "start_latency": try await startLatency()
        case "wake_lateness": try await wakeLateness()
        case "hop_latency": try await hopLatency()
        case "fan_out": try await fanOut()
        case "cancel_tree": try await cancelTree()
        case "million_steps": try await millionSteps()
        default: [try await figure(name)]
        }
    }

    private func figure(_ name: String) async throws -> Figure {
        switch name {
        case "steps_postgres": try await stepsPostgres()
        case "steps_sqlite": try await stepsSQLite()
        case "sequential_step": try await sequentialStep()
        case "replay_50k": try await replay()
        case "recover_10k": try await recovery()
        case "idle_statements": try await idle()
        case "enqueue": try await enqueue()
        case "drain": try await drain()
        case "held_snapshot": try await heldSnapshot()
        case "fairness": try await fairnessOfKeys()
        case "sleepers_million": try await sleepers(1_000_000)
        default: try await sleepers(100_000)
        }
    }

    private func stepsPostgres() async throws -> Figure {
        var rates: [Double] = []
        var limits: [Double] = []
        for round in 0..<Self.rounds {
            limits.append(try yardsticks.postgresRows(perCommit: 100, clients: 2))
            rates.append(try await stepsPerSecond(postgresStore("steps\(round)"), workflows: 20_000))
            try yardsticks.clear("steps\(round)")
        }
        return Figure("steps_postgres", median(rates), "1/s", limit: median(limits), "pgbench, 100 rows a commit, 2 clients: rows/s")
    }

    private func stepsSQLite() async throws -> Figure {
        var rates: [Double] = []
        var limits: [Double] = []
        for round in 0..<Self.rounds {
            limits.append(try yardsticks.sqliteRows(perCommit: 100, seconds: 2))
            rates.append(try await stepsPerSecond(sqliteStore("steps\(round)"), workflows: 20_000))
        }
        return Figure("steps_sqlite", median(rates), "1/s", limit: median(limits), "a bare sqlite3 loop, 100 rows a commit: rows/s")
    }

    private func sequentialStep() async throws -> Figure {
        var times: [Double] = []
        var limits: [Double] = []
        for round in 0..<Self.rounds {
            limits.append(try yardsticks.postgresSecondsPerInsert())
            times.append(try await secondsPerSequentialStep(postgresStore("sequential\(round)"), steps: 5_000))
            try yardsticks.clear("sequential\(round)")
        }
        return Figure(
            "sequential_step", median(times) * 1e6, "us", limit: median(limits) * 1e6, "pgbench, one row and its commit, 1 client: us")
    }

    private func replay() async throws -> Figure {
        let steps = 50_000
        let store = try postgresStore("replay")
        try await record(store, steps: steps)
        var times: [Double] = []
        for _ in 0..<3 { times.append(try await secondsToReplay(store)) }
        try yardsticks.clear("replay")
        return Figure("replay_50k", median(times), "s", limit: 0.5, "the promise: 50,000 steps in 0.5 s")
    }

    private func sleepers(_ count: Int) async throws -> Figure {
        let memory = try await memoryOfSleepers(
            postgresStore("sleepers"), count: count, queued: "SELECT count(*) FROM sleepers.live WHERE state = 0")
        try yardsticks.clear("sleepers")
        let name = count > 100_000 ? "sleepers_million" : "sleepers_memory"
        return Figure(name, memory, "MiB", limit: 300, "the promise: \(count) sleepers in 300 MiB")
    }

    private func recovery() async throws -> Figure {
        var times: [Double] = []
        for round in 0..<3 {
            let schema = "recover\(round)"
            times.append(try await secondsToRecover(server, schema: schema, workflows: 10_000, yardsticks))
            try yardsticks.clear(schema)
        }
        return Figure("recover_10k", median(times), "s", limit: 2, "the promise: 10,000 workflows of a dead process in 2 s")
    }

    private func idle() async throws -> Figure {
        let rate = try await statementsOfAnIdleEngine(server, yardsticks)
        return Figure("idle_statements", rate, "1/s", limit: 1, "the promise: one statement per second")
    }

    var server: String {
        get throws {
            guard let postgres else { throw Yardsticks.Failure.pgbench("no server: run the benches with `./run bench`") }
            return postgres
        }
    }

    func postgresStore(_ schema: String) throws -> Store {
        .postgres(try server, schema: schema)
    }

    private func sqliteStore(_ name: String) -> Store { .sqlite(folder.appending(path: "\(name).db").path()) }
}
