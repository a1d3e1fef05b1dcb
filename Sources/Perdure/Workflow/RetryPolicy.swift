/// When a failed step is tried again; as Temporal's retry policy, except that the default is not to.
public struct RetryPolicy: Sendable {
    /// How many attempts there are in all; 1 is no retry.
    public var attempts: Int
    /// The wait before the second attempt.
    public var initialInterval: Duration
    /// What the wait is multiplied with after each attempt.
    public var multiplier: Double
    /// The longest wait.
    public var maximumInterval: Duration
    /// The share of each wait that is drawn at random: 0.2 is between 80 % and 120 %.
    ///
    /// Clamped to 0...1.
    public var jitter: Double
    /// Errors of these types are not retried, nor is any ``NonRetryableError``.
    public var nonRetryable: [any Error.Type]

    /// Makes a policy.
    public init(
        attempts: Int, initialInterval: Duration = .milliseconds(200), multiplier: Double = 2, maximumInterval: Duration = .seconds(60),
        jitter: Double = 0.2, nonRetryable: [any Error.Type] = []
    ) {
        self.attempts = attempts
        self.initialInterval = initialInterval
        self.multiplier = multiplier
        self.maximumInterval = maximumInterval
        self.jitter = jitter
        self.nonRetryable = nonRetryable
    }

    /// One attempt.
    public static let none = RetryPolicy(attempts: 1)

    /// Waits that double, to a minute at most, with 20 % of jitter.
    public static func exponential(
        attempts: Int, initialInterval: Duration = .milliseconds(200), multiplier: Double = 2, maximumInterval: Duration = .seconds(60),
        jitter: Double = 0.2, nonRetryable: [any Error.Type] = []
    ) -> RetryPolicy {
        RetryPolicy(
            attempts: attempts, initialInterval: initialInterval, multiplier: multiplier, maximumInterval: maximumInterval, jitter: jitter,
            nonRetryable: nonRetryable)
    }

    /// Waits of one length.
    public static func fixed(attempts: Int, interval: Duration, jitter: Double = 0) -> RetryPolicy {
        RetryPolicy(attempts: attempts, initialInterval: interval, multiplier: 1, maximumInterval: interval, jitter: jitter)
    }

    /// How long to wait after attempt number `attempt` has failed with `error`; nil is not to try again.
    ///
    /// - Parameter random: between 0 and 1.
    package func wait(after attempt: Int, _ error: any Error, random: Double) -> Duration? {
        guard attempt < attempts, !(error is any NonRetryableError), !(error is CancellationError),
            !nonRetryable.contains(where: { $0 == type(of: error) })
        else { return nil }
        if let after = (error as? any RetryAfterError)?.retryAfter { return max(after, .zero) }
        let grown = initialInterval.inSeconds * pow(multiplier, attempt - 1)
        let capped = min(max(grown, 0), maximumInterval.inSeconds)
        let spread = jitter.isNaN ? 0 : min(max(jitter, 0), 1)
        let seconds = capped * (1 + spread * (2 * random - 1))
        // A thousand years are long enough, and fit.
        return .microseconds(Int64(min(seconds.isNaN ? 0 : seconds, 3e10) * 1_000_000))
    }

    private func pow(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<min(exponent, 1_000) where result.isFinite { result *= base }
        return result.isNaN ? .infinity : result
    }
}
