// The loops of an engine. Each waits for a signal or the clock, and runs on the engine's own thread.

extension Incarnation {
    /// Between 75 % and 125 %, so that engines do not move in step.
    func jittered(_ duration: Duration) -> Duration { duration * (0.75 + 0.5 * random()) }

    /// Often enough that nobody who lives is silent for long.
    private var heartbeat: Duration { jittered(min(settings.lease / 5, (settings.silence ?? settings.lease) * 2 / 3)) }

    /// Each says when others are to be looked at, so that nobody asks for that alone.
    @concurrent @Sendable func heartbeats() async {
        var wait = heartbeat
        while !isStopped {
            await loopSignal.wait(until: clock.instant() + wait, clock: clock)
            if isStopped { return }
            do throws(StoreError) {
                // A little later than could be, so that of many engines one finds something.
                let look = try await pulse.beat().map { clock.instant() + $0 + settings.lease / 40 * random() }
                reapAt.withLock { $0 = look }
                reapSignal.raise()
                wait = heartbeat
            } catch {
                report(error, "the lease could not be renewed")
                wait = settings.lease / 100
            }
        }
    }

    /// Looks when a heartbeat has said so: at the end of somebody's lease.
    ///
    /// The store sees to it that an engine reaps only after it has itself been live for a whole lease.
    @concurrent @Sendable func reaping() async {
        while !isStopped {
            await reapSignal.wait(until: reapAt.withLock { $0 }, clock: clock)
            guard let due = reapAt.withLock({ $0 }), clock.instant() >= due else { continue }
            reapAt.withLock { $0 = nil }
            if isEnding { continue }
            do throws(StoreError) {
                var report = ReapReport(more: true)
                while report.more, !isEnding {
                    report = try await store.reap(ReapRules(limit: 500, reaper: id, crashes: settings.crashes))
                    if report != ReapReport(more: report.more) { returned(report) }
                }
            } catch {
                report(error, "dead engines could not be looked for")
                let again = clock.instant() + jittered(settings.lease / 4)
                reapAt.withLock { $0 = min($0 ?? again, again) }
            }
        }
    }

    /// Also if it had nothing: what it was claiming when it froze, it held, and others have passed it over.
    private func returned(_ report: ReapReport) {
        if report.returned > 0 { log(.info, "\(report.returned) workflows of dead engines are there for others") }
        for (number, reason) in report.setAside {
            log(.error, "workflow \(Names.publicID(number)) is set aside: \(reason)")
            wasSetAside(number)
        }
        look { todo in
            todo.ready = true
            todo.inbox = true
            todo.due = true
            todo.suspects = true
            todo.reset = true
            todo.freed = true
        }
        tellOthers { $0.ready = true }
    }

    /// Hints for other processes: coalesced, and outside every transaction that matters.
    @concurrent @Sendable func notifications() async {
        var isBusy = false
        while !isStopped {
            await outgoingSignal.wait(clock: clock)
            let wakeups = outgoing.withLock { $0.take() }
            if !wakeups.isEmpty { await store.notify(wakeups) }
            // A lone hint goes at once; under load they gather, for each costs the server a transaction.
            if !isStopped { await clock.wait(.milliseconds(isBusy ? 10 : 1)) }
            isBusy = outgoing.withLock { !$0.isEmpty }
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

    /// Adds threads for what waits behind those that are held, and names the workflows that hold one.
    @concurrent @Sendable func watchdog() async {
        guard let pool = environment.threads as? FlowThreadPool else { return }
        var round = 0
        while !isStopped {
            await watchdogSignal.wait(until: clock.instant() + .milliseconds(200), clock: clock)
            pool.relieve()
            round += 1
            if round % 5 == 0 { pool.held(longerThan: .seconds(2)).forEach(complain) }
        }
    }

    private func complain(_ flow: FlowExecutor) {
        guard let held = residency.withLock({ $0.runs.values.first { $0.flow === flow } }) else { return }
        log(
            .warning,
            "workflow \(Names.publicID(held.number)) ('\(held.workflow.name)') has held its thread for seconds: blocking work belongs in a step"
        )
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

    /// Until it is found in the database, no message overtakes what has arrived there.
    func followMail() {
        mailRoute.withLock { $0.detour() }
        look { $0.inbox = true }
    }

    /// A hint from another process, or from this one.
    func hint(_ wakeup: Wakeup) {
        switch wakeup {
        case .ready:
            look { todo in
                todo.ready = true
                todo.suspects = true
            }
        case .inbox: followMail()
        case .settings: look { $0.settings = true }
        case .freed(let limits): if dispatcher.withLock({ $0.unblock(limits) }) { look { $0.turn = true } }
        case .ended, .published: break
        case .everything:
            mailRoute.withLock { $0.detour() }
            look { todo in
                todo.ready = true
                todo.freed = true
                todo.settings = true
                todo.inbox = true
                todo.due = true
                todo.suspects = true
            }
        }
    }
}
