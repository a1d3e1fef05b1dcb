/// The start of one child.
struct ChildStart: Sendable {
    let run: Run
    let key: String
    let name: String
    let id: String?
    let input: EncodedPayload
    let onClose: ParentClosePolicy
    let place: QueuedChild?
    let attributes: EncodedPayload?

    /// Without an id, the child and the row that names it are one command.
    ///
    /// With one, the id decides first: starting twice is starting once.
    func start() {
        if id == nil, let number = run.host.numberAtHand() { return record(child(number)) }
        run.state.withLock { $0.bodies += 1 }
        _ = Task(executorPreference: run.host.stepExecutor) {
            await startNamed()
            run.state.withLock { $0.bodies -= 1 }
        }
    }

    private func startNamed() async {
        var wait = Duration.milliseconds(5)
        // One row for all attempts: an attempt whose reply was lost is then recognized as this very start.
        var made: WorkflowRecord?
        var isSent = false
        while await goesOn(isSent) {
            do throws(StoreError) {
                let child: WorkflowRecord
                if let made { child = made } else { child = self.child(try await run.host.nextNumber()) }
                made = child
                guard id != nil else { return record(child) }
                isSent = true
                return try await named(child, try await run.host.startNamed(child, IDPolicies()))
            } catch {
                if error.code == .fenced { return run.host.fenced(error) }
                guard error.code == .transient || error.code == .unavailable || error.code == .full else { return fail(error) }
                await run.host.clock.wait(wait)
                wait = min(wait * 2, .seconds(1))
            }
            if isSent, let made, await isThereAfterAll(made) { return }
        }
    }

    /// The parent has ended, and the child can be read: it follows its policy.
    private func isThereAfterAll(_ child: WorkflowRecord) async -> Bool {
        guard run.state.withLock({ $0.isClosed }), let parent = try? await run.host.parent(of: child.number), parent.number == run.number
        else { return false }
        if let item = reference(child.number).openChild.closingItem { run.host.deliver(item) }
        return true
    }

    /// If the parent has ended while it is not known whether its child is started, that is found out: a child that is follows its policy.
    private func goesOn(_ isSent: Bool) async -> Bool {
        let (isStopped, isClosed) = run.state.withLock { ($0.stop != nil, $0.isClosed) }
        if !isStopped { return true }
        guard isSent, isClosed else { return false }
        return await run.host.holdsLease()
    }

    private func child(_ number: WorkflowNumber) -> WorkflowRecord {
        run.childRecord(number, id: id, name: name, input: input, startedAs: key, onClose: onClose, place: place, attributes: attributes)
    }

    private func reference(_ number: WorkflowNumber) -> ChildReference {
        ChildReference(id: id ?? Names.publicID(number), number: number, onClose: onClose.stored.rawValue)
    }

    private func record(_ child: WorkflowRecord) {
        run.recordChildStart(key, child, reference(child.number), owned: run.host.admit(child), started: run.host.clock.now())
    }

    private func named(_ child: WorkflowRecord, _ result: StartResult) async throws(StoreError) {
        switch result {
        case .started: succeed(child.number)
        case .existing(let taken), .open(let taken), .closed(let taken): try await adopt(taken, insteadOf: child)
        case .otherType(let other):
            fail(WorkflowError(.otherType, "the id '\(id ?? "")' is taken by a workflow of type '\(other)'"))
        case .duplicate(let number):
            fail(WorkflowError(.duplicate, "the deduplication key of child '\(name)' is taken by run \(Names.publicID(number))"))
        case .rejected(let error): fail(error)
        }
    }

    /// The id is taken: by this very child, started in an earlier life of this workflow or by an earlier run of it, or by a stranger.
    private func adopt(_ taken: WorkflowNumber, insteadOf child: WorkflowRecord) async throws(StoreError) {
        let parent = try await run.host.parent(of: taken)
        // Its end is told of the run that was started, whatever that goes on as.
        if parent?.number == run.number, parent?.key == key { return succeed(try await run.host.firstRun(of: taken)) }
        // An earlier run's child that has ended makes room for this one's.
        if let parent, parent.number != run.number, try await run.host.isEarlierRun(parent.number, of: run.number) {
            let again = IDPolicies(conflict: .fail, reuse: .allowDuplicate)
            if case .started = try await run.host.startNamed(child, again) { return succeed(child.number) }
        }
        fail(WorkflowError(.alreadyStarted, "the id '\(id ?? "")' is taken by another workflow"))
    }

    private func succeed(_ number: WorkflowNumber) {
        let now = run.host.clock.now()
        do throws(WorkflowError) {
            let reference = reference(number)
            run.record(key, .childStart, .success(try reference.encoded()), started: now)
            // The parent has ended without knowing of it.
            if let item = reference.openChild.closingItem, run.state.withLock({ $0.isClosed }) { run.host.deliver(item) }
        } catch {
            fail(error)
        }
    }

    private func fail(_ error: any Error) {
        run.record(key, .childStart, .failure(run.workflow.errors.record(error, with: run.coder)), started: run.host.clock.now())
    }
}
