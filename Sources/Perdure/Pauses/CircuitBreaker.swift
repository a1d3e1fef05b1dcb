/// When a step is not attempted any more for a while, because too many attempts fail; the terms are those of resilience4j.
///
/// If in an engine, within ``slidingWindow``, at least ``minimumNumberOfCalls`` attempts have ended and the share of those that failed has reached
/// ``failureRateThreshold``, the breaker opens for all engines: no attempt of a step with its key begins. After
/// ``waitDurationInOpenState`` it is half open: attempts are let through one, two, four, … at a time, up to
/// ``permittedNumberOfCallsInHalfOpenState``. When those have succeeded it is closed; the first that fails opens it again, each time for twice as long, up to
/// ``maximumWaitDurationInOpenState``.
///
/// What is held back waits, however long, and that costs it no attempt of its retry policy. See <doc:CircuitBreakers>.
public struct CircuitBreaker: Sendable {
    private var terms: Terms

    /// Shared, because every step has a place for one: it is then as large as a reference.
    private final class Terms: Sendable {
        let values: Values
        init(_ values: Values) { self.values = values }
    }

    private struct Values: Sendable {
        var key: String?
        var failureRateThreshold: Double
        var slidingWindow: Duration
        var minimumNumberOfCalls: Int
        var waitDurationInOpenState: Duration
        var maximumWaitDurationInOpenState: Duration
        var permittedNumberOfCallsInHalfOpenState: Int
        var ignoring: [any Error.Type]
    }

    private subscript<Value>(_ path: WritableKeyPath<Values, Value>) -> Value {
        get { terms.values[keyPath: path] }
        set {
            var values = terms.values
            values[keyPath: path] = newValue
            terms = Terms(values)
        }
    }

    /// Steps of one key share a breaker, in whatever workflow they are; nil is the step's name.
    public var key: String? {
        get { self[\.key] }
        set { self[\.key] = newValue }
    }
    /// The share of failed attempts at which it opens: more than 0, and at most 1.
    public var failureRateThreshold: Double {
        get { self[\.failureRateThreshold] }
        set { self[\.failureRateThreshold] = newValue }
    }
    /// How long an attempt counts.
    public var slidingWindow: Duration {
        get { self[\.slidingWindow] }
        set { self[\.slidingWindow] = newValue }
    }
    /// With fewer attempts in an engine's window it stays closed.
    public var minimumNumberOfCalls: Int {
        get { self[\.minimumNumberOfCalls] }
        set { self[\.minimumNumberOfCalls] = newValue }
    }
    /// How long it is open the first time.
    public var waitDurationInOpenState: Duration {
        get { self[\.waitDurationInOpenState] }
        set { self[\.waitDurationInOpenState] = newValue }
    }
    /// How long it is open at most.
    public var maximumWaitDurationInOpenState: Duration {
        get { self[\.maximumWaitDurationInOpenState] }
        set { self[\.maximumWaitDurationInOpenState] = newValue }
    }
    /// The number of attempts in the last round of the half-open state; the rounds before it have 1, 2, 4, ….
    public var permittedNumberOfCallsInHalfOpenState: Int {
        get { self[\.permittedNumberOfCallsInHalfOpenState] }
        set { self[\.permittedNumberOfCallsInHalfOpenState] = newValue }
    }
    /// Errors of these types say nothing about the other side: they count neither as failures nor as successes.
    ///
    /// So it is with a cancellation, with a ``NonRetryableError`` and with what the step's ``RetryPolicy/nonRetryable`` names.
    public var ignoring: [any Error.Type] {
        get { self[\.ignoring] }
        set { self[\.ignoring] = newValue }
    }

    /// Makes a breaker.
    public init(
        key: String? = nil, failureRateThreshold: Double = 0.5, slidingWindow: Duration = .seconds(60), minimumNumberOfCalls: Int = 20,
        waitDurationInOpenState: Duration = .seconds(30), maximumWaitDurationInOpenState: Duration = .seconds(600),
        permittedNumberOfCallsInHalfOpenState: Int = 16, ignoring: [any Error.Type] = []
    ) {
        terms = Terms(
            Values(
                key: key, failureRateThreshold: failureRateThreshold, slidingWindow: slidingWindow,
                minimumNumberOfCalls: minimumNumberOfCalls, waitDurationInOpenState: waitDurationInOpenState,
                maximumWaitDurationInOpenState: max(maximumWaitDurationInOpenState, waitDurationInOpenState),
                permittedNumberOfCallsInHalfOpenState: permittedNumberOfCallsInHalfOpenState, ignoring: ignoring))
    }

    /// With its key, which is the step's name unless it has one of its own.
    func named(_ step: String) throws(WorkflowError) -> StepBreaker {
        try check(step)
        return StepBreaker(key: key ?? step, settings: self)
    }

    /// Throws if it could never open, or never close.
    func check(_ step: String) throws(WorkflowError) {
        if let key { try Names.check(key, "the key of the circuit breaker of step '\(step)'") }
        func refuse(_ what: String) -> WorkflowError {
            WorkflowError(.invalidDeclaration, "the circuit breaker of step '\(step)' has \(what)")
        }
        guard failureRateThreshold > 0, failureRateThreshold <= 1 else {
            throw refuse("the failure rate threshold \(failureRateThreshold): more than 0, and at most 1")
        }
        guard slidingWindow >= .milliseconds(1) else { throw refuse("a sliding window of \(slidingWindow): a millisecond or more") }
        guard minimumNumberOfCalls >= 1 else { throw refuse("a minimum of \(minimumNumberOfCalls) calls: 1 or more") }
        guard waitDurationInOpenState >= .milliseconds(1), maximumWaitDurationInOpenState >= waitDurationInOpenState else {
            throw refuse(
                "waits of \(waitDurationInOpenState) to \(maximumWaitDurationInOpenState) in the open state: a millisecond or more, and not less than the first"
            )
        }
        guard (1...1_000_000).contains(permittedNumberOfCallsInHalfOpenState) else {
            throw refuse("\(permittedNumberOfCallsInHalfOpenState) permitted calls in the half-open state: 1 to 1,000,000")
        }
    }

    /// What an attempt that ended like this says about the other side.
    func verdict(_ error: (any Error)?, _ retry: RetryPolicy) -> BreakerState.Verdict {
        guard let error else { return .succeeded }
        if error is CancellationError || error is any NonRetryableError { return .ignored }
        return (ignoring + retry.nonRetryable).contains { $0 == type(of: error) } ? .ignored : .failed
    }
}
