/// What a schedule does now.
package struct ScheduleVerdict: Sendable, Equatable {
    /// To be started, in this order; each unless it has fired before.
    package var starts: [ScheduledStart] = []
    /// For the inboxes of open runs.
    package var asks: [InboxItem] = []
    /// There is more to decide at once.
    package var isCut = false

    package init() {}
}

// The machine of a schedule: what has ended, which times have come, and what the overlap policy makes of them. Pure; every store asks it.

extension ScheduleState {
    /// Decides; `conclude` takes what became of the starts.
    ///
    /// - Parameter ended: Those of `open` that have ended, and how, where that is known.
    package mutating func decide(_ plan: SchedulePlan, ended: [WorkflowNumber: OutcomeStatus?], now: Microseconds) -> ScheduleVerdict {
        settle(plan, ended, now)
        var verdict = ScheduleVerdict()
        var queue = waiting
        verdict.isCut = gather(plan, now, into: &queue)
        refill(plan, &queue)
        choose(plan, queue, &verdict)
        if !backfills.isEmpty, waiting.count < Self.startsAtOnce { verdict.isCut = true }
        return verdict
    }

    private mutating func settle(_ plan: SchedulePlan, _ ended: [WorkflowNumber: OutcomeStatus?], _ now: Microseconds) {
        open.removeAll { ended[$0.number] != nil }
        guard plan.definition.pauseOnFailure == true else { return }
        let dead = ended.filter { $0.value?.isDead == true }.keys.max()
        if let dead { pause("run \(Names.publicID(dead)) came to no good end, and the schedule pauses on failure", now: now) }
    }

    /// Times that have come; true if there are more.
    private mutating func gather(_ plan: SchedulePlan, _ now: Microseconds, into queue: inout [ScheduledStart]) -> Bool {
        guard fires else {
            handled = max(handled, now)
            return false
        }
        for _ in 0..<Self.timesAtOnce {
            // All of them are to be started: no more than can be.
            if plan.definition.overlap == .allowAll, queue.count >= Self.startsAtOnce { return true }
            guard let nominal = plan.times.next(after: handled) else { return false }
            let moment = plan.moment(of: nominal)
            guard moment <= now else { return false }
            handled = nominal
            if moment < now.adding(.microseconds(-plan.definition.catchUp)) {
                missed += 1
            } else {
                queue.append(ScheduledStart(nominal: nominal))
            }
        }
        return true
    }

    /// A part of what is to be made up for.
    private mutating func refill(_ plan: SchedulePlan, _ queue: inout [ScheduledStart]) {
        while queue.count < Self.startsAtOnce, let backfill = backfills.first {
            guard let nominal = plan.times.next(after: backfill.after), nominal <= backfill.through else {
                backfills.removeFirst()
                continue
            }
            backfills[0].after = nominal
            queue.append(ScheduledStart(nominal: nominal, kind: .backfill, overlap: backfill.overlap))
        }
    }

    /// As Temporal: one that respects the others, all that need not, and what becomes of the rest.
    private mutating func choose(_ plan: SchedulePlan, _ queue: [ScheduledStart], _ verdict: inout ScheduleVerdict) {
        // What runs beside the others counts for none of them.
        let isRunning = open.contains { !$0.isBeside }
        var next: ScheduledStart?
        var (beside, kept): ([ScheduledStart], [ScheduledStart]) = ([], [])
        for start in queue {
            let timed = (beside + [next].compactMap(\.self)).count { $0.kind == .time }
            if start.kind == .time, paused != nil || timed >= runsLeft ?? .max {
                skipped += 1
                continue
            }
            let policy = start.overlap ?? plan.definition.overlap
            if policy == .allowAll {
                if beside.count < Self.startsAtOnce - 1 { beside.append(start) } else { kept.append(start) }
            } else if !isRunning, next == nil {
                next = start
            } else if !isRunning, policy == .cancelOther || policy == .terminateOther {
                // The one before has not even begun.
                skipped += 1
                next = start
            } else {
                keep(start, policy, plan, &kept, &verdict)
            }
        }
        verdict.starts = ([next].compactMap(\.self) + beside).sorted { $0.nominal < $1.nominal }
        if kept.contains(where: { ($0.overlap ?? plan.definition.overlap) == .allowAll }) { verdict.isCut = true }
        waiting = kept
    }

    /// What becomes of one whose turn it is not.
    private mutating func keep(
        _ start: ScheduledStart, _ policy: ScheduleOverlapPolicy, _ plan: SchedulePlan, _ kept: inout [ScheduledStart],
        _ verdict: inout ScheduleVerdict
    ) {
        func own(_ other: ScheduledStart) -> ScheduleOverlapPolicy { other.overlap ?? plan.definition.overlap }
        switch policy {
        case .skip, .allowAll: skipped += 1
        case .bufferOne:
            if kept.contains(where: { own($0) != .allowAll }) { skipped += 1 } else { kept.append(start) }
        case .bufferAll:
            if kept.count < Self.waitingLimit { kept.append(start) } else { dropped += 1 }
        case .cancelOther, .terminateOther:
            let count = kept.count
            kept.removeAll { own($0) == .cancelOther || own($0) == .terminateOther }
            skipped += Int64(count - kept.count)
            kept.append(start)
            ask(policy == .cancelOther ? .cancel : .terminate, &verdict)
        }
    }

    /// Each run that is in the way once; who was asked to cancel may still be terminated.
    private mutating func ask(_ kind: InboxKind, _ verdict: inout ScheduleVerdict) {
        for index in open.indices where !open[index].isBeside && open[index].asked != kind && open[index].asked != .terminate {
            open[index].asked = kind
            verdict.asks.append(InboxItem(workflow: open[index].number, kind: kind))
        }
    }
}
