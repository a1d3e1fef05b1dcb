extension Duration {
    /// A number of minutes; the longest duration there is where it does not fit.
    public static func minutes(_ count: some BinaryInteger) -> Duration { many(count, times: 60) }
    /// A number of hours; the longest duration there is where it does not fit.
    public static func hours(_ count: some BinaryInteger) -> Duration { many(count, times: 3600) }
    /// A number of days of 24 hours; the longest duration there is where it does not fit.
    public static func days(_ count: some BinaryInteger) -> Duration { many(count, times: 86_400) }

    private static func many(_ count: some BinaryInteger, times seconds: Int64) -> Duration {
        let (sum, overflow) = Int64(clamping: count).multipliedReportingOverflow(by: seconds)
        return .seconds(overflow ? (count < 0 ? .min : .max) : sum)
    }

    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// Rounded down; the largest or smallest value where it does not fit.
    package var inMicroseconds: Microseconds {
        let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflowed) = whole.addingReportingOverflow(components.attoseconds / 1_000_000_000_000)
        return overflow || overflowed ? (components.seconds < 0 ? .min : .max) : sum
    }
}

extension Microseconds {
    /// The moment that much later; `.max`, which is never, or `.min` where it does not fit.
    package func adding(_ duration: Duration) -> Microseconds {
        let (sum, overflow) = addingReportingOverflow(duration.inMicroseconds)
        return overflow ? (duration < .zero ? .min : .max) : sum
    }

    /// How long it is from this moment to that; nothing if that has passed.
    package func wait(until due: Microseconds) -> Duration {
        guard due > self else { return .zero }
        let (wait, overflow) = due.subtractingReportingOverflow(self)
        return .microseconds(overflow ? .max : wait)
    }
}
