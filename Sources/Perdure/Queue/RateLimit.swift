/// So many starts in any stretch of time of that length, over all engines.
///
/// As DBOS's limiter: a rolling window, not a bucket that lets twice as many through at its edge.
public struct RateLimit: Sendable, Hashable {
    /// How many workflows may begin.
    public var count: Int
    /// In a stretch of this length; at least a millisecond.
    public var period: Duration

    /// Makes a limit, as in `RateLimit(100, per: .seconds(1))`.
    public init(_ count: Int, per period: Duration) {
        self.count = count
        self.period = period
    }

    func check(_ what: String) throws(WorkflowError) {
        guard count > 0 else {
            throw WorkflowError(.invalidDeclaration, "\(what) allows \(count) starts: at least one, or pause the queue")
        }
        guard period >= .milliseconds(1), period <= .days(366) else {
            throw WorkflowError(.invalidDeclaration, "\(what) is for a period of \(period): between a millisecond and a year")
        }
    }
}

/// Stored as a number and microseconds, which any language and SQL can read.
extension RateLimit: Codable {
    private enum CodingKeys: String, CodingKey { case count, period }

    /// Reads the stored form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        count = try container.decode(Int.self, forKey: .count)
        period = .microseconds(try container.decode(Int64.self, forKey: .period))
    }

    /// Writes the stored form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(count, forKey: .count)
        try container.encode(period.wholeMicroseconds, forKey: .period)
    }
}

extension Duration {
    /// What is stored of it.
    package var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000_000
    }
}
