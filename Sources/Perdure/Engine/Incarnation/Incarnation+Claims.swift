// How workflows that are not in memory come into it.

extension Incarnation {
    static let claimLimit = 200
    private static let pageLimit = 1_000

    @concurrent @Sendable func claims() async {
        let clock = environment.clock
        var nextPoll = clock.instant()
        var nextReset = nextPoll + .seconds(60)
        while !isStopped {
            let time = clock.instant()
            let isPoll = time >= nextPoll
            if isPoll { nextPoll = time + store.pollInterval * (0.9 + 0.2 * random()) }
            if time >= nextReset {
                nextReset = time + .seconds(60)
                todo.withLock { todo in
                    todo.reset = true
                    todo.holds = true
                }
            }
            var until = nextPoll
            if !isEnding { until = min(nextPoll, await look(isPoll: isPoll)) }
            await work.wait(until: until, clock: clock)
        }
    }

    /// One look; returns when the next is due.
    ///
    /// If the clock is set forward meanwhile, what thereby is due waits for the next poll.
    private func look(isPoll: Bool) async -> Instant {
        let now = clock.now()
        let todo = self.todo.withLock { $0.take() }
        let mail = mailRoute.withLock { $0.asked }
        do throws(StoreError) {
            if todo.reset { claimer.reset() }
            if todo.reset || todo.freed { dispatcher.withLock { $0.unblockAll(now: clock.instant()) } }
            if todo.settings {
                try await readPauses()
                try await readQueues()
                try await readSchedules()
            }
            if self.todo.withLock({ $0.nextPause }) <= now { sortPauses(now) }
            if todo.sweep { try await sweep() }
            let hasRechecked = todo.suspended.isEmpty ? true : try await recheck(todo.suspended)
            let poll = isPoll ? try await glance() : Glance.nothing
            if poll.inbox || todo.inbox, try await followInbox(), hasRechecked { mailRoute.withLock { $0.found(mail) } }
            if todo.holds { try await wakeHeld(now) }
            if todo.due || self.todo.withLock({ $0.nextDue }) <= now { try await claimDue(now) }
            if todo.expired || poll.expired { try await claimExpired(now) }
            if isPoll || todo.ready || self.todo.withLock({ $0.nextBatch }) <= now { try await gather(now) }
            if !todo.endedRuns.isEmpty || self.todo.withLock({ $0.nextSchedule }) <= now {
                try await fireSchedules(now, ended: todo.endedRuns)
            }
            try await claimReady(scouting: poll.ready || todo.ready)
            if todo.suspects || self.todo.withLock({ $0.nextSuspect }) <= now { try await claimSuspects(now) }
            let next = clock.instant(of: self.todo.withLock { $0.next })
            return min(next, dispatcher.withLock { $0.nextLook(now: clock.instant()) } ?? next)
        } catch {
            report(error, "workflows could not be claimed")
            self.todo.withLock { again in
                // What was claimed or reported may be on the way that failed: everything is looked at anew.
                again.sweep = true
                again.reset = true
                again.suspended += todo.suspended
                again.settings = again.settings || todo.settings
                again.inbox = true
                again.holds = true
                again.ready = true
                again.due = true
                again.suspects = true
                again.endedRuns.formUnion(todo.endedRuns)
            }
            return clock.instant() + .milliseconds(50 + Int(200 * random()))
        }
    }

    /// What an idle engine asks for, and nothing else.
    private func glance() async throws(StoreError) -> Glance {
        let glance = try await claimer.glance(repertoire)
        todo.withLock { todo in
            todo.nextDue = min(todo.nextDue, glance.nextDue ?? .max)
            todo.nextSuspect = min(todo.nextSuspect, glance.suspect?.due ?? .max)
            todo.nextSchedule = min(todo.nextSchedule, glance.nextSchedule ?? .max)
        }
        if let sum = glance.queues, sum != knownQueues.withLock({ $0 }) { try await readQueues() }
        if let sum = glance.pauses, sum != knownPauses.withLock({ $0 }) {
            try await readPauses()
            knownPauses.withLock { $0 = sum }
        }
        return glance
    }

    /// A claim that failed may have been a commit: what this engine owns and does not have is run.
    private func sweep() async throws(StoreError) {
        let before = residency.withLock { residency in
            residency.beginSweep()
            return Set(residency.runs.keys).union(residency.departing.keys).union(residency.arriving).union(residency.coming)
        }
        let owned = try await claimer.owned()
        if !queues.isEmpty {
            let slots = try await claimer.slots()
            dispatcher.withLock { $0.settle(slots, now: clock.instant()) }
        }
        let lost = residency.withLock { $0.lost(of: owned.filter { !before.contains($0) }) }
        if lost.isEmpty { return }
        // Why they were to end is lost with the reply: whoever claims them anew finds it out.
        let unbegun = Set(try await claimer.unbegun())
        for number in lost where unbegun.contains(number) { release(number) }
        try await launch(lost.filter { !unbegun.contains($0) }.map { Claimed(number: $0) })
    }

    private func claimDue(_ now: Microseconds) async throws(StoreError) {
        while !isEnding {
            let limit = min(Self.claimLimit, residency.withLock { $0.room })
            if limit == 0 {
                // Looks again when there is room.
                todo.withLock { todo in
                    todo.due = true
                    todo.nextDue = .max
                }
                return makeRoom()
            }
            let claimed = try await claimer.claimDue(repertoire, now: now, limit: limit)
            try await launch(claimed)
            if claimed.count < limit { break }
        }
        // What is suspended while the database is asked adds itself.
        todo.withLock { $0.nextDue = .max }
        let next = try await claimer.nextDue() ?? .max
        // What is overdue all the same (another engine is at it) is looked at with the next poll.
        if next > now { todo.withLock { $0.nextDue = min($0.nextDue, next) } }
    }

    /// Work waits: those that only wait make room for it.
    func makeRoom() {
        for _ in 0..<Self.claimLimit {
            guard let run = residency.withLock({ $0.longestParked() }) else { return }
            run.askToLeave()
        }
    }

    /// What has arrived goes to the workflows in memory; what is nobody's is claimed if that is reason enough; the rest belongs to others.
    ///
    /// True if all of it is where it belongs.
    private func followInbox() async throws(StoreError) -> Bool {
        try await follow(try await claimer.arrivals())
    }

    private func follow(_ numbers: [WorkflowNumber]) async throws(StoreError) -> Bool {
        if numbers.isEmpty { return true }
        // Sorted at one moment: one that arrives between two questions would be neither here nor on its way.
        let (resident, arriving, others) = residency.withLock { residency in
            let (resident, absent) = numbers.partitioned { residency.runs[$0] != nil }
            let (arriving, others) = absent.partitioned { residency.isOnItsWay($0) }
            return (resident, arriving, others)
        }
        if !resident.isEmpty { try await receive(resident) }
        // Those whose start is known here in a moment are looked at again.
        if !arriving.isEmpty {
            look { todo in
                todo.suspended += arriving
                todo.inbox = true
            }
        }
        try await wake(others)
        return arriving.isEmpty
    }

    /// Claims what is nobody's; that for which there is no room is looked at again when there is.
    private func wake(_ numbers: [WorkflowNumber]) async throws(StoreError) {
        let room = min(Self.claimLimit, residency.withLock { $0.room })
        if numbers.count > room { todo.withLock { $0.suspended += numbers.dropFirst(room) } }
        if room > 0, !numbers.isEmpty { try await launch(try await claimer.claimArrived(Array(numbers.prefix(room)), repertoire)) }
        if numbers.count > room, room > 0 { work.raise() }
    }

    private func receive(_ numbers: [WorkflowNumber]) async throws(StoreError) {
        let continued = residency.withLock { residency in numbers.filter { residency.runs[$0]?.origin?.chain != nil } }
        if !continued.isEmpty { try await store.forward(to: continued) }
        let items = Dictionary(grouping: try await store.inbox(of: numbers), by: \.workflow)
        for (number, items) in items {
            residency.withLock { $0.runs[number] }?.receive(items)
        }
    }

    /// What came between the last look and the hand-back found a workflow that was still owned, and woke nobody.
    private func recheck(_ suspended: [WorkflowNumber]) async throws(StoreError) -> Bool {
        try await follow(Array(Set(try await store.inbox(of: suspended).filter { !$0.isSeen }.map(\.workflow))))
    }

    /// With `fate` they end without running.
    func launch(_ found: [Claimed], fate: EndUnrun? = nil) async throws(StoreError) {
        let later = found.compactMap(\.due).min()
        if let later { look { $0.nextDue = min($0.nextDue, later) } }
        let claimed = found.filter { $0.isServed && $0.due == nil }
        if found.contains(where: { !$0.isServed }) {
            becameReady()
            // A terminate that came meanwhile is for whoever finds no owner.
            look { $0.suspended += found.filter { !$0.isServed }.map(\.number) }
        }
        let expired = claimed.filter(\.isExpired)
        if fate == nil, !expired.isEmpty {
            try await launchThese(expired, fate: .expired)
            return try await launchThese(claimed.filter { !$0.isExpired }, fate: nil)
        }
        try await launchThese(claimed, fate: fate)
    }

    private func launchThese(_ claimed: [Claimed], fate: EndUnrun?) async throws(StoreError) {
        if claimed.isEmpty { return }
        let numbers = admit(claimed)
        if numbers.isEmpty { return }
        try await bring(numbers, claimed, fate)
    }

    /// Keeps room for those of them that may be run now.
    func admit(_ claimed: [Claimed]) -> [WorkflowNumber] {
        residency.withLock { residency in
            residency.crashed.formUnion(claimed.lazy.filter { $0.crashes > 0 }.map(\.number))
            let numbers = residency.launchable(claimed.map(\.number))
            residency.reserve(numbers)
            return numbers
        }
    }

    /// Reads what has been admitted, and makes it run.
    func bring(_ numbers: [WorkflowNumber], _ claimed: [Claimed], _ fate: EndUnrun?) async throws(StoreError) {
        defer { residency.withLock { $0.unreserve(numbers) } }
        let given = launchGiven(numbers, claimed, fate)
        if given.count == numbers.count { return }
        let numbers = given.isEmpty ? numbers : numbers.filter { !given.contains($0) }
        let fresh = Set(claimed.filter(\.isFresh).map(\.number))
        do throws(StoreError) {
            var missing = Set(numbers)
            for loaded in try await load(numbers, areFresh: fresh.count == claimed.count) {
                missing.remove(loaded.record.number)
                launch(loaded, isFresh: fresh.contains(loaded.record.number), fate: fate)
            }
            for number in missing { await unreadable(number, "its row is missing") }
        } catch {
            guard error.code == .rejected else { throw error }
            // One row that nobody understands must not disturb the others.
            if numbers.count == 1 { return await unreadable(numbers[0], error.description) }
            for number in numbers { try await launchThese([Claimed(number: number, isFresh: fresh.contains(number))], fate: fate) }
        }
    }

    /// Those that came with all that there is to know of them.
    private func launchGiven(_ numbers: [WorkflowNumber], _ claimed: [Claimed], _ fate: EndUnrun?) -> Set<WorkflowNumber> {
        let given = claimed.filter { $0.record != nil }
        if given.isEmpty { return [] }
        let admitted = Set(numbers)
        var launched: Set<WorkflowNumber> = []
        for one in given where admitted.contains(one.number) {
            guard let record = one.record else { continue }
            launch(LoadedWorkflow(record: record), isFresh: one.isFresh, fate: fate)
            launched.insert(one.number)
        }
        return launched
    }

    /// For a person; but what was terminated ends, readable or not.
    private func unreadable(_ number: WorkflowNumber, _ reason: String) async {
        let inbox = try? await store.inbox(of: [number])
        guard inbox?.contains(where: { $0.kind == .terminate }) == true else { return setAside(number, reason) }
        let children = try? await store.openChildren(of: number)
        let fate = children == nil ? "; its children cannot be read, and go on" : ""
        log(.warning, "workflow \(Names.publicID(number)), which cannot be read, is terminated\(fate): \(reason)")
        residency.withLock { $0.departs(number) }
        let record = try? await store.status(of: number)?.record
        let first = try? await store.firstRun(of: number)
        let parent = record?.parent?.number
        let error = ErrorRegistry().record(WorkflowError(.terminated, "the workflow was terminated"), with: coder)
        let outcome = Outcome(workflow: number, status: .terminated, error: error, finished: clock.now())
        let callback = JournalCallback { [weak self] result in
            self?.departed(number, result)
            guard case .success = result else { return }
            self?.announce(outcome, tellsInbox: parent != nil)
        }
        journal.append(
            .finish(outcome, toldBy: record, as: first, inbox: children?.compactMap(\.closingItem) ?? []),
            for: callback)
    }

    private func setAside(_ number: WorkflowNumber, _ reason: String) {
        log(.error, "workflow \(Names.publicID(number)) is set aside: \(reason)")
        residency.withLock { $0.departs(number) }
        let callback = JournalCallback { [weak self] result in
            self?.departed(number, result)
            guard case .success = result else { return }
            self?.wasSetAside(number)
            self?.look { $0.suspended.append(number) }
        }
        journal.append(.setAside(number, reason: reason, at: environment.clock.now()), for: callback)
    }

    /// Claimed but not loaded would be lost until the lease ends, so this goes on until it has them, or the end.
    private func load(_ numbers: [WorkflowNumber], areFresh: Bool) async throws(StoreError) -> [LoadedWorkflow] {
        while true {
            do throws(StoreError) {
                return areFresh ? try await store.loadFresh(numbers) : try await store.load(numbers, limit: Self.pageLimit)
            } catch {
                if isEnding || error.code == .fenced || error.code == .rejected { throw error }
                log(.warning, "claimed workflows could not be read, and are read again: \(error)")
                await environment.clock.wait(.milliseconds(100))
            }
        }
    }

    /// Makes a workflow that this engine owns run; one that is to end without running ends, and its code need not be here.
    func launch(_ loaded: LoadedWorkflow, isFresh: Bool = false, fate: EndUnrun? = nil) {
        let end = loaded.endUnrun(isFresh: isFresh, now: clock.now()) ?? fate
        // What ends without running needs no slot.
        if end == nil { adopt(loaded.record) }
        let name = loaded.record.lane.workflow
        let known = serves(loaded.record.lane.version) ? registrations[name] : nil
        let isCancelled = loaded.inbox.contains { $0.kind == .cancel }
        if end == nil, !isCancelled, isPaused(name) { return release(loaded.record.number) }
        guard let registration = known ?? (end == nil ? nil : .absent(name)) else { return release(loaded.record.number) }
        let run = Run(loaded, isFresh: isFresh, workflow: registration, host: self)
        guard !isStopped, residency.withLock({ $0.insert(run) }) else { return }
        tally.count { $0.started += 1 }
        // It came too late for the others to be told; it must not begin what will not be waited for.
        if isEnding { run.state.withLock { $0.quiesce() } }
        if let end { return run.end(end) }
        // What an earlier life of it has sent may be in the database, with nobody left to say so.
        if !loaded.history.isEmpty || !loaded.unordered.isEmpty { followMail() }
        // While it was on its way to where others are told.
        if isPaused(name) { if isCancelled { run.state.withLock { $0.cancelsFirst = true } } else { run.hold() } }
        run.open()
    }

    /// The hand-back is written; or it is not, and the workflow is still this engine's.
    func departed(_ number: WorkflowNumber, _ result: Result<CommandResult, StoreError>) {
        let isClaimed = residency.withLock { $0.departed(number) }
        if case .failure = result { return look { $0.sweep = true } }
        left(number)
        if isClaimed { look { $0.sweep = true } }
    }

    /// For those who go on with it.
    func release(_ number: WorkflowNumber) {
        residency.withLock { $0.departs(number) }
        let callback = JournalCallback { [weak self] result in
            self?.departed(number, result)
            self?.becameReady()
            self?.look { $0.suspended.append(number) }
        }
        journal.append(.release(number), for: callback)
    }

    func suspend(_ number: WorkflowNumber, until due: Microseconds, seen: [Int64] = [], isHeld: Bool = false) {
        residency.withLock { $0.departs(number) }
        let callback = JournalCallback { [weak self] result in
            self?.departed(number, result)
            guard case .success = result else { return }
            self?.look { todo in
                todo.suspended.append(number)
                todo.nextDue = min(todo.nextDue, due)
                // What held it back may be over, and who looked for such did not see it.
                todo.holds = todo.holds || isHeld
            }
        }
        journal.append(.suspend(number, due: due, seen: seen), for: callback)
    }
}

extension Array {
    func partitioned(by belongs: (Element) -> Bool) -> (Self, Self) {
        (filter(belongs), filter { !belongs($0) })
    }
}
