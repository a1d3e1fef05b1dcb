import Foundation
import Perdure

/// Does nothing but return.
private struct Leaf: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int { number }
}

/// Starts as many children as asked for, and awaits them all.
private struct Fan: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        var sum = 0
        for try await child in try await context.startChildren(Leaf.self, 0..<count) { sum += try child.output }
        return sum
    }
}

/// Starts children that sleep, and awaits them.
private struct Tree: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        var ends = 0
        for try await _ in try await context.startChildren(Sleeper.self, 0..<count) { ends += 1 }
        return ends
    }
}

extension Benches {
    /// Seconds from the start of a workflow until it has awaited its 100,000 children, and the peak of the memory of the process.
    func fanOut() async throws -> [Figure] {
        let count = 100_000
        var times: [Double] = []
        for round in 0..<3 {
            let schema = "fan\(round)"
            try await withEngine(postgresStore(schema)) {
                Fan()
                Leaf()
                ManySteps()
            } _: { engine in
                let elapsed = try await seconds {
                    let sum = try await engine.start(Fan.self, count).result()
                    guard sum == count * (count - 1) / 2 else { throw Yardsticks.Failure.pgbench("the sum of the children is \(sum)") }
                }
                times.append(elapsed)
            }
            try yardsticks.clear(schema)
        }
        return [
            Figure("fan_out", median(times), "s", limit: 15, "the promise: 100,000 children of one workflow, started and awaited, in 15 s"),
            Figure("fan_out_memory", residentMiB(peak: true), "MiB", limit: 300, "the peak of the process meanwhile"),
        ]
    }

    /// Seconds from the cancel of a workflow, and from its termination, until it and its 10,000 children have ended.
    ///
    /// Of the children 6,000 are in memory, and the others are rows.
    func cancelTree() async throws -> [Figure] {
        let cancelled = try await endOfTree("cancel") { try await $0.cancel() }
        let terminated = try await endOfTree("terminate") { try await $0.terminate() }
        return [
            Figure("cancel_tree", cancelled, "s", limit: 2, "the promise: a workflow and its 10,000 children are cancelled in 2 s"),
            Figure("terminate_tree", terminated, "s", limit: 2, "the same, terminated"),
        ]
    }

    private func endOfTree(_ name: String, _ end: @Sendable (WorkflowHandle<Int>) async throws -> Void) async throws -> Double {
        var times: [Double] = []
        for round in 0..<3 {
            let schema = "\(name)\(round)"
            let open: SQL = "SELECT count(*) FROM \(unsafeRaw: schema).live"
            let waiting: SQL = "SELECT count(*) FROM \(unsafeRaw: schema).live WHERE state = 2"
            var configuration = EngineConfiguration()
            configuration.maximumInMemory = 6_000
            try await withEngine(postgresStore(schema), configuration: configuration) {
                Tree()
                Sleeper()
                ManySteps()
            } _: { engine in
                @Sendable func count(_ query: SQL) async throws -> Int {
                    try await engine.transaction { db in try await db.query(query, as: Int.self).first ?? 0 }
                }
                let tree = try await engine.start(Tree.self, 10_000)
                while try await count(open) < 10_001 { try await Task.sleep(for: .milliseconds(100)) }
                while try await count(waiting) < 4_000 { try await Task.sleep(for: .milliseconds(100)) }
                try await Task.sleep(for: .seconds(1))
                let elapsed = try await seconds {
                    try await end(tree)
                    while try await count(open) > 0 { try await Task.sleep(for: .milliseconds(10)) }
                }
                times.append(elapsed)
            }
            try yardsticks.clear(schema)
        }
        return median(times)
    }
}
