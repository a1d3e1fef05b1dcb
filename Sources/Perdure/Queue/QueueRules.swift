/// A queue as it is stored, and as all engines obey it.
package struct QueueRules: Sendable, Hashable, Codable {
    package var name: String
    package var limits: QueueLimits
    package var slots: Queue.SlotHold
    package var whenFull: Queue.FullPolicy
    package var singleton: DeduplicationPolicy?
    /// Microseconds.
    package var expiry: Int64?
    package var batchSize: Int?
    /// Microseconds.
    package var batchWithin: Int64?

    package init(_ queue: Queue) {
        name = queue.name
        limits = queue.limits
        slots = queue.slots
        whenFull = queue.whenFull
        singleton = queue.singleton
        expiry = queue.expiry?.wholeMicroseconds
        batchSize = queue.batch?.size
        batchWithin = queue.batch?.within.wholeMicroseconds
    }

    /// Whether a workflow that wakes has to take its turn again.
    package var isLimited: Bool {
        limits.perEngine != nil || (slots == .whileRunning && (limits.concurrency != nil || limits.perKey != nil))
    }
}

/// Without names for what is not limited, so that the stored text is short and any language can write it.
extension QueueLimits: Codable {
    private enum CodingKeys: String, CodingKey { case concurrency, perEngine, perKey, rateLimit, rateLimitPerKey, weights }

    /// Reads the stored form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        concurrency = try container.decodeIfPresent(Int.self, forKey: .concurrency)
        perEngine = try container.decodeIfPresent(Int.self, forKey: .perEngine)
        perKey = try container.decodeIfPresent(Int.self, forKey: .perKey)
        rateLimit = try container.decodeIfPresent(RateLimit.self, forKey: .rateLimit)
        rateLimitPerKey = try container.decodeIfPresent(RateLimit.self, forKey: .rateLimitPerKey)
        weights = try container.decodeIfPresent([String: Double].self, forKey: .weights) ?? [:]
    }

    /// Writes the stored form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(concurrency, forKey: .concurrency)
        try container.encodeIfPresent(perEngine, forKey: .perEngine)
        try container.encodeIfPresent(perKey, forKey: .perKey)
        try container.encodeIfPresent(rateLimit, forKey: .rateLimit)
        try container.encodeIfPresent(rateLimitPerKey, forKey: .rateLimitPerKey)
        if !weights.isEmpty { try container.encode(weights, forKey: .weights) }
    }
}
