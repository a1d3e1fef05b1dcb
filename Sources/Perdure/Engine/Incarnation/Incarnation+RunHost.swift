// What runs ask of the engine that carries them.

extension Incarnation: RunHost {
    package var clock: any EngineClock { environment.clock }
    package var threads: any FlowThreads { environment.threads }
    package var flowRules: FlowRules { environment.flowRules }
    package var stepExecutor: (any TaskExecutor)? { environment.stepExecutor }
    package var stepGrace: Duration { settings.stepGrace }
    package var longHistories: Set<Int> { settings.longHistories }
    package var coder: PayloadCoder { PayloadCoder(codec: settings.codec, limit: settings.payloadLimit) }

    package func random() -> Double { Double(environment.random() >> 11) * 0x1p-53 }
    package func log(_ level: LogLevel, _ message: String) { settings.log(level, message) }
    package func holdsLease() async -> Bool { await tenure.holds() }
    package func fenced(_ error: StoreError) { end(.fenced(error.description)) }

    package func loadHistory(of run: Run, after order: Int64) {
        errand { [weak self] in await self?.readHistory(of: run, after: order) }
    }

    private func readHistory(of run: Run, after order: Int64) async {
        let limit = 10_000
        do throws(StoreError) {
            let page = try await store.history(of: run.number, after: order, limit: limit)
            run.state.withLock { $0.appendHistory(page, isComplete: page.count < limit) }
            run.historyArrived()
        } catch {
            again(run, error, "a history could not be read") { [weak self] in await self?.readHistory(of: run, after: order) }
        }
    }

    /// What nobody can read is for a person; anything else is tried again a little later, without holding up the others' errands.
    func again(_ run: Run, _ error: StoreError, _ what: String, _ errand: @escaping @Sendable () async -> Void) {
        if error.code == .rejected { return run.setAside(WorkflowError(.undecodable, "\(what): \(error)")) }
        report(error, "\(what), and is read again")
        clock.schedule(after: .milliseconds(100)) { [weak self] in self?.errand(errand) }
    }

    package func parked(_ run: Run, until due: Microseconds) {
        let due = min(due, run.record.deadline ?? .max)
        let isLong = due > clock.now().adding(.seconds(1))
        let givesWay = isLong && leavesSlot(run)
        let (next, verdict) = residency.withLock { ($0.parked(run, isLong: isLong, givesWay: givesWay), $0.acquit(run.number)) }
        // It has come to a wait: whatever took engines down is behind it.
        if verdict.hasCrashed { journal.append(.forgive(run.number)) }
        if verdict.wasLast { look { $0.suspects = true } }
        switch next {
        case .stays: break
        case .ask(let other): other.askToLeave()
        case .unload: unload(run, until: due)
        }
    }

    /// On the flow's own thread, when nothing is left to run.
    private func unload(_ run: Run, until due: Microseconds) {
        let isHeld = run.state.withLock { $0.waits.values.contains { $0.due == .max } }
        guard run.state.withLock({ $0.unloadableUntil != nil && $0.stop(CancellationError()) }) else { return }
        leave(run, departing: true)
        tally.count { $0.unloaded += 1 }
        let awaited = run.state.withLock { $0.groups.isEmpty ? nil : $0.groups.awaited }
        if let awaited { journal.append(.overlook(run.number, except: awaited)) }
        suspend(run.number, until: due, seen: run.unread, isHeld: isHeld)
        run.poke()
    }

    /// The run is no longer one of the engine's.
    func leave(_ run: Run, departing: Bool = false) {
        let (wasFull, wasLast) = residency.withLock { residency in
            // In one step, or a sweep between the two would bring it back.
            if departing { residency.departs(run.number) }
            return (residency.remove(run), residency.acquit(run.number).wasLast)
        }
        if wasLast { look { $0.suspects = true } }
        if wasFull { look { $0.ready = true } }
    }

    package func finished(_ run: Run, _ outcome: Outcome, closing: [InboxItem]) {
        if outcome.status == .continued { return goOn(run, outcome, closing: closing) }
        let parent = run.record.parent?.number
        let groupEnd = run.record.groupEnd
        if let parent, groupEnd == nil, residency.withLock({ $0.runs[parent] != nil }) {
            var told = outcome
            told.workflow = run.first
            recentOutcomes.withLock { $0.insert(told) }
        }
        let callback = JournalCallback { [weak self] result in
            switch result {
            case .success: self?.ended(run, outcome, tellsInbox: parent != nil || !closing.isEmpty)
            case .failure(let error): self?.refused(run, outcome, error, closing)
            }
        }
        journal.append(.finish(outcome, toldBy: run.record, as: run.first, inbox: closing), for: callback)
    }

    private func ended(_ run: Run, _ outcome: Outcome, tellsInbox: Bool) {
        leave(run)
        left(run.number)
        // What was stopped from outside still unwinds; it closes itself then.
        run.close(keepingDelegate: run.state.withLock { $0.stop != nil })
        announce(outcome, tellsInbox: tellsInbox)
        // Those who read what its chain publishes wait for that.
        if run.first != run.number { published(run.first) }
        scheduledRunEnded(run.record)
    }

    /// The end is in the database.
    func announce(_ outcome: Outcome, tellsInbox: Bool) {
        tally.count { $0.finished += 1 }
        endings.ended(outcome)
        publications.changed(outcome.workflow)
        if tellsInbox { look { $0.inbox = true } }
        tellOthers { outgoing in
            outgoing.ended.append(outcome.workflow)
            outgoing.inbox = outgoing.inbox || tellsInbox
        }
    }

    /// The database refuses the outcome: the refusal is the outcome, so that the workflow does end.
    func refused(_ run: Run, _ outcome: Outcome, _ error: StoreError, _ closing: [InboxItem]) {
        if error.code == .fenced { return }
        let refusal = WorkflowError(.rejected, "the database refused the outcome: \(error)")
        let payload = run.workflow.errors.record(refusal, with: coder)
        guard outcome.error != payload else { return setAside(run, refusal) }
        finished(
            run, Outcome(workflow: outcome.workflow, status: .failed, error: payload, finished: outcome.finished), closing: closing)
    }

    package func setAside(_ run: Run, _ error: WorkflowError) {
        let reason = error.description
        log(.error, "workflow \(Names.publicID(run.number)) ('\(run.workflow.name)') is set aside: \(reason)")
        let callback = JournalCallback { [weak self] result in
            self?.departed(run.number, result)
            guard case .success = result else { return }
            self?.wasSetAside(run.number)
            // A terminate that came too late for the run is now for whoever finds no owner.
            if !run.inbox.withLock({ $0.isTerminated }) { self?.look { $0.suspended.append(run.number) } }
        }
        // Before it is written: it may be resumed, and claimed again, before the reply is here.
        leave(run, departing: true)
        journal.append(.setAside(run.number, reason: Self.storable(reason), at: clock.now()), for: callback)
    }

    package func paused(_ run: Run) {
        leave(run, departing: true)
        let callback = JournalCallback { [weak self] result in
            self?.departed(run.number, result)
            guard case .success = result else { return }
            // It was resumed meanwhile, or something has come that does not wait for that.
            self?.becameReady()
            self?.look { $0.suspended.append(run.number) }
        }
        journal.append(.pause(run.number), for: callback)
    }

    func wasSetAside(_ number: WorkflowNumber) {
        tally.count { $0.setAside += 1 }
        endings.setAside(number)
        tellOthers { $0.ended.append(number) }
    }

    /// Text that every database takes.
    static func storable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(4_000).map { $0.value == 0 ? "\u{FFFD}" : $0 }))
    }

    package func numberAtHand() -> WorkflowNumber? { numbers.atHand() }
    package func nextNumber() async throws(StoreError) -> WorkflowNumber { try await numbers.next() }

    package func parent(of number: WorkflowNumber) async throws(StoreError) -> ParentLink? {
        try await store.status(of: number)?.record.parent
    }

    package func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber { try await store.firstRun(of: number) }

    package func isEarlierRun(_ earlier: WorkflowNumber, of number: WorkflowNumber) async throws(StoreError) -> Bool {
        // Of those that were continued as each other, the first stands for all: they may be very many.
        let (earlier, first) = (try await store.firstRun(of: earlier), try await store.firstRun(of: number))
        if earlier == first, number != first { return true }
        var run = try await store.status(of: first)?.link?.previous
        while let previous = run, previous != earlier { run = try await store.status(of: store.firstRun(of: previous))?.link?.previous }
        return run == earlier
    }

    package func admit(_ record: WorkflowRecord) -> Bool {
        // What is in a queue waits for its turn.
        canKeep(record.lane) && residency.withLock { $0.admit(record.number) }
    }

    func canKeep(_ lane: Lane) -> Bool {
        lane.queue.isEmpty && registrations[lane.workflow] != nil && serves(lane.version) && !isEnding && !isPaused(lane.workflow)
    }

    func serves(_ version: String) -> Bool {
        version.isEmpty || version == settings.version || settings.compatibleVersions.contains(version)
    }

    package func arrived(_ record: WorkflowRecord, isStarted: Bool) {
        if isStarted, !residency.withLock({ $0.hasLeftBeforeArrival(record.number) }) {
            launch(LoadedWorkflow(record: record), isFresh: true)
        }
        residency.withLock { $0.arrived(record.number) }
    }

    package func staysAfterAll(_ run: Run) { residency.withLock { $0.staysAfterAll(run.number) } }

    package func becameReady() {
        look { $0.ready = true }
        tellOthers { $0.ready = true }
    }

    package func committed(_ wakeups: [Wakeup]) {
        for wakeup in wakeups { hint(wakeup) }
        tellOthers { outgoing in
            outgoing.ready = outgoing.ready || wakeups.contains(.ready)
            outgoing.inbox = outgoing.inbox || wakeups.contains(.inbox)
        }
    }

    package func startNamed(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        try await start(record, policies)
    }

    /// Starts a workflow that this engine owns from the first moment if it runs its type and has room, and any other as ready.
    package func start(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        guard record.due == nil, admit(record) else {
            let result = try await starter.startReady(record, policies)
            if case .started = result { becameReady() }
            return try settled(result)
        }
        let result: StartResult
        do throws(StoreError) {
            result = try await startOwned(record, policies)
        } catch {
            arrived(record, isStarted: false)
            // It may have been committed all the same: then it is owned, and in nobody's memory. Only now: a sweep leaves alone what is on its way.
            look { $0.sweep = true }
            throw error
        }
        guard case .started(let isOwned) = result else {
            arrived(record, isStarted: false)
            return try settled(result)
        }
        arrived(record, isStarted: isOwned)
        if !isOwned { becameReady() }
        return result
    }

    private func startOwned(_ record: WorkflowRecord, _ policies: IDPolicies) async throws(StoreError) -> StartResult {
        if record.id != nil { return try await starter.start(record, policies) }
        _ = try await journal.commit(.start(record))
        return .started(owned: true)
    }

    /// Somebody's open transaction holds the id: the caller tries again.
    private func settled(_ result: StartResult) throws(StoreError) -> StartResult {
        if case .rejected(let error) = result, error.code == .transient { throw error }
        return result
    }

    package func readEndings(_ children: [(child: WorkflowNumber, key: String, sequence: Int64)], for run: Run) {
        var unknown: [(child: WorkflowNumber, key: String, sequence: Int64)] = []
        for ended in children {
            if let outcome = recentOutcomes.withLock({ $0.take(ended.child) }) {
                run.childEnded(ended.key, outcome, sequence: ended.sequence)
            } else {
                unknown.append(ended)
            }
        }
        if unknown.isEmpty { return }
        errand { [weak self, unknown] in await self?.readOutcomes(unknown, for: run) }
    }

    private func readOutcomes(_ children: [(child: WorkflowNumber, key: String, sequence: Int64)], for run: Run) async {
        do throws(StoreError) {
            var outcomes: [WorkflowNumber: Outcome] = [:]
            for case .outcome(let outcome) in try await store.finalEndings(of: children.map(\.child)) {
                outcomes[outcome.workflow] = outcome
            }
            for ended in children { run.childEnded(ended.key, outcomes[ended.child], sequence: ended.sequence) }
        } catch {
            again(run, error, "the end of a child could not be read") { [weak self] in await self?.readOutcomes(children, for: run) }
        }
    }

    package func sent(_ item: InboxItem?) {
        // In this memory it is there at once; the row that is found later is known by then.
        if let item, mailRoute.withLock({ $0.isDirect }), let run = residency.withLock({ $0.runs[item.workflow] }) {
            return run.receive([item])
        }
        followMail()
        tellOthers { $0.inbox = true }
    }

    package func published(_ number: WorkflowNumber) {
        publications.changed(number)
        tellOthers { $0.published.insert(number) }
    }

    package func streamEnds(of number: WorkflowNumber) async throws(StoreError) -> [String: StreamEnd] {
        try await store.streamEnds(of: number)
    }

    package func deliver(_ item: InboxItem) {
        let callback = JournalCallback { [weak self] _ in
            self?.look { $0.inbox = true }
            self?.tellOthers { $0.inbox = true }
        }
        journal.append(.deliver(item), for: callback)
    }

    package var backend: any StoreBackend { store }

    package func begin(_ isolation: IsolationLevel) async throws(StoreError) -> any OpenTransaction {
        try await store.begin(isolation, for: id)
    }
}
