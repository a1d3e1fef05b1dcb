internal import FoundationEssentials

extension Date {
    /// The moment as the library counts; nil if it is no number.
    ///
    /// Rounded: a date that was made of microseconds must give them back, and a `Double` is off by a tenth of one.
    var microseconds: Microseconds? {
        let exact = (timeIntervalSince1970 * 1_000_000).rounded()
        guard !exact.isNaN else { return nil }
        return Microseconds(exactly: exact) ?? (exact < 0 ? .min : .max)
    }

    init(microseconds: Microseconds) { self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000) }
}
