// The loops of an engine. Each waits for a signal or the clock, and runs on the engine's own thread.

extension Incarnation {
    /// Between 75 % and 125 %, so that engines do not move in step.
    private func jittered(_ duration: Duration) -> Duration { duration * (0.75 + 0.5 * random()) }

    @concurrent @Sendable func heartbeats() async {
        while !isStopped {
            await loopSignal.wait(until: clock.instant() + settings.lease / 5, clock: clock)
            if isStopped { return }
            do throws(StoreError) {
                let asked = clock.instant()
                try await store.renew(id, lease: settings.lease)
                tenure.extend(until: asked + settings.lease)
            } catch {
                report(error, "the lease could not be renewed")
            }
        }
    }

    /// An engine reaps only after it has itself been live for a whole lease: an outage of the database is not followed by a mass takeover.
    @concurrent @Sendable func reaping() async {
        var wait = settings.lease
        while !isStopped {
            await reapSignal.wait(until: clock.instant() + wait, clock: clock)
            wait = jittered(settings.lease / 4)
            if isEnding { continue }
            do throws(StoreError) {
                var report = ReapReport(more: true)
                while report.more, !isEnding {
                    report = try await store.reap(limit: 500)
                    if report.returned > 0 { returned(report) }
                }
            } catch {
                report(error, "dead engines could not be looked for")
            }
        }
    }

    private func returned(_ report: ReapReport) {
        log(.info, "\(report.returned) workflows of dead engines are ready again")
        look { todo in
            todo.ready = true
            todo.reset = true
        }
        tellOthers { $0.ready = true }
    }

    /// Hints for other processes: coalesced, and outside every transaction that matters.
    @concurrent @Sendable func notifications() async {
        while !isStopped {
            await outgoingSignal.wait(clock: clock)
            let wakeups = outgoing.withLock { $0.take() }
            if !wakeups.isEmpty { await store.notify(wakeups) }
            // A lone hint goes at once; under load they gather, for each costs the server a transaction.
            if !isStopped { await clock.wait(.milliseconds(10)) }
        }
    }

    @concurrent @Sendable func errandsLoop() async {
        while !isStopped {
            await errandSignal.wait(clock: clock)
            let all = errands.withLock { errands in
                defer { errands = [] }
                return errands
            }
            for errand in all where !isStopped { await errand() }
        }
    }

    /// Names workflows that hold a thread, and adds one.
    @concurrent @Sendable func watchdog() async {
        guard let pool = environment.threads as? FlowThreadPool else { return }
        while !isStopped {
            await watchdogSignal.wait(until: clock.instant() + .seconds(1), clock: clock)
            for flow in pool.relieve(longerThan: .seconds(2), maximum: 64) {
                let held = residency.withLock { $0.runs.values.first { $0.flow === flow } }
                if let held {
                    log(
                        .warning,
                        "workflow \(Names.publicID(held.number)) ('\(held.workflow.name)') has held its thread for seconds: blocking work belongs in a step"
                    )
                }
            }
        }
    }

    /// Something went wrong in a loop that will try again.
    func report(_ error: StoreError, _ what: String) {
        if error.code == .fenced { return fenced(error) }
        let time = clock.instant()
        guard let held = complaints.withLock({ $0.admit("\(error.code) \(what)", at: time) }) else { return }
        log(.warning, "\(what): \(error)\(heldBack(held))")
    }

    /// Has the claiming loop look.
    func look(_ change: (inout Todo) -> Void) {
        todo.withLock(change)
        work.raise()
    }

    func tellOthers(_ change: (inout Outgoing) -> Void) {
        outgoing.withLock(change)
        outgoingSignal.raise()
    }

    func errand(_ errand: @escaping @Sendable () async -> Void) {
        errands.withLock { $0.append(errand) }
        errandSignal.raise()
    }

    /// A hint from another process, or from this one.
    func hint(_ wakeup: Wakeup) {
        switch wakeup {
        case .ready: look { $0.ready = true }
        case .inbox: look { $0.inbox = true }
        case .ended: break
        case .everything:
            look { todo in
                todo.ready = true
                todo.inbox = true
                todo.due = true
            }
        }
    }
}
