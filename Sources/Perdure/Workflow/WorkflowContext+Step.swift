extension WorkflowContext {
    /// Does a piece of work once: after it has completed, every replay returns what it returned, or throws what it threw.
    ///
    /// The body runs outside the workflow's own executor and may do anything. If the process dies in it, it is run again: at least once, with the
    /// same ``StepContext/idempotencyKey``. An error ends the step when the retry policy has no more attempts; it is recorded like a result.
    ///
    /// - Parameters:
    ///   - name: Unique among the steps that are outstanding at the same time, at most 512 bytes. A second step of the name is `name#2`.
    ///   - id: Tells apart steps of one name that run at the same time.
    ///   - retry: Not to retry, unless given.
    ///   - timeout: For each attempt; its task is cancelled, and abandoned after a grace period. As Temporal's start-to-close timeout.
    ///   - totalTimeout: For all attempts and the waits between them, in whatever process. As Temporal's schedule-to-close timeout.
    ///   - heartbeatTimeout: The longest time between two heartbeats of an attempt.
    ///   - breaker: Has no attempt begin, in any engine, while too many of them fail.
    ///   - body: The work.
    /// - Throws: What the body threw (as ``Workflow/errors`` says), ``WorkflowError``, or `CancellationError`.
    @discardableResult
    public func step<Result: Payload>(
        _ name: String, id: (any StepID)? = nil, retry: RetryPolicy = .none, timeout: Duration? = nil, totalTimeout: Duration? = nil,
        heartbeatTimeout: Duration? = nil, breaker: CircuitBreaker? = nil, _ body: @escaping @Sendable (StepContext) async throws -> Result
    ) async throws -> Result {
        let coder = run.coder
        let limits = StepLimits(
            retry: retry, timeout: timeout, totalTimeout: totalTimeout, heartbeatTimeout: heartbeatTimeout,
            breaker: try breaker?.named(name))
        let record = try await step(name, id, limits) { step in
            let result = try await body(step)
            return try coder.encode(result, what: "the result of step '\(name)'")
        }
        return try decoded(Result.self, record.output, "the recorded result of step '\(record.key)'")
    }

    /// Does a piece of work that has no result; see the other ``step(_:id:retry:timeout:totalTimeout:heartbeatTimeout:breaker:_:)-(_,_,_,_,_,_,_,(StepContext)->Result)``.
    public func step(
        _ name: String, id: (any StepID)? = nil, retry: RetryPolicy = .none, timeout: Duration? = nil, totalTimeout: Duration? = nil,
        heartbeatTimeout: Duration? = nil, breaker: CircuitBreaker? = nil, _ body: @escaping @Sendable (StepContext) async throws -> Void
    ) async throws {
        let limits = StepLimits(
            retry: retry, timeout: timeout, totalTimeout: totalTimeout, heartbeatTimeout: heartbeatTimeout,
            breaker: try breaker?.named(name))
        _ = try await step(name, id, limits) { step in
            try await body(step)
            return .void
        }
    }

    /// Does a piece of work whose body needs nothing of its ``StepContext``.
    @discardableResult
    public func step<Result: Payload>(
        _ name: String, id: (any StepID)? = nil, retry: RetryPolicy = .none, timeout: Duration? = nil, totalTimeout: Duration? = nil,
        breaker: CircuitBreaker? = nil, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await step(name, id: id, retry: retry, timeout: timeout, totalTimeout: totalTimeout, breaker: breaker) { (_: StepContext) in
            try await body()
        }
    }

    /// Does a piece of work that has no result and whose body needs nothing of its ``StepContext``.
    public func step(
        _ name: String, id: (any StepID)? = nil, retry: RetryPolicy = .none, timeout: Duration? = nil, totalTimeout: Duration? = nil,
        breaker: CircuitBreaker? = nil, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await step(name, id: id, retry: retry, timeout: timeout, totalTimeout: totalTimeout, breaker: breaker) { (_: StepContext) in
            try await body()
        }
    }

    private func step(
        _ name: String, _ id: (any StepID)?, _ limits: StepLimits, _ body: @escaping @Sendable (StepContext) async throws -> EncodedPayload
    ) async throws -> StepRecord {
        try await enter("step '\(name)'")
        let base = try key(name, id, "the name of a step")
        let record = try await call(base, .step, exclusive: true) { key in
            StepBody(run: run, key: key, name: name, limits: limits, work: body).start()
        }
        return try succeeded(record)
    }

    func key(_ name: String, _ id: (any StepID)?, _ what: String) throws -> String {
        try Names.check(name, what)
        let id = id?.stepID
        if let id { try Names.check(id, "the id of '\(name)'") }
        return Names.key(name, id: id)
    }

    /// Bytes of the history that this code cannot read mean that the code was changed: that is for a person, and the code, which would end with
    /// the error, does not decide.
    func decoded<Value: Decodable>(_ type: Value.Type, _ payload: EncodedPayload?, _ what: @autoclosure () -> String) throws -> Value {
        do throws(WorkflowError) {
            return try run.coder.decode(type, from: payload, what: what())
        } catch {
            run.setAside(error)
            throw error
        }
    }

    /// The record, or the error that it holds.
    func succeeded(_ record: StepRecord) throws -> StepRecord {
        if let error = record.error { throw run.workflow.errors.restore(error, with: run.coder) }
        return record
    }
}
