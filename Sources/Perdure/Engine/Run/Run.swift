/// One workflow in memory: the shell around ``RunState`` that carries out what the state machine says.
package final class Run: Sendable {
    let record: WorkflowRecord
    /// What it takes over of earlier runs.
    let origin: RunOrigin?
    let workflow: Registration
    let flow: FlowExecutor
    let host: any RunHost
    let state: Lock<RunState>
    let inbox: Lock<RunInbox>
    let streams: StreamOffsets
    /// So long a history is nothing to speak of.
    let firstWarning: Int64
    /// What undoes the steps so far, in their order.
    let compensations = Lock<[Compensation]>([])
    private let task = Lock<Task<Void, Never>?>(nil)
    private let deadlineTimer = Lock<TimerID?>(nil)

    var number: WorkflowNumber { record.number }
    let coder: PayloadCoder

    init(_ loaded: LoadedWorkflow, isFresh: Bool, workflow: Registration, host: any RunHost) {
        record = loaded.record
        origin = RunOrigin(loaded.origin)
        self.workflow = workflow
        self.host = host
        coder = host.coder
        flow = FlowExecutor(threads: host.threads, rules: host.flowRules)
        state = Lock(RunState(loaded, isFresh: isFresh))
        inbox = Lock(RunInbox(loaded.inbox))
        streams = StreamOffsets(isFresh: isFresh)
        firstWarning = Int64(host.longHistories.min() ?? .max)
    }

    /// Starts the workflow's code.
    ///
    /// The task is created detached, so that the starter's task-locals and priority, which a replay would not have, do not leak into the
    /// first run.
    func open() {
        let context = WorkflowContext(self)
        let task = Task.detached(executorPreference: flow, priority: .medium) { await self.main(context) }
        self.task.withLock { $0 = task }
        if let deadline = record.deadline {
            let timer = host.clock.schedule(at: deadline) { self.deadlinePassed() }
            deadlineTimer.withLock { $0 = timer }
        }
        heedPause()
        let isLive = state.withLock { $0.isLive }
        if isLive { sortMail() }
        flow.open(self)
        if isLive { takeInbox() }
    }

    /// Lets go of what would keep the run alive; with its delegate the flow can still unwind.
    func close(keepingDelegate: Bool = false) {
        if let timer = deadlineTimer.withLock({ $0 }) { host.clock.cancel(timer) }
        if !keepingDelegate { flow.close() }
    }

    private func main(_ context: WorkflowContext) async {
        let result: Result<EncodedPayload, any Error>
        do {
            result = .success(try await workflow.run(record.input, context, coder))
        } catch {
            // What goes on as a new run undoes nothing.
            let goesOn = state.withLock { $0.continuing != nil }
            result = .failure(goesOn ? error : await context.compensated(error))
        }
        let isStopped = state.withLock { state in
            state.rootReturned(result)
            return state.stop != nil
        }
        // Unwound: nobody waits for the result.
        if isStopped { close() }
    }

    /// The next page of the history is there.
    func historyArrived() {
        poke()
    }

    /// Has the flow look for what is to be delivered.
    func poke() {
        if flow.poke() { host.threads.submit(flow) }
    }

    /// Ends the run in this process without a trace: it is unloaded, or the engine has lost it.
    ///
    /// Waits and calls throw.
    @discardableResult
    func drop(_ error: any Error = CancellationError()) -> Bool {
        guard state.withLock({ $0.stop(error) }) else { return false }
        poke()
        return true
    }

    /// Stops the run and sets the workflow aside, for a reason that a person must look at.
    ///
    /// Nothing is overwritten.
    func setAside(_ error: WorkflowError) {
        guard state.withLock({ $0.stop(error) }) else { return }
        host.setAside(self, error)
        poke()
    }
}

// MARK: - What the flow asks

extension Run: FlowDelegate {
    package func deliverNext() -> Bool {
        switch state.withLock({ $0.next() }) {
        case .nothing:
            return false
        case .resume(let parked, let record):
            parked?.resume(returning: .completed(record))
        case .cancelTask:
            task.withLock { $0 }?.cancel()
        case .begin(let held):
            sortMail()
            for parked in held { parked.resume(returning: .begin) }
            takeInbox()
        case .load(let order):
            host.loadHistory(of: self, after: order)
            return false
        case .match(let address):
            match(address)
        case .intervene(let items):
            carryOut(items)
        case .diverged(let error):
            setAside(error)
        case .unwind(let waits, let error):
            unwind(waits, error)
        case .finish(let result):
            finish(result)
            return false
        }
        return true
    }

    private func unwind(_ waits: [(Parked<Resumption>?, (@Sendable () -> Void)?)], _ error: any Error) {
        for (parked, cancelWork) in waits {
            cancelWork?()
            parked?.resume(returning: .stopped(error))
        }
        task.withLock { $0 }?.cancel()
        // Otherwise it closes when the code has returned.
        if state.withLock({ $0.rootResult != nil }) { close() }
    }

    package func idled() {
        if flow.intruded { return setAside(.intruded) }
        if state.withLock({ $0.canPause && $0.stop(CancellationError()) }) {
            host.paused(self)
            return poke()
        }
        switch state.withLock({ $0.idled() }) {
        case .waitsInMemory: break
        case .isStuck: setAside(.stuck)
        case .canLeave(let due): host.parked(self, until: due)
        case .staysAfterAll: host.staysAfterAll(self)
        }
    }

    /// The engine would like it to leave memory, if all that it does is wait.
    func askToLeave() {
        state.withLock { $0.ask() }
        poke()
    }

    private func finish(_ result: Result<EncodedPayload, any Error>) {
        if flow.intruded { return giveUp(.intruded) }
        if case .failure(let error as InputError) = result { return giveUp(error.error) }
        let cancellation = state.withLock { state in
            state.inheritsNothing()
            return state.cancellation
        }
        conclude(outcome(of: result, cancellation))
    }

    /// The code has returned, but its result is worth nothing.
    private func giveUp(_ error: WorkflowError) {
        host.setAside(self, error)
        close()
    }

    func outcome(of result: Result<EncodedPayload, any Error>, _ cancellation: CancelReason?) -> Outcome {
        let time = host.clock.now()
        if let input = state.withLock({ $0.continuing?.input }) {
            // What the new run tells is later than all that this one has told.
            let last = state.withLock { $0.now }
            return Outcome(workflow: number, status: .continued, output: input, finished: max(time, last))
        }
        switch result {
        case .success(let output):
            return Outcome(workflow: number, status: .completed, output: output, finished: time)
        case .failure(is CancellationError) where cancellation != nil:
            let isTimeout = cancellation == .timedOut
            let error: WorkflowError =
                isTimeout
                ? WorkflowError(.timedOut, "the workflow took longer than its timeout")
                : WorkflowError(.cancelled, "the workflow was cancelled")
            return Outcome(
                workflow: number, status: isTimeout ? .timedOut : .cancelled, error: workflow.errors.record(error, with: coder),
                finished: time)
        case .failure(let error):
            return Outcome(workflow: number, status: .failed, error: workflow.errors.record(error, with: coder), finished: time)
        }
    }
}

extension WorkflowError {
    static let intruded = WorkflowError(
        .intrusion,
        "something that is not recorded woke this workflow (Task.sleep, a detached task, a stream or an actor from outside): use context.sleep, or put it into a step"
    )
    static let stuck = WorkflowError(
        .notDurable,
        "the workflow waits for something that is not durable (Task.sleep, a detached task, a stream or an actor from outside), so nothing would ever wake it: use context.sleep, or wait in a step, or for a child"
    )
}
