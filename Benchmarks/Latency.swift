import Foundation
import Perdure
import PerdurePostgres

/// The process that enqueues: one workflow after the other, with the moment at which it was asked for.
func runEnqueuer(_ url: String, schema: String, count: Int) async throws {
    let client = try await Client(store: .postgres(url, schema: schema))
    for _ in 0..<count {
        try await client.enqueue(Noop.self, microseconds(), on: .bench)
        try await Task.sleep(for: .milliseconds(.random(in: 5...25)))
    }
    await client.close()
}

/// Microseconds since 1970 by the machine's clock, which both processes share.
func microseconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// Milliseconds from the call of `enqueue` in another process to the first line of the workflow, in an engine that has nothing else to do.
func startLatencies(_ url: String, schema: String, count: Int) async throws -> [Double] {
    let latencies = Lock<[Double]>([])
    let engine = try await Engine(store: .postgres(url, schema: schema)) {
        Noop { asked in
            let now = microseconds()
            latencies.withLock { $0.append(Double(now - asked) / 1_000) }
        }
        Queue.bench
    }
    try await run(engine) {
        let other = Process()
        other.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        other.arguments = ["--enqueuer", url, schema, "\(count)"]
        try other.run()
        while latencies.withLock({ $0.count }) < count, other.isRunning { try await Task.sleep(for: .milliseconds(50)) }
        try await Task.sleep(for: .milliseconds(200))
        other.waitUntilExit()
    }
    return latencies.withLock { $0.sorted() }
}

/// The value below which this part of the sorted values lies.
func percentile(_ sorted: [Double], _ part: Double) -> Double {
    sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
}
