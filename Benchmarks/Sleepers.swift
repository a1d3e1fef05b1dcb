import Foundation
import Perdure

/// MiB of resident memory at the peak, with `count` workflows asleep in one engine, all of them started in this process.
func memoryOfSleepers(_ store: Store, count: Int, queued: SQL) async throws -> Double {
    var peak = 0.0
    try await withEngine(store) {
        Sleeper()
        ManySteps()
    } _: { engine in
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<200 {
                group.addTask {
                    for number in stride(from: lane, to: count, by: 200) { try await engine.start(Sleeper.self, number) }
                }
            }
            try await group.waitForAll()
        }
        // All are accepted now; those that wait in the queue are run, and put to sleep, as room comes.
        var waiting = count
        while waiting > 0 {
            try await Task.sleep(for: .milliseconds(500))
            waiting = try await engine.transaction { db in try await db.query(queued, as: Int.self).first ?? 0 }
        }
        try await Task.sleep(for: .seconds(1))
        peak = residentMiB(peak: true)
    }
    return peak
}

/// The resident memory of this process, now or at its peak.
func residentMiB(peak: Bool = false) -> Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let key = peak ? "VmHWM:" : "VmRSS:"
    for line in status.split(separator: "\n") where line.hasPrefix(key) {
        return (Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first ?? "") ?? 0) / 1024
    }
    return 0
}
