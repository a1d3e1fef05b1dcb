/// What a workflow calls to do anything that lasts.
///
/// A context belongs to one run of one workflow, and to that workflow's own tasks: `async let` and task groups may use it, a detached task,
/// another workflow or the body of a step may not, and get an error that says so.
public final class WorkflowContext: Sendable {
    package let run: Run
    private let draws = Lock<UInt64>(0)

    package init(_ run: Run) { self.run = run }

    /// The public id of this run: the user's own, or one that Perdure made.
    public var workflowID: String { run.record.id ?? Names.publicID(run.number) }

    /// The application version with which the workflow was started; empty if with none.
    public var version: String { run.record.lane.version }

    /// True while the run is being taken out of memory: calls throw `CancellationError`, and what the code does now is lost.
    ///
    /// The workflow goes on later, perhaps elsewhere, as if this had not happened. Code that must not mistake it for a cancellation asks this first.
    public var isUnloading: Bool {
        run.state.withLock { state in state.stop.map { $0.error is CancellationError } ?? false }
    }

    /// What each call does first: the task and the thread must be the workflow's own.
    func enter(_ call: @autoclosure () -> String, isCancellable: Bool = true) async throws {
        try checkCaller(call())
        switch run.state.withLock({ $0.enter() }) {
        case .go: break
        case .fail(let error): throw error
        case .park where run.state.withLock({ $0.stop == nil }):
            run.setAside(.swallowed)
            throw WorkflowError.continuedAsNew
        case .park:
            run.host.tally.count { $0.parkedForever += 1 }
            run.host.log(
                .warning,
                "workflow \(Names.publicID(run.number)) ('\(run.workflow.name)') swallows the errors by which it is taken out of memory; a task of it stays there"
            )
            await park { (_: Parked<Void>) in }
        }
        if run.flow.intruded {
            run.setAside(.intruded)
            throw WorkflowError.intruded
        }
        if isCancellable { try Task.checkCancellation() }
    }

    func checkCaller(_ call: String) throws {
        if run.flow.isCurrent, run.flow.isPreferredByCurrentTask { return }
        if let step = StepContext.current {
            throw WorkflowError(
                .nestedStep, "\(call) was called inside the body of step '\(step)': a body is one unit of work; make the call in `run`")
        }
        if FlowExecutor.isAnyCurrent, !run.flow.isCurrent {
            throw WorkflowError(.foreignContext, "\(call) was called by another workflow than the one whose context it is")
        }
        if run.state.withLock({ $0.isEnded || $0.rootResult != nil }) {
            throw WorkflowError(.ended, "\(call) was called after its workflow had ended: await every task before `run` returns")
        }
        let error = WorkflowError(
            .intrusion,
            "\(call) was called from a task that is not the workflow's own (a detached task, `Task {}`, another executor): use `async let` or a task group"
        )
        run.setAside(error)
        throw error
    }

    /// Registers a call, does its work when replay has caught up, and returns what was recorded.
    ///
    /// `begin` runs in the caller's task, so that what it starts inherits the caller's task-locals.
    func call(
        _ base: String, _ kind: StepKind, exclusive: Bool = false, due: Microseconds? = nil, address: Mailbox.Address? = nil,
        begin: (_ key: String) -> Void
    ) async throws -> StepRecord {
        let (key, isLive) = try run.state.withLock { state throws(WorkflowError) in
            try state.register(base, kind: kind, exclusive: exclusive, due: due, address: address)
        }
        if isLive { begin(key) }
        return try await withTaskCancellationHandler {
            while true {
                let resumption = await park { (parked: Parked<Resumption>) in
                    if let at = run.state.withLock({ $0.park(key, parked) }) { parked.resume(returning: at) }
                }
                switch resumption {
                case .begin: beginHeld(key, kind, begin)
                case .completed(let record): return record
                case .cancelled: throw CancellationError()
                case .stopped(let error): throw error
                }
            }
        } onCancel: {
            run.cancelWait(key)
        }
    }

    /// A call that was held during replay, and perhaps cancelled meanwhile: then its work does not begin, which is recorded.
    private func beginHeld(_ key: String, _ kind: StepKind, _ begin: (_ key: String) -> Void) {
        guard run.state.withLock({ $0.waits[key]?.isCancelled }) == true else { return begin(key) }
        if kind == .childResult || kind == .childrenEnded {
            begin(key)
            run.state.withLock { $0.waits[key]?.cancelWork }?()
        } else if run.state.withLock({ $0.unorderedRecord(key) }) != nil {
            begin(key)
        } else {
            let earlier = run.state.withLock { state in
                if kind == .childStart { state.hasCutStart = true }
                return state.pending[key]
            }
            run.record(
                key, kind, .failure(run.workflow.errors.record(CancellationError(), with: run.coder)),
                started: earlier?.started ?? run.host.clock.now(), attempts: max(1, earlier?.attempt ?? 1), hadPending: earlier != nil)
        }
    }

    /// A number drawn from the workflow's own sequence: the same on each replay.
    func draw() -> UInt64 {
        // In the body of a step, which a replay does not run, the sequence must not move: there any number will do.
        guard run.flow.isCurrent, StepContext.current == nil else { return .random(in: .min ... .max) }
        let count = draws.withLock { draws in
            draws += 1
            return draws
        }
        let (number, created) = (run.origin?.number ?? run.number, run.origin?.created ?? run.record.created)
        var mixer = SplitMix64(seed: UInt64(bitPattern: number) ^ (UInt64(bitPattern: created) << 20))
        mixer.skip(count)
        return mixer.next()
    }
}

extension Run {
    /// Called on the flow's own thread, whoever cancels.
    func cancelWait(_ key: String) {
        switch state.withLock({ $0.cancelWait(key) }) {
        case .none: break
        case .work(let cancel): cancel()
        case .resume(let parked, let stopping):
            stopping?()
            parked?.resume(returning: .cancelled)
        }
    }
}
