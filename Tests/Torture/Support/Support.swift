import Foundation
import Perdure

/// Microseconds by a clock that all processes of this machine share and nobody sets.
func monotonic() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}

struct TookTooLong: Error, CustomStringConvertible {
    let what: String

    var description: String { "this did not come about in time: \(what)" }
}

/// Looks every few milliseconds: other processes cannot be waited for in any other way.
func eventually(_ what: String, within limit: Duration = .seconds(60), _ isTrue: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while try await !isTrue() {
        guard ContinuousClock.now < end else { throw TookTooLong(what: what) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Tries again while the database cannot be reached, which is part of the game.
func insist<Result: Sendable>(for limit: Duration = .seconds(120), _ body: () async throws -> Result) async throws -> Result {
    let end = ContinuousClock.now + limit
    while true {
        do {
            return try await body()
        } catch let error as StoreError where [.unavailable, .transient, .full].contains(error.code) || error.nativeCode == "25006" {
            guard ContinuousClock.now < end else { throw error }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func say(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}

extension Duration {
    var inMilliseconds: Int { Int(self / .milliseconds(1)) }
    var shown: String { String(format: "%.1f s", self / .seconds(1)) }
}
