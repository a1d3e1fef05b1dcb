/// Waits for the ends of workflows: all waits of a process share one query, which a push or the poll's clock sets off.
///
/// It has no task of its own: one of those who wait does the looking for all.
package final class EndingsWatch: Sendable {
    fileprivate enum Turn {
        case ended(Ending)
        /// What the database holds of it cannot be read.
        case failed(StoreError)
        case lead
        case cancelled
    }

    fileprivate struct Waiter {
        var number: WorkflowNumber
        /// That it was set aside is an end too.
        var orSetAside: Bool
        var parked: Parked<Turn>?
        /// What came before it parked.
        var turn: Turn?
    }

    fileprivate struct State {
        var isClosed = false
        var waiters: [UInt64: Waiter] = [:]
        var byNumber: [WorkflowNumber: Set<UInt64>] = [:]
        var unchecked: Set<WorkflowNumber> = []
        var isLed = false
        var isListening = false
        var hasTimer = false
        var nextID: UInt64 = 0
    }

    private let state = Lock(State())
    private let subscription = Lock<(any WakeupSubscription)?>(nil)
    private let store: any StoreBackend
    private let clock: any EngineClock

    init(store: any StoreBackend, clock: any EngineClock) {
        self.store = store
        self.clock = clock
    }

    /// How many wait.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    /// The end of a workflow; `isLocal` says whether this process runs it, and will say so itself.
    func ending(of number: WorkflowNumber, orSetAside: Bool = true, isLocal: @Sendable () -> Bool) async throws -> Ending {
        let id = state.withLock { $0.add(number, orSetAside: orSetAside) }
        defer { state.withLock { $0.remove(id) } }
        // Also for one that runs here now: it may be taken out of memory, and end elsewhere.
        try await listen(id)
        if !isLocal() {
            state.withLock { _ = $0.unchecked.insert(number) }
        }
        while true {
            if state.withLock({ $0.mayLead(id) }) { try await lead(id) }
            scheduleTimer()
            switch await turn(of: id) {
            case .ended(let ending): return ending
            case .failed(let error): throw error
            case .cancelled: throw CancellationError()
            case .lead: try await lead(id)
            }
        }
    }

    private func turn(of id: UInt64) async -> Turn {
        await withTaskCancellationHandler {
            await park { (parked: Parked<Turn>) in
                if let turn = state.withLock({ $0.park(id, parked) }) { parked.resume(returning: turn) }
            }
        } onCancel: {
            state.withLock { $0.give(id, .cancelled) }?.resume(returning: .cancelled)
        }
    }

    /// Looks, as long as there is something to look for and the one who does it still waits.
    private func lead(_ id: UInt64) async throws {
        while let (numbers, newest) = state.withLock({ $0.takeUnchecked(500) }) {
            if numbers.isEmpty { continue }
            do throws(StoreError) {
                try await look(for: numbers, upTo: newest)
                let (isOver, next) = state.withLock { $0.handOver(id) }
                next?.resume(returning: .lead)
                if isOver { return }
            } catch {
                state.withLock { $0.isLed = false }
                guard error.code == .unavailable || error.code == .transient || error.code == .full else { throw error }
                // The next poll looks again.
                return
            }
        }
    }

    private func look(for numbers: [WorkflowNumber], upTo newest: UInt64) async throws(StoreError) {
        do throws(StoreError) {
            let endings = try await store.endings(of: numbers)
            for ending in endings where ending.continued == nil { tell(ending, upTo: newest) }
            let continued = endings.compactMap(\.continued)
            if continued.isEmpty { return }
            let runs = try await store.newestRuns(of: continued)
            state.withLock { state in
                for (earlier, run) in runs { state.follow(earlier, to: run) }
            }
        } catch {
            guard error.code == .rejected else { throw error }
            // One row that nobody understands is news for those who wait for it, and must not disturb the others.
            if numbers.count == 1 { return fail(numbers[0], error) }
            for number in numbers { try await look(for: [number], upTo: newest) }
        }
    }

    private func fail(_ number: WorkflowNumber, _ error: StoreError) {
        let parked = state.withLock { state in (state.byNumber[number] ?? []).compactMap { state.give($0, .failed(error)) } }
        for parked in parked { parked.resume(returning: .failed(error)) }
    }

    /// An outcome that this process has written; it is the last word.
    func ended(_ outcome: Outcome) { tell(.outcome(outcome), upTo: .max) }

    /// This process has continued a run as a new one: those who wait for its end wait for that one's.
    func continued(_ earlier: WorkflowNumber, as run: WorkflowNumber) {
        let leader: Parked<Turn>? = state.withLock { state in
            state.follow(earlier, to: run)
            return state.chooseLeader()
        }
        leader?.resume(returning: .lead)
    }

    /// This process has set a workflow aside.
    ///
    /// It may have been resumed since, by somebody who now waits for its end: so those who wait look for themselves.
    func setAside(_ number: WorkflowNumber) { hint(.ended([number])) }

    /// That a workflow is set aside was true when the database was asked, and is news only for those who waited then.
    private func tell(_ ending: Ending, upTo newest: UInt64) {
        let newest = if case .outcome = ending { UInt64.max } else { newest }
        let parked = state.withLock { state in
            (state.byNumber[ending.workflow] ?? []).filter { $0 <= newest }.compactMap { state.give($0, .ended(ending)) }
        }
        for parked in parked { parked.resume(returning: .ended(ending)) }
    }

    private func hint(_ wakeup: Wakeup) {
        let leader: Parked<Turn>? = state.withLock { state in
            switch wakeup {
            case .ended(let numbers): state.unchecked.formUnion(numbers.filter { state.byNumber[$0] != nil })
            case .everything: state.unchecked.formUnion(state.byNumber.keys)
            case .ready, .freed, .inbox, .settings, .published: return nil
            }
            return state.chooseLeader()
        }
        leader?.resume(returning: .lead)
    }

    /// The slow poll behind every wait, one timer for all.
    private func scheduleTimer() {
        let isNeeded = state.withLock { state in
            defer { state.hasTimer = true }
            return !state.hasTimer
        }
        guard isNeeded else { return }
        clock.schedule(after: store.pollInterval) { [weak self] in
            guard let self else { return }
            let goesOn = self.state.withLock { state in
                state.hasTimer = false
                return !state.waiters.isEmpty
            }
            guard goesOn else { return }
            self.scheduleTimer()
            self.hint(.everything)
        }
    }

    /// - Parameter id: Who looks after this anyway.
    private func listen(_ id: UInt64) async throws {
        let isFirst = state.withLock { state in
            defer { state.isListening = true }
            return !state.isListening
        }
        guard isFirst else { return }
        do {
            let subscription = try await store.listen { [weak self] in self?.hint($0) }
            self.subscription.withLock { $0 = subscription }
            // Closed meanwhile: whoever closed it has found none.
            if state.withLock({ $0.isClosed }) { return await cancelSubscription() }
            // Others did not wait for this: what was pushed since they have looked was heard by nobody.
            let leader: Parked<Turn>? = state.withLock { state in
                state.unchecked.formUnion(state.waiters.filter { $0.key != id }.map(\.value.number))
                return state.chooseLeader()
            }
            leader?.resume(returning: .lead)
        } catch {
            // The poll is the net.
            state.withLock { $0.isListening = false }
        }
    }

    /// Those who still wait are told that they were cancelled.
    func close() async {
        let parked = state.withLock { state in
            state.isClosed = true
            return state.waiters.keys.compactMap { state.give($0, .cancelled) }
        }
        for parked in parked { parked.resume(returning: .cancelled) }
        await cancelSubscription()
    }

    private func cancelSubscription() async {
        let subscription = subscription.withLock { subscription in
            defer { subscription = nil }
            return subscription
        }
        await subscription?.cancel()
    }
}

extension EndingsWatch.State {
    fileprivate mutating func add(_ number: WorkflowNumber, orSetAside: Bool) -> UInt64 {
        nextID += 1
        waiters[nextID] = EndingsWatch.Waiter(number: number, orSetAside: orSetAside)
        byNumber[number, default: []].insert(nextID)
        return nextID
    }

    fileprivate mutating func remove(_ id: UInt64) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        byNumber[waiter.number]?.remove(id)
        if byNumber[waiter.number]?.isEmpty == true { byNumber[waiter.number] = nil }
    }

    /// Those who wait for the end of a run wait for that of the one as which it goes on; perhaps it has ended, too.
    fileprivate mutating func follow(_ earlier: WorkflowNumber, to run: WorkflowNumber) {
        guard earlier != run, let ids = byNumber.removeValue(forKey: earlier) else { return }
        for id in ids { waiters[id]?.number = run }
        byNumber[run, default: []].formUnion(ids)
        unchecked.insert(run)
    }

    /// Gives a waiter its turn; returns it if it must be resumed.
    fileprivate mutating func give(_ id: UInt64, _ turn: EndingsWatch.Turn) -> Parked<EndingsWatch.Turn>? {
        guard let waiter = waiters[id] else { return nil }
        if case .ended(.setAside) = turn, !waiter.orSetAside { return nil }
        waiters[id]?.parked = nil
        if waiter.parked == nil, waiter.turn == nil { waiters[id]?.turn = turn }
        return waiter.parked
    }

    /// What came before it parked, if anything.
    fileprivate mutating func park(_ id: UInt64, _ parked: Parked<EndingsWatch.Turn>) -> EndingsWatch.Turn? {
        guard let turn = waiters[id]?.turn else {
            if !isLed, !unchecked.isEmpty {
                isLed = true
                return .lead
            }
            waiters[id]?.parked = parked
            return nil
        }
        waiters[id]?.turn = nil
        return turn
    }

    fileprivate mutating func mayLead(_ id: UInt64) -> Bool {
        guard !isLed, !unchecked.isEmpty, waiters[id]?.turn == nil else { return false }
        isLed = true
        return true
    }

    fileprivate mutating func chooseLeader() -> Parked<EndingsWatch.Turn>? {
        guard !isLed, !unchecked.isEmpty, let (id, waiter) = waiters.first(where: { $0.value.parked != nil }) else { return nil }
        isLed = true
        waiters[id]?.parked = nil
        return waiter.parked
    }

    /// Whoever leads and has its own answer stops; the one who is to go on, if somebody must.
    fileprivate mutating func handOver(_ id: UInt64) -> (isOver: Bool, next: Parked<EndingsWatch.Turn>?) {
        guard waiters[id]?.turn != nil else { return (false, nil) }
        isLed = false
        return (true, chooseLeader())
    }

    /// What is to be asked for, and the newest of those who wait; nil at the end: then nobody leads, and whoever adds something chooses anew.
    fileprivate mutating func takeUnchecked(_ limit: Int) -> (numbers: [WorkflowNumber], newest: UInt64)? {
        guard !unchecked.isEmpty else {
            isLed = false
            return nil
        }
        let numbers = Array(unchecked.prefix(limit))
        unchecked.subtract(numbers)
        return (numbers.filter { byNumber[$0] != nil }, nextID)
    }
}
