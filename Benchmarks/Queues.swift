import Foundation
import Perdure
import PerdurePostgres

/// Does nothing: what is measured is the way to it and from it.
struct Noop: Workflow {
    let began: @Sendable (Int) -> Void

    init(began: @escaping @Sendable (Int) -> Void = { _ in }) { self.began = began }

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        began(number)
        return number
    }
}

extension Queue {
    static let bench = Queue("bench")
}

/// Workflows per second that a client enqueues in bulk.
func enqueuedPerSecond(_ store: Store, count: Int) async throws -> Double {
    let client = try await Client(store: store)
    try await client.enqueue(Noop.self, each: 0..<1_000, on: .bench)
    let elapsed = try await seconds { try await client.enqueue(Noop.self, each: 0..<count, on: .bench) }
    await client.close()
    return Double(count) / elapsed
}

/// Workflows per second that one engine takes from a queue, runs and ends, from its first to its last.
func drainedPerSecond(_ store: Store, count: Int) async throws -> Double {
    let client = try await Client(store: store)
    try await client.enqueue(Noop.self, each: 0..<count, on: .bench)
    await client.close()
    let (first, done) = (Lock<ContinuousClock.Instant?>(nil), Lock(0))
    let engine = try await Engine(store: store) {
        Noop { _ in first.withLock { $0 = $0 ?? .now } }
        Queue.bench
    }
    try await run(engine) {
        while engine.statistics.finished < count { try await Task.sleep(for: .milliseconds(10)) }
    }
    done.withLock { $0 = engine.statistics.finished }
    guard let begun = first.withLock({ $0 }) else { return 0 }
    return Double(done.withLock { $0 }) / begun.duration(to: lastEnd.withLock { $0 }).inSeconds
}

/// When `run` saw its body end.
private let lastEnd = Lock<ContinuousClock.Instant>(.now)

/// Runs `body` beside an engine, and ends the engine.
func run(_ engine: Engine, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await engine.run() }
        try await body()
        lastEnd.withLock { $0 = .now }
        group.cancelAll()
        try await group.waitForAll()
    }
    await engine.close()
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// Workflows per second over some time, of an engine whose queue is kept filled; with a snapshot of somebody else held open, or without.
func sustainedPerSecond(_ url: String, schema: String, seconds time: Double, held: Bool, _ yardsticks: Yardsticks) async throws -> Double {
    let store = Store.postgres(url, schema: schema)
    let client = try await Client(store: store)
    try await client.enqueue(Noop.self, each: 0..<20_000, on: .bench)
    let snapshot = held ? try HeldSnapshot(url) : nil
    defer { snapshot?.end() }
    let engine = try await Engine(store: store) {
        Noop()
        Queue.bench
    }
    var rate = 0.0
    try await run(engine) {
        var enqueued = 20_000
        while engine.statistics.finished < 5_000 { try await Task.sleep(for: .milliseconds(5)) }
        let (begun, before) = (ContinuousClock.now, engine.statistics.finished)
        while begun.duration(to: .now).inSeconds < time {
            if enqueued - engine.statistics.finished < 20_000 {
                try await client.enqueue(Noop.self, each: 0..<2_000, on: .bench)
                enqueued += 2_000
            } else {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        rate = Double(engine.statistics.finished - before) / begun.duration(to: .now).inSeconds
    }
    await client.close()
    return rate
}

/// Somebody's long transaction: from its snapshot on nothing that is deleted can be cleared away.
private final class HeldSnapshot {
    private let process = Process()
    private let input = Pipe()

    init(_ url: String) throws {
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["psql", "-qAtX", "-d", url]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        input.fileHandleForWriting.write(Data("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current();\n".utf8))
        _ = output.fileHandleForReading.availableData
    }

    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}

/// The part of the whole time after which the last of many small keys was served, beside one key with a million.
func fairness(_ store: Store, large: Int, keys: Int, each: Int) async throws -> Double {
    let client = try await Client(store: store)
    try await client.enqueue(Noop.self, each: Array(repeating: -1, count: large), on: .bench, options: EnqueueOptions(key: "large"))
    for key in 0..<keys {
        try await client.enqueue(
            Noop.self, each: (0..<each).map { key * each + $0 }, on: .bench, options: EnqueueOptions(key: "small-\(key)"))
    }
    await client.close()
    let (served, lastSmall) = (Lock(0), Lock<ContinuousClock.Instant>(.now))
    let engine = try await Engine(store: store) {
        Noop { number in
            if number < 0 { return }
            let isLast = served.withLock { served in
                served += 1
                return served == keys * each
            }
            if isLast { lastSmall.withLock { $0 = .now } }
        }
        Queue.bench
    }
    let begun = ContinuousClock.now
    try await run(engine) {
        while engine.statistics.finished < large + keys * each { try await Task.sleep(for: .milliseconds(20)) }
    }
    let (whole, small) = (begun.duration(to: lastEnd.withLock { $0 }), begun.duration(to: lastSmall.withLock { $0 }))
    return small.inSeconds / whole.inSeconds
}
