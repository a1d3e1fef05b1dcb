/// How long a step may take, and how often it is tried.
package struct StepLimits: Sendable {
    var retry: RetryPolicy
    var timeout: Duration?
    var totalTimeout: Duration?
    var heartbeatTimeout: Duration?
    var breaker: StepBreaker?

    var needSupervision: Bool { timeout != nil || totalTimeout != nil || heartbeatTimeout != nil }
}

/// The work behind one step: its attempts, and the waits between them.
final class StepBody: Sendable {
    struct Progress {
        var payload: EncodedPayload?
        var error: EncodedPayload?
        /// The attempt that runs; 0 between two.
        var attempt = 0
        /// How many were made, also by earlier lives.
        var made: Int
        var backoff = Backoff.none
        var written: Instant?
        /// There is a row in `pending` to be deleted with the result.
        var hasPending: Bool
        /// What that says of a pause.
        var heldBy: Int64?
        /// Since the last attempt.
        var wasHeld = false
    }

    /// The wait for the next attempt.
    enum Backoff {
        case none
        /// Raised, it is over.
        case waiting(Signal)
        /// It is over, and the attempts have not come to know it yet, or have not even come to wait.
        case hastened
    }

    let run: Run
    let key: String
    let name: String
    let limits: StepLimits
    let work: @Sendable (StepContext) async throws -> EncodedPayload
    private let earlier: PendingRecord?
    /// When the first attempt began, in this process or an earlier one.
    let started: Microseconds
    /// When the time for all attempts is up; an earlier life's share of it is reckoned by the time of day.
    let ends: Instant?
    let progress: Lock<Progress>

    init(
        run: Run, key: String, name: String, limits: StepLimits, work: @escaping @Sendable (StepContext) async throws -> EncodedPayload
    ) {
        self.run = run
        self.key = key
        self.name = name
        self.limits = limits
        self.work = work
        let earlier = run.state.withLock { $0.beginBody(key) }
        let started = earlier?.started ?? run.host.clock.now()
        self.earlier = earlier
        self.started = started
        ends = limits.totalTimeout.map { total in
            let clock = run.host.clock
            return clock.instant() + total - started.wait(until: clock.now())
        }
        progress = Lock(
            Progress(
                payload: earlier?.progress, error: earlier?.error, made: Int(earlier?.attempt ?? 0),
                backoff: earlier?.due == nil ? .none : .waiting(Signal()), hasPending: earlier != nil,
                heldBy: earlier?.heldBy,
                wasHeld: earlier?.heldBy != nil))
    }

    /// The task is created here, in the caller's task, so that the body inherits the workflow's task-locals.
    func start() {
        let task = Task(executorPreference: run.host.stepExecutor) { await self.attempts() }
        run.state.withLock { $0.setWork(key, self) { task.cancel() } }
    }

    private func attempts() async {
        // The pool was busy, and meanwhile the run has left this process.
        if Task.isCancelled, run.state.withLock({ $0.stop != nil }) { return }
        if earlier == nil, limits.totalTimeout != nil { recordBeginning() }
        var attempt = Int(earlier?.attempt ?? 0)
        if let due = earlier?.due, await !waits(until: due, attempt) { return }
        // What happens rarely is elsewhere: this is on the way of every step, and what it keeps for later costs each of them.
        while true {
            var pass = AttemptPass.free
            // As nearly always nothing is held back, and no earlier life has said that this is.
            if earlier?.heldBy != nil || !run.host.holdsNothing {
                guard let given = await admitted(attempt) else { return }
                pass = given
            }
            // A run that was dropped goes on elsewhere, and nothing is to be recorded here.
            guard await run.host.holdsLease(), run.state.withLock({ $0.stop == nil }) else { return }
            attempt += 1
            progress.withLock { ($0.attempt, $0.made) = (attempt, attempt) }
            let result = await self.attempt(attempt)
            progress.withLock { $0.attempt = 0 }
            tell(pass, result)
            guard case .failure(let error) = result, let pause = pause(after: attempt, error) else {
                return end(result, attempt)
            }
            guard await waits(pause, attempt, error) else { return }
        }
    }

    /// Nil if none begins any more.
    private func admitted(_ attempt: Int) async -> AttemptPass? {
        switch await run.enter(name, key, limits.breaker, record: recordHold) {
        case .go(let pass):
            if !isOverdue(pass) { return pass }
            end(.failure(timeout), attempt)
        case .cancelled: end(.failure(CancellationError()), attempt)
        case .leaving: break
        }
        return nil
    }

    /// Whether another attempt follows in this process, after a pause.
    private func waits(_ pause: Duration, _ attempt: Int, _ error: any Error) async -> Bool {
        let due = run.host.clock.now().adding(pause)
        recordFailure(error, attempt, due)
        return goesOn(await wait(until: due, { run.host.clock.schedule(after: pause, $0) }), attempt)
    }

    /// The same of a pause that has begun in an earlier life.
    private func waits(until due: Microseconds, _ attempt: Int) async -> Bool {
        goesOn(await wait(until: due, { run.host.clock.schedule(at: due, $0) }), attempt)
    }

    private func goesOn(_ waited: Waited, _ attempt: Int) -> Bool {
        if waited == .cancelled { end(.failure(CancellationError()), attempt) }
        return waited == .over
    }

    /// How long until the next attempt; nil if there is none.
    private func pause(after attempt: Int, _ error: any Error) -> Duration? {
        guard !Task.isCancelled, !(error is UnencodableResult),
            let wait = limits.retry.wait(after: attempt, error, random: run.host.random())
        else { return nil }
        if let ends, run.host.clock.instant() + wait >= ends { return nil }
        return wait
    }

    private func end(_ result: Result<EncodedPayload, any Error>, _ attempts: Int) {
        let hadPending = progress.withLock { $0.hasPending }
        let outcome: Run.WorkResult =
            switch result {
            case .success(let output): .success(output)
            case .failure(let error):
                .failure(run.workflow.errors.record((error as? UnencodableResult)?.error ?? error, with: run.coder))
            }
        run.record(
            key, .step, outcome, started: started, attempts: Int32(clamping: max(attempts, 1)), hadPending: hadPending, endsBody: true)
    }

    /// The time for all attempts goes on when the process dies in the first.
    private func recordBeginning() {
        progress.withLock { $0.hasPending = true }
        run.recordPending(PendingRecord(workflow: run.number, key: key, attempt: 0, started: started))
    }

    private func recordFailure(_ error: any Error, _ attempt: Int, _ due: Microseconds) {
        let payload = run.workflow.errors.record(error, with: run.coder)
        let last = progress.withLock { progress in
            progress.hasPending = true
            progress.error = payload
            return progress.payload
        }
        run.recordPending(
            PendingRecord(
                workflow: run.number, key: key, attempt: Int32(clamping: attempt), started: started, due: due,
                error: payload, progress: last))
    }

    /// How a wait between two attempts has ended.
    private enum Waited {
        case over
        /// The step was cancelled meanwhile.
        case cancelled
        /// The workflow leaves this process: the next attempt is another's.
        case leaving
    }

    private func wait(until due: Microseconds, _ schedule: (@escaping @Sendable () -> Void) -> TimerID) async -> Waited {
        guard let signal = beginBackoff(until: due) else { return Task.isCancelled ? .cancelled : .over }
        // A workflow that only backs off can leave memory.
        run.poke()
        let timer = schedule { signal.raise() }
        await withTaskCancellationHandler {
            await signal.wait(clock: run.host.clock)
        } onCancel: {
            signal.raise()
        }
        run.host.clock.cancel(timer)
        progress.withLock { $0.backoff = .none }
        guard run.state.withLock({ $0.endBackoff(key) }) else { return .leaving }
        return Task.isCancelled ? .cancelled : .over
    }

    /// Nil if the wait is over before it has begun.
    ///
    /// Under the lock, so that it is hastened before that or afterwards.
    private func beginBackoff(until due: Microseconds) -> Signal? {
        progress.withLock { progress in
            var signal = Signal()
            switch progress.backoff {
            case .none: break
            // A life that begins with a wait.
            case .waiting(let other): signal = other
            case .hastened:
                progress.backoff = .none
                return nil
            }
            progress.backoff = .waiting(signal)
            run.state.withLock { $0.beginBackoff(key, until: due) }
            return signal
        }
    }

    private func attempt(_ number: Int) async -> Result<EncodedPayload, any Error> {
        let supervisor = limits.needSupervision ? AttemptSupervisor(body: self) : nil
        let context = StepContext(self, attempt: number, last: progress.withLock { $0.payload }, supervisor: supervisor)
        guard let supervisor else { return await perform(context) }
        return await supervisor.run(context)
    }

    func perform(_ context: StepContext) async -> Result<EncodedPayload, any Error> {
        do {
            return .success(try await StepContext.$current.withValue(name) { try await work(context) })
        } catch let error as WorkflowError where error.code == .unencodable || error.code == .payloadTooLarge {
            return .failure(UnencodableResult(error: error))
        } catch {
            return .failure(error)
        }
    }

    /// Progress is written at most once a second; the last one goes along with a failure.
    func report(_ payload: EncodedPayload, attempt: Int) {
        let time = run.host.clock.instant()
        let row: PendingRecord? = progress.withLock { progress in
            // An attempt that was abandoned has nothing to say any more.
            guard progress.attempt == attempt else { return nil }
            progress.payload = payload
            if let written = progress.written, time < written + .seconds(1) { return nil }
            // With a database that does not answer, one is enough: the newest is kept here, and goes with a later one.
            if run.state.withLock({ $0.unresolved > $0.bodies }) { return nil }
            progress.written = time
            progress.hasPending = true
            return PendingRecord(
                workflow: run.number, key: key, attempt: Int32(clamping: attempt - 1), started: started, error: progress.error,
                progress: payload)
        }
        if let row { run.recordPending(row) }
    }
}

extension StepBody {
    var attemptsMade: Int { progress.withLock { $0.made } }

    /// Has the next attempt be due at once; what is returned lets it begin.
    ///
    /// Nil if none is waited for.
    func hasten() -> (@Sendable () -> Void)? {
        let now = run.host.clock.now()
        let found = progress.withLock { progress -> (signal: Signal, row: PendingRecord)? in
            guard case .waiting(let signal) = progress.backoff else { return nil }
            progress.backoff = .hastened
            // Nothing to leave memory for any more.
            run.state.withLock { $0.hasten(key) }
            let row = PendingRecord(
                workflow: run.number, key: key, attempt: Int32(clamping: progress.made), started: started, due: now, error: progress.error,
                progress: progress.payload)
            return (signal, row)
        }
        guard let found else { return nil }
        run.recordPending(found.row)
        return { found.signal.raise() }
    }

    /// In the order in which the body asks; returns when it is durable.
    func append(_ value: EncodedPayload, _ stream: String, attempt: Int) async throws {
        let appended = run.host.clock.now()
        let result = await park { (parked: Parked<Result<CommandResult, any Error>?>) in
            run.withNextOffset(of: stream) { [run, key] place in
                guard let place else { return parked.resume(returning: nil) }
                guard case .at(let offset) = place else { return parked.resume(returning: .failure(WorkflowError.streamClosed(stream))) }
                let record = StreamRecord(
                    workflow: run.first, stream: stream, offset: offset, value: value, appended: appended, step: key,
                    attempt: Int32(clamping: attempt))
                run.host.journal.append(
                    .append(record, by: run.number), for: JournalCallback { parked.resume(returning: $0.mapError { $0 }) })
            }
        }
        // The run is over, and with it the attempt.
        guard let result else { throw CancellationError() }
        _ = try result.get()
        run.host.published(run.first)
    }
}

/// The body ran, so it is not run again only because its result cannot be stored.
struct UnencodableResult: Error {
    var error: WorkflowError
}
