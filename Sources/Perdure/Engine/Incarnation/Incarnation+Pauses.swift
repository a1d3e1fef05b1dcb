// What is paused, for all engines, and what this one makes of it.

extension Incarnation {
    private static let pagesForTrials = 5

    /// What is paused now; read again if this engine has come to know of a change while it was read, which may not be in it.
    func readPauses() async throws(StoreError) {
        for isLast in [false, false, true] {
            let learnt = holds.withLock { $0.learnt }
            let rows = try await store.pauses(all: false)
            let change = holds.withLock { $0.learnt == learnt || isLast ? $0.adopt(rows, at: clock.now()) : nil }
            if let change { return carryOut(change) }
        }
    }

    /// Time has passed, and with it perhaps a pause.
    func sortPauses(_ now: Microseconds) { carryOut(holds.withLock { $0.adopt(nil, at: now) }) }

    /// The row is stored as it is here.
    func heed(_ row: PauseRow) { carryOut(holds.withLock { $0.learn(row, at: clock.now()) }) }

    package func isPaused(_ type: String) -> Bool { holds.withLock { $0.book.types.contains(type) } }

    /// After the one change or the other of what is paused.
    func carryOut(_ change: HoldState.Change) {
        for signal in change.signals { signal.raise() }
        for key in change.permits { askForPermits(key) }
        if change.hasOtherTypes { typesChanged(change.pausedTypes) }
        // In one step: another may be at it at the same time, and the last must have read last.
        look { todo in
            todo.nextPause = holds.withLock { $0.book.nextChange(after: clock.now()) } ?? .max
            todo.holds = todo.holds || change.isLifted
        }
    }

    /// What is ready, due or has arrived of a type that was paused is passed over from now on, as that of a type which the engine does not know;
    /// what was passed over of one that was resumed is looked for.
    private func typesChanged(_ paused: Set<String>) {
        pauseTypes { holds.withLock { $0.book.types } }
        dispatcher.withLock { $0.forgetLanes() }
        look { todo in
            todo.reset = true
            todo.ready = true
            todo.inbox = true
            todo.due = true
            todo.suspects = true
        }
        for run in residency.withLock({ Array($0.runs.values) }) where paused.contains(run.record.lane.workflow) { run.hold() }
    }

    /// Makes those ready that wait outside memory for what is not paused any more.
    func wakeHeld(_ now: Microseconds) async throws(StoreError) {
        var isWoken = false
        for number in try await store.holders() {
            let limit = holds.withLock { $0.wakeable(number, at: now) }
            var (left, after): (Int, WorkflowNumber?) = (limit ?? .max, .min)
            // Of a breaker that is half open; whoever has those that stand before them in memory asks for them.
            var pages = limit == nil ? Int.max : Self.pagesForTrials
            while left > 0, pages > 0, !isEnding, let place = after {
                let report = try await store.wakeHeld(by: number, after: place, limit: Self.claimLimit, most: left)
                isWoken = isWoken || report.woken > 0
                left -= report.woken
                pages -= 1
                after = report.next
            }
        }
        if isWoken { becameReady() }
    }
}

// MARK: - What steps ask

extension Incarnation {
    package var holdsNothing: Bool { holds.withLock { $0.holdsNothing } }

    package func ask(_ request: AttemptRequest, _ signal: Signal) -> Admission {
        let (admission, key) = holds.withLock { $0.ask(request, signal, at: clock.now()) }
        if let key { askForPermits(key) }
        return admission
    }

    package func withdraw(_ signal: Signal) { holds.withLock { $0.withdraw(signal) } }

    package func attemptEnded(_ breaker: StepBreaker, _ pass: AttemptPass, _ verdict: BreakerState.Verdict, _ error: (any Error)?) {
        switch pass {
        case .free:
            guard let counts = holds.withLock({ $0.ended(verdict, breaker, at: clock.instant()) }) else { return }
            let last = error.map { String("\($0)".unicodeScalars.prefix(300).map(Character.init)) } ?? ""
            let reason = "\(counts.failures) of \(counts.calls) attempts failed within \(breaker.settings.slidingWindow); the last: \(last)"
            errand { [weak self] in await self?.open(breaker, Self.storable(reason)) }
        case .trial(let opening): errand { [weak self] in await self?.trialEnded(breaker.key, verdict, of: opening) }
        }
    }

    private func askForPermits(_ key: String) { errand { [weak self] in await self?.permit(key) } }

    private func permit(_ key: String) async {
        let wanted = holds.withLock { $0.waiting(for: key) }
        do throws(StoreError) {
            var (count, opening): (Int, Int64) = (0, 0)
            let row = try await changeBreaker(key) { row, now in
                count = row?.ended == nil ? row?.breaker?.permit(wanted, at: now) ?? 0 : 0
                opening = row?.breaker?.opening ?? 0
                return count > 0
            }
            for signal in holds.withLock({ $0.permitted(key, row == nil ? 0 : count, opening: opening) }) { signal.raise() }
            // Nobody else need hear of that.
            if let row { heed(row) }
        } catch {
            again(error, "a circuit breaker could not be asked for permits") { [weak self] in await self?.permit(key) }
        }
    }

    /// Too many attempts have failed here: no engine begins any, from now on.
    private func open(_ breaker: StepBreaker, _ reason: String) async {
        do throws(StoreError) {
            var isFirst = false
            let row = try await changeBreaker(breaker.key) { row, now in
                var state = row?.breaker ?? BreakerState(breaker.settings)
                if row?.ended != nil { state.close() }
                isFirst = state.open(breaker.settings, at: now)
                guard isFirst else { return false }
                var opened = PauseRow(
                    subject: PauseSubject(.breaker, breaker.key), by: PauseRow.breakerName, reason: reason, since: now,
                    until: state.openUntil, breaker: state)
                (opened.number, opened.revision) = (row?.number ?? 0, row?.revision ?? 0)
                row = opened
                return true
            }
            if isFirst, row != nil { log(.warning, "the circuit breaker '\(breaker.key)' is open: \(reason)") }
            holds.withLock { $0.opened(breaker.key) }
            learn(row)
        } catch {
            again(error, "a circuit breaker could not be opened") { [weak self] in await self?.open(breaker, reason) }
        }
    }

    private func trialEnded(_ key: String, _ verdict: BreakerState.Verdict, of opening: Int64) async {
        do throws(StoreError) {
            let row = try await changeBreaker(key) { row, now in
                guard row?.ended == nil, row?.breaker?.ended(verdict, of: opening, at: now) == true, let state = row?.breaker else {
                    return false
                }
                row?.until = state.openUntil
                if state.isClosed {
                    row?.ended = now
                    row?.endedBy = PauseRow.breakerName
                }
                return true
            }
            if row?.ended != nil { log(.info, "the circuit breaker '\(key)' is closed") }
            learn(row)
        } catch {
            again(error, "a circuit breaker could not be told of an attempt") { [weak self] in
                await self?.trialEnded(key, verdict, of: opening)
            }
        }
    }

    /// What others must know too.
    private func learn(_ row: PauseRow?) {
        let now = clock.now()
        carryOut(holds.withLock { holds in row.map { holds.learn($0, at: now) } ?? holds.adopt(nil, at: now) })
        look { $0.settings = true }
        tellOthers { $0.settings = true }
    }

    /// Changes the row as `change` does, if it does, and nobody else in between; returns it as it is then.
    private func changeBreaker(
        _ key: String, _ change: (inout PauseRow?, Microseconds) -> Bool
    ) async throws(StoreError) -> PauseRow? {
        while !isEnding {
            var row = try await store.pause(of: PauseSubject(.breaker, key))
            let revision = row?.revision ?? 0
            guard change(&row, clock.now()), let changed = row else { return row }
            if let stored = try await store.put(changed, over: revision) { return stored }
        }
        return nil
    }

    private func again(_ error: StoreError, _ what: String, _ errand: @escaping @Sendable () async -> Void) {
        report(error, "\(what), and is so in a moment")
        clock.schedule(after: .milliseconds(100)) { [weak self] in self?.errand(errand) }
    }
}

extension PauseRow {
    /// Who opens and closes breakers.
    static let breakerName = "circuit breaker"
}
