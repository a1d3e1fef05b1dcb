/// Values of a field of a ``ScheduleCalendar``: one, or several at equal distances.
///
/// An integer literal is a range of one value; see also ``range(_:step:)``.
public struct ScheduleRange: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// The first value.
    public var start: Int
    /// The last value; it is not reached if the step passes over it.
    public var end: Int
    /// The distance between values.
    public var step: Int

    /// Makes a range; without an end, of one value.
    public init(start: Int, end: Int? = nil, step: Int = 1) {
        self.start = start
        self.end = end ?? start
        self.step = step
    }

    /// One value.
    public init(integerLiteral value: Int) { self.init(start: value) }

    /// The values of a range.
    public static func range(_ values: ClosedRange<Int>, step: Int = 1) -> ScheduleRange {
        ScheduleRange(start: values.lowerBound, end: values.upperBound, step: step)
    }
}

extension ScheduleRange: Codable {
    private enum Key: String, CodingKey { case start, end, step }

    /// Decodes a number, or an object of `start`, `end` and `step`.
    public init(from decoder: any Decoder) throws {
        if let value = try? decoder.singleValueContainer().decode(Int.self) {
            self.init(start: value)
            return
        }
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            start: try container.decode(Int.self, forKey: .start), end: try container.decodeIfPresent(Int.self, forKey: .end),
            step: try container.decodeIfPresent(Int.self, forKey: .step) ?? 1)
    }

    /// Encodes a number if it is one value.
    public func encode(to encoder: any Encoder) throws {
        if self == ScheduleRange(start: start) {
            var container = encoder.singleValueContainer()
            try container.encode(start)
            return
        }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(start, forKey: .start)
        if end != start { try container.encode(end, forKey: .end) }
        if step != 1 { try container.encode(step, forKey: .step) }
    }
}
