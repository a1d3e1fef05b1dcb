import Foundation

/// One measured number, with the machine's limit from the same run beside it.
struct Figure: Codable {
    var bench: String
    var value: Double
    var unit: String
    /// What a bare program reaches here and now with the same rows, or the bound that is promised.
    var limit: Double
    var ratio: Double
    /// How the limit was measured.
    var note: String

    init(_ bench: String, _ value: Double, _ unit: String, limit: Double, _ note: String) {
        self.bench = bench
        self.value = Self.rounded(value)
        self.unit = unit
        self.limit = Self.rounded(limit)
        ratio = Self.rounded(limit == 0 ? 0 : value / limit)
        self.note = note
    }

    private static func rounded(_ value: Double) -> Double {
        if value >= 1_000 { return value.rounded() }
        if value >= 10 { return (value * 10).rounded() / 10 }
        return (value * 1_000).rounded() / 1_000
    }
}

/// The middle one; benches are repeated, because two cores are shared with everything.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}

func seconds(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
}
