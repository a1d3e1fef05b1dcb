public import FoundationEssentials

extension Client {
    /// Has an engine start a run now, whether the schedule is paused or not.
    ///
    /// - Parameters:
    ///   - name: The schedule.
    ///   - overlap: What happens if a run is open; nil is what the schedule says.
    /// - Returns: The id of the run, if it comes to one: the schedule's name, the moment, and an exclamation mark.
    /// - Throws: ``WorkflowError`` if there is none of this name, or too many wait.
    @discardableResult
    public func triggerSchedule(_ name: String, overlap: ScheduleOverlapPolicy? = nil) async throws -> String {
        let now = core.environment.clock.now()
        let chosen = Lock<ScheduledStart?>(nil)
        return try await core.changeKnownSchedule(name) { row throws(WorkflowError) in
            // This very call, whose answer was lost.
            if let start = chosen.withLock({ $0 }), row.state.triggered == start.nominal || row.state.waiting.contains(start) {
                return ScheduledID.id(name, start)
            }
            guard row.state.waiting.count < ScheduleState.waitingLimit else {
                throw WorkflowError(
                    .invalidState, "\(row.state.waiting.count) starts of schedule '\(name)' wait for a run to end: no more are taken")
            }
            let start = row.state.trigger(overlap, now: now)
            chosen.withLock { $0 = start }
            return ScheduledID.id(name, start)
        }
    }

    /// Has engines start runs for nominal times that have passed: those for which none was ever started.
    ///
    /// They start in the order of their times. The catch-up window and the number of runs left do not matter to them.
    ///
    /// - Parameters:
    ///   - name: The schedule.
    ///   - start: The first moment; times at it are among them.
    ///   - end: The last moment; not in the future.
    ///   - overlap: How they bear each other; one after the other by default. nil is what the schedule says.
    /// - Returns: How many nominal times there are.
    /// - Throws: ``WorkflowError`` if there is none of this name, there are more than 10,000 times, or the moments are in the wrong order.
    @discardableResult
    public func backfillSchedule(
        _ name: String, from start: Date, through end: Date, overlap: ScheduleOverlapPolicy? = .bufferAll
    ) async throws -> Int {
        let now = core.environment.clock.now()
        guard let first = start.microseconds, let last = end.microseconds, first <= last else {
            throw WorkflowError(.invalidDeclaration, "a backfill of schedule '\(name)' ends before it begins: exchange the moments")
        }
        guard last <= now else {
            throw WorkflowError(
                .invalidDeclaration, "a backfill of schedule '\(name)' ends in the future, for which the schedule fires itself")
        }
        return try await core.changeKnownSchedule(name) { row throws(WorkflowError) in
            try row.backfill(first, last, overlap, now: now)
        }
    }
}

extension ScheduleState {
    /// One start now, at a moment that no other trigger has.
    mutating func trigger(_ overlap: ScheduleOverlapPolicy?, now: Microseconds) -> ScheduledStart {
        triggered = max(now, triggered + 1)
        let start = ScheduledStart(nominal: triggered, kind: .trigger, overlap: overlap)
        waiting.append(start)
        due = min(due, now)
        return start
    }
}

extension ScheduleRow {
    private static let backfillLimit = 10_000
    private static let backfillsAtOnce = 100

    fileprivate mutating func backfill(
        _ first: Microseconds, _ last: Microseconds, _ overlap: ScheduleOverlapPolicy?, now: Microseconds
    ) throws(WorkflowError) -> Int {
        let times = try plan().times
        guard state.backfills.count < Self.backfillsAtOnce else {
            throw WorkflowError(
                .invalidState, "\(Self.backfillsAtOnce) backfills of schedule '\(name)' are not done yet: no more are taken")
        }
        var (count, reached) = (0, first - 1)
        while let next = times.next(after: reached), next <= last {
            (count, reached) = (count + 1, next)
            guard count <= Self.backfillLimit else {
                throw WorkflowError(
                    .invalidDeclaration,
                    "a backfill of schedule '\(name)' would start more than \(Self.backfillLimit) runs: ask for a shorter stretch of time")
            }
        }
        if count > 0 { state.backfills.append(ScheduleBackfill(after: first - 1, through: last, overlap: overlap)) }
        state.due = min(state.due, now)
        return count
    }
}

extension Engine {
    /// Has an engine start a run now; see ``Client/triggerSchedule(_:overlap:)``.
    @discardableResult
    public func triggerSchedule(_ name: String, overlap: ScheduleOverlapPolicy? = nil) async throws -> String {
        try await client.triggerSchedule(name, overlap: overlap)
    }

    /// Has engines start runs for times that have passed; see ``Client/backfillSchedule(_:from:through:overlap:)``.
    @discardableResult
    public func backfillSchedule(
        _ name: String, from start: Date, through end: Date, overlap: ScheduleOverlapPolicy? = .bufferAll
    ) async throws -> Int {
        try await client.backfillSchedule(name, from: start, through: end, overlap: overlap)
    }
}
