// How what is ready is claimed: whose turn it is, within the limits of the queues.

/// Claimed workflows that are to be read and run.
struct Launch: Sendable {
    var numbers: [WorkflowNumber]
    var claimed: [Claimed]
}

extension Incarnation {
    private static let pagesAtOnce = 8
    /// Fewer than these are sooner there than the loop beside this one is awake.
    private static let fewAtOnce = 8

    /// With `scouting` it looks for lanes in which something has become ready; then it claims until nothing is left that may run.
    func claimReady(scouting: Bool) async throws(StoreError) {
        if scouting { try await scout() }
        while !isEnding {
            // The more is known of who waits, the fairer is what is claimed; a page costs less than a claim.
            for _ in 0..<Self.pagesAtOnce where claimer.hasMoreToScout { try await scout() }
            let room = residency.withLock { $0.room }
            if room == 0 {
                // Looks again when there is room.
                if dispatcher.withLock({ $0.hasTurns(now: clock.instant()) }) { todo.withLock { $0.ready = true } }
                makeRoom()
                break
            }
            guard let request = dispatcher.withLock({ $0.plan(room: room, now: clock.instant(), time: clock.now()) }) else {
                if claimer.hasMoreToScout { continue }
                break
            }
            let report = try await claimer.claim(request)
            let claimed = dispatcher.withLock { $0.apply(report, to: request, now: clock.instant()) }
            let (simple, others) = claimed.partitioned { $0.isServed && $0.due == nil && !$0.isExpired }
            watchSuspects(simple)
            if simple.count > Self.fewAtOnce { launchSoon(simple) } else { try await launch(simple) }
            try await launch(others)
            // The next claim goes on while these are read; but no more than a few are claimed ahead.
            if launches.withLock({ $0.count }) >= 2 {
                todo.withLock { $0.turn = true }
                break
            }
            if !report.stale.isEmpty { try await readQueues() }
            try await displace()
        }
        try await freeSurplus()
    }

    /// Has what was claimed read and run by the loop beside this one.
    private func launchSoon(_ claimed: [Claimed]) {
        let numbers = admit(claimed)
        if numbers.isEmpty { return }
        launches.withLock { $0.append(Launch(numbers: numbers, claimed: claimed)) }
        launchSignal.raise()
    }

    @concurrent @Sendable func launching() async {
        while !isStopped {
            await launchSignal.wait(clock: clock)
            while let launch = launches.withLock({ $0.first }), !isStopped {
                do throws(StoreError) {
                    try await bring(launch.numbers, launch.claimed, nil)
                } catch {
                    report(error, "claimed workflows could not be read")
                    look { $0.sweep = true }
                }
                launches.withLock { _ = $0.removeFirst() }
                work.raise()
            }
        }
    }

    private func scout() async throws(StoreError) {
        let lanes = try await claimer.scout(repertoire)
        dispatcher.withLock { $0.learn(lanes) }
    }

    /// What gives way under keys that are full.
    private func displace() async throws(StoreError) {
        for request in dispatcher.withLock({ $0.takeDisplacing() }) {
            let report = try await claimer.displace(request)
            try await launch(report.displaced, fate: .displaced)
            guard !report.cancelled.isEmpty else { continue }
            look { $0.inbox = true }
            tellOthers { $0.inbox = true }
        }
    }

    /// Slots that nobody here needs are for others.
    private func freeSurplus() async throws(StoreError) {
        let slots = dispatcher.withLock { $0.surplus(now: clock.instant()) }
        if slots.isEmpty { return }
        try await claimer.free(slots)
        tellOthers { $0.freed.formUnion(slots.map(\.limit)) }
    }

    /// It is this engine's no more, and the database knows it: its slot is there for the next.
    func left(_ number: WorkflowNumber) {
        let left = dispatcher.withLock { $0.left(number) }
        if left.makesRoom { look { $0.turn = true } }
        if !left.freed.isEmpty { tellOthers { $0.freed.formUnion(left.freed) } }
    }

    /// Whatever way it came into memory, it counts.
    func adopt(_ record: WorkflowRecord) {
        if record.lane.queue.isEmpty { return }
        dispatcher.withLock { $0.adopt(record.number, record.lane, now: clock.instant()) }
    }

    /// What waits for long leaves its slot to others.
    func leavesSlot(_ run: Run) -> Bool {
        let queue = run.record.lane.queue
        return !queue.isEmpty && dispatcher.withLock { $0.leavesSlot(queue) }
    }

    func claimExpired(_ now: Microseconds) async throws(StoreError) {
        while !isEnding {
            let limit = min(Self.claimLimit, residency.withLock { $0.room })
            if limit == 0 { return todo.withLock { $0.expired = true } }
            let claimed = try await claimer.claimExpired(now: now, limit: limit)
            try await launch(claimed, fate: .expired)
            if claimed.count < limit { return }
        }
    }
}
