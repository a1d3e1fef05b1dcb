/// Watches one attempt of a step: when it takes too long, or its heartbeats stop, its task is cancelled; if it does not end within a grace
/// period it is abandoned, and named in the log.
final class AttemptSupervisor: Sendable {
    private struct State {
        var result: Result<EncodedPayload, any Error>?
        var parked: Parked<Result<EncodedPayload, any Error>>?
        var lastHeartbeat: Microseconds
        var timedOut = false
        var task: Task<Void, Never>?
        var timer: TimerID?
    }

    private let body: StepBody
    private let state: Lock<State>
    private let deadline: Microseconds

    init(body: StepBody) {
        self.body = body
        let begun = body.run.host.clock.now()
        let own = body.limits.timeout.map { begun.adding($0) } ?? .max
        let total = body.limits.totalTimeout.map { body.started.adding($0) } ?? .max
        deadline = min(own, total)
        state = Lock(State(lastHeartbeat: begun))
    }

    func heartbeat() {
        let time = body.run.host.clock.now()
        state.withLock { $0.lastHeartbeat = time }
    }

    func run(_ context: StepContext) async -> Result<EncodedPayload, any Error> {
        let task = Task(executorPreference: body.run.host.stepExecutor) {
            // On a busy machine the time may be up before the body has begun: then it must not begin any more, for the step may go on without it.
            if self.state.withLock({ $0.timedOut }) { return self.end(.failure(CancellationError())) }
            self.end(await self.body.perform(context))
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
        if let timer = state.withLock({ $0.timer }) { body.run.host.clock.cancel(timer) }
        if case .failure(is CancellationError) = result, state.withLock({ $0.timedOut }) { return .failure(timeout) }
        return result
    }

    private var timeout: WorkflowError {
        WorkflowError(.timedOut, "step '\(body.key)' took longer than its timeout, or sent no heartbeat in time")
    }

    private func end(_ result: Result<EncodedPayload, any Error>) {
        let parked = state.withLock { state in
            guard state.result == nil else { return nil as Parked<Result<EncodedPayload, any Error>>? }
            state.result = result
            return state.parked
        }
        parked?.resume(returning: result)
    }

    private func watch() {
        let limit = state.withLock { state in
            min(deadline, body.limits.heartbeatTimeout.map { state.lastHeartbeat.adding($0) } ?? .max)
        }
        let timer = body.run.host.clock.schedule(at: limit) { self.limitReached(limit) }
        state.withLock { $0.timer = timer }
    }

    private func limitReached(_ limit: Microseconds) {
        let host = body.run.host
        let isBeating = state.withLock { state in
            limit < deadline && body.limits.heartbeatTimeout.map { state.lastHeartbeat.adding($0) > limit } ?? false
        }
        if isBeating { return watch() }
        let task = state.withLock { state in
            state.timedOut = true
            return state.task
        }
        task?.cancel()
        let timer = host.clock.schedule(at: host.clock.now().adding(host.stepGrace)) { self.abandon() }
        state.withLock { $0.timer = timer }
    }

    private func abandon() {
        guard state.withLock({ $0.result == nil }) else { return }
        body.run.host.log(
            .warning,
            "the body of step '\(body.key)' of workflow \(Names.publicID(body.run.number)) does not end when it is cancelled; it is abandoned"
        )
        end(.failure(timeout))
    }
}
