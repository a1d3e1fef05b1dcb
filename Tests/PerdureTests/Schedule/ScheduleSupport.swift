import FoundationEssentials
import Perdure
import Testing

/// A moment as text: `2026-03-29T01:00:00Z`.
func moment(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> Date {
    try #require(SQLDate.parse(text), "\(text) is no moment", sourceLocation: location)
}

/// Moments to compare and to read: seconds since 1970 tell nobody anything.
func shown(_ moments: [Date]) -> [String] {
    moments.map { moment in
        let text = SQLDate.format(moment)
        return text.prefix(10) + "T" + text.dropFirst(11).prefix(8) + "Z"
    }
}

/// SplitMix64.
struct ScheduleRandom {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func below(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(limit))
    }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
