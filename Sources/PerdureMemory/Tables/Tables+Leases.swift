internal import Perdure

extension Tables {
    mutating func register(_ executor: ExecutorID, _ description: ExecutorDescription, now: Microseconds) throws(StoreError) {
        guard reaped[executor] == nil else {
            throw StoreError(.fenced, "executor \(executor) was reaped: a new start needs a new number")
        }
        executors[executor] = Lease(
            label: description.label, until: now + description.terms.lease.microseconds, renewed: now,
            aliveSince: executors[executor]?.aliveSince ?? now, started: executors[executor]?.started ?? now,
            repertoire: description.repertoire)
    }

    /// Returns when there may be something to reap.
    mutating func renew(_ executor: ExecutorID, _ terms: LeaseTerms, now: Microseconds) throws(StoreError) -> Duration? {
        try checkFence(executor)
        guard var mine = executors[executor] else { return nil }
        // Who was not heard for half a lease may not have heard others either: it is no outage of theirs.
        let isNew = mine.until < now || mine.renewed < now - terms.lease.microseconds / 2
        mine.aliveSince = isNew ? now : min(mine.aliveSince, now)
        (mine.renewed, mine.until) = (now, now + terms.lease.microseconds)
        executors[executor] = mine
        let next = reaped.isEmpty ? executors.filter { $0.key != executor }.values.map { $0.isAhead(of: now) ? now : $0.until }.min() : now
        return next.map { .microseconds(max(0, max($0, mine.mayReap) - now)) }
    }

    mutating func reap(_ rules: ReapRules, now: Microseconds) -> ReapReport {
        rewind(to: now)
        let mayReap = rules.reaper.map { executor in
            executors[executor].map { $0.until >= now && $0.mayReap <= now } ?? false
        }
        let expired = mayReap == false ? [] : executors.filter { $0.value.until < now }.keys.sorted()
        for executor in expired {
            guard let lease = executors.removeValue(forKey: executor) else { continue }
            relieve(executor)
            // Nobody but the owner changes these rows, and it may not any more: the list stays right until it is empty.
            let numbers = owned.removeValue(forKey: executor)?.sorted() ?? []
            let isWatching = numbers.contains { isSuspect($0) && (live[$0]?.probation ?? .min) >= lease.renewed }
            reaped[executor] = Reaped(left: FIFO(numbers), label: lease.label, heard: isWatching ? lease.renewed : nil)
        }
        var report = ReapReport(executors: expired)
        for executor in reaped.keys.sorted() {
            while report.returned < rules.limit, let number = reaped[executor]?.left.removeFirst() {
                crash(number, heard: reaped[executor]?.heard, rules.crashes, now: now)
                if live[number]?.state == .setAside {
                    asides[number] = rules.crashes.reason(lastExecutor: reaped[executor]?.label ?? "")
                    report.setAside[number] = asides[number]
                }
                report.returned += 1
            }
            guard reaped[executor]?.left.isEmpty == true else { continue }
            reaped[executor] = nil
            // Only now: until the last of its workflows is nobody's, each of them counts.
            slots.free(allOf: executor)
        }
        report.more = !reaped.isEmpty
        return report
    }

    mutating func lead(_ duty: Duty, _ executor: ExecutorID, until: Microseconds, now: Microseconds) -> Bool {
        // An end that lies further ahead than any can was written before the clock was set back.
        if let leader = leaders[duty], leader.executor != executor, leader.until >= now, leader.until <= until + 1_000_000 { return false }
        leaders[duty] = Leader(executor: executor, until: until)
        return true
    }

    /// Whoever was heard in the future was heard now: the clock was set back.
    private mutating func rewind(to now: Microseconds) {
        for (executor, lease) in executors where lease.isAhead(of: now) {
            executors[executor]?.renewed = now
            executors[executor]?.until = now + (lease.until - lease.renewed)
        }
    }

    /// Whoever has no lease has no duties.
    private mutating func relieve(_ executor: ExecutorID) {
        leaders = leaders.filter { $0.value.executor != executor }
        declaredSchedules[executor] = nil
    }

    mutating func retire(_ executor: ExecutorID, now: Microseconds) {
        executors[executor] = nil
        relieve(executor)
        for number in owned.removeValue(forKey: executor)?.sorted() ?? [] { giveBack(number, now: now) }
        slots.free(allOf: executor)
    }
}

extension Lease {
    /// From when on its holder may take from others: it has been alive for a whole lease.
    fileprivate var mayReap: Microseconds { aliveSince + until - renewed }

    fileprivate func isAhead(of now: Microseconds) -> Bool { renewed > now + 1_000_000 }
}

extension Duration {
    /// Whole microseconds, rounded down.
    var microseconds: Microseconds {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
