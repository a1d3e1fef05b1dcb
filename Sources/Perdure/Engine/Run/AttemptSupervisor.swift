/// Watches one attempt of a step: when it takes too long, or its heartbeats stop, its task is cancelled; if it does not end within a grace
/// period it is abandoned, counted, and named in the log.
final class AttemptSupervisor: Sendable {
    fileprivate struct State {
        var result: Result<EncodedPayload, any Error>?
        var parked: Parked<Result<EncodedPayload, any Error>>?
        var lastHeartbeat: Instant
        var timedOut = false
        /// The step goes on without the body, which still runs.
        var isAbandoned = false
        var task: Task<Void, Never>?
        var timer: TimerID?
    }

    private let body: StepBody
    private let state: Lock<State>
    /// When the attempt's own time, or that of the whole step, is up.
    private let deadline: Instant?

    private var clock: any EngineClock { body.run.host.clock }

    init(body: StepBody) {
        self.body = body
        let begun = body.run.host.clock.instant()
        deadline = earliest(body.limits.timeout.map { begun + $0 }, body.ends)
        state = Lock(State(lastHeartbeat: begun))
    }

    func heartbeat() {
        let time = clock.instant()
        state.withLock { $0.lastHeartbeat = time }
    }

    func run(_ context: StepContext) async -> Result<EncodedPayload, any Error> {
        let task = Task(executorPreference: body.run.host.stepExecutor) {
            // On a busy machine the time may be up before the body has begun: then it must not begin any more, for the step may go on without it.
            if self.state.withLock({ $0.timedOut }) { return self.ended(.failure(CancellationError())) }
            self.ended(await self.body.perform(context))
        }
        state.withLock { $0.task = task }
        watch()
        let result = await withTaskCancellationHandler {
            await park { (parked: Parked<Result<EncodedPayload, any Error>>) in
                let result = state.withLock { state in
                    if state.result == nil { state.parked = parked }
                    return state.result
                }
                if let result { parked.resume(returning: result) }
            }
        } onCancel: {
            task.cancel()
        }
        if let timer = state.withLock({ $0.timer }) { clock.cancel(timer) }
        if case .failure(is CancellationError) = result, state.withLock({ $0.timedOut }) { return .failure(timeout) }
        return result
    }

    private var timeout: WorkflowError { body.timeout }

    /// The body has returned, perhaps long after it was abandoned.
    private func ended(_ result: Result<EncodedPayload, any Error>) {
        let (parked, wasAbandoned) = state.withLock { state in
            defer { state.isAbandoned = false }
            return (state.end(result), state.isAbandoned)
        }
        if wasAbandoned { body.run.host.tally.count { $0.abandonedBodies -= 1 } }
        parked?.resume(returning: result)
    }

    /// Each timer is stored before it can fire: under the lock that it takes.
    private func watch() {
        state.withLock { state in
            guard state.result == nil, let limit = limit(state) else { return }
            state.timer = clock.schedule(at: limit) { self.limitReached() }
        }
    }

    private func limit(_ state: State) -> Instant? {
        earliest(deadline, body.limits.heartbeatTimeout.map { state.lastHeartbeat + $0 })
    }

    private func limitReached() {
        let time = clock.instant()
        // A heartbeat has come since.
        if state.withLock({ state in limit(state).map { $0 > time } ?? false }) { return watch() }
        let task: Task<Void, Never>? = state.withLock { state in
            guard state.result == nil else { return nil }
            state.timedOut = true
            state.timer = clock.schedule(after: body.run.host.stepGrace) { self.abandon() }
            return state.task
        }
        task?.cancel()
    }

    private func abandon() {
        let result = Result<EncodedPayload, any Error>.failure(timeout)
        let (parked, isAbandoned) = state.withLock { state in
            guard state.result == nil else { return (nil as Parked<Result<EncodedPayload, any Error>>?, false) }
            state.isAbandoned = true
            return (state.end(result), true)
        }
        guard isAbandoned else { return }
        body.run.host.tally.count { $0.abandonedBodies += 1 }
        body.run.host.log(
            .warning,
            "the body of step '\(body.key)' of workflow \(Names.publicID(body.run.number)) does not end when it is cancelled; it is abandoned"
        )
        parked?.resume(returning: result)
    }
}

extension AttemptSupervisor.State {
    /// Who waits for the result, if this is the first.
    fileprivate mutating func end(_ result: Result<EncodedPayload, any Error>) -> Parked<Result<EncodedPayload, any Error>>? {
        guard self.result == nil else { return nil }
        self.result = result
        return parked
    }
}

private func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
}
