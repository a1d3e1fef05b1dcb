// How an incarnation ends that was not taken its lease.

extension Incarnation {
    var isStopped: Bool { stopped.withLock { $0 } }

    /// Ends the grace period.
    func hurry() {
        isHurried.withLock { $0 = true }
        drainSignal.raise()
    }

    /// No new bodies begin; those that run get a grace period.
    ///
    /// What has nothing to wait for is handed back meanwhile.
    func drain() async {
        let deadline = clock.instant() + settings.shutdownGrace
        graceEnd.withLock { $0 = deadline }
        while clock.instant() < deadline, !isFenced, !isHurried.withLock({ $0 }) {
            // Also those that came while the end began.
            let runs = residency.withLock { Array($0.runs.values) }
            for run in runs { run.state.withLock { $0.quiesce() } }
            // Where nothing is waited for, all of it is handed back at once in the end.
            guard runs.contains(where: { $0.state.withLock { $0.isBusy } }) else { return }
            for run in runs { handBackIfIdle(run) }
            await drainSignal.wait(until: clock.instant() + .milliseconds(5), clock: clock)
        }
    }

    private func handBackIfIdle(_ run: Run) {
        let isIdle = run.state.withLock { !$0.isBusy && $0.rootResult == nil && $0.stop(CancellationError()) }
        guard isIdle else { return }
        leave(run, departing: true)
        release(run.number)
        run.poke()
    }

    func stopEverything() {
        stopped.withLock { $0 = true }
        tenure.end()
        for run in residency.withLock({ $0.removeAll() }) {
            run.drop()
            run.close(keepingDelegate: true)
        }
        journal.close(dropping: false)
        // With a database that does not answer, what is queued is given up after the grace period; others find it there.
        clock.schedule(after: patience) { [journal] in journal.close(dropping: true) }
        // What waits even then waits for a server that will not answer.
        let timer = clock.schedule(after: patience + .seconds(2)) { [store] in store.cut() }
        cutTimer.withLock { $0 = timer }
        let signals = [
            work, launchSignal, outgoingSignal, errandSignal, loopSignal, reapSignal, watchdogSignal, dutySignal, silenceSignal,
            listenSignal,
        ]
        for signal in signals { signal.raise() }
    }

    /// What is left of the grace period, or a second.
    private var patience: Duration {
        let least = min(settings.shutdownGrace, .seconds(1))
        if isHurried.withLock({ $0 }) { return least }
        guard let end = graceEnd.withLock({ $0 }) else { return settings.shutdownGrace }
        return max(least, end - clock.instant())
    }
}
