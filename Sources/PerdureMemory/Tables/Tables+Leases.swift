internal import Perdure

extension Tables {
    mutating func register(_ executor: ExecutorID, _ description: ExecutorDescription, now: Microseconds) throws(StoreError) {
        guard reaped[executor] == nil else {
            throw StoreError(.fenced, "executor \(executor) was reaped: a new start needs a new number")
        }
        executors[executor] = Lease(
            label: description.label, until: now + description.terms.lease.microseconds, renewed: now,
            aliveSince: executors[executor]?.aliveSince ?? now)
    }

    /// Returns when there may be something to reap.
    mutating func renew(_ executor: ExecutorID, _ terms: LeaseTerms, now: Microseconds) throws(StoreError) -> Duration? {
        try checkFence(executor)
        guard var mine = executors[executor] else { return nil }
        if mine.until < now { mine.aliveSince = now }
        (mine.renewed, mine.until) = (now, now + terms.lease.microseconds)
        executors[executor] = mine
        let next = reaped.isEmpty ? executors.filter { $0.key != executor }.values.map(\.until).min() : now
        return next.map { .microseconds(max(0, max($0, mine.mayReap) - now)) }
    }

    mutating func reap(_ rules: ReapRules, now: Microseconds) -> ReapReport {
        let mayReap = rules.reaper.map { executor in
            executors[executor].map { $0.until >= now && $0.mayReap <= now } ?? false
        }
        let expired = mayReap == false ? [] : executors.filter { $0.value.until < now }.keys.sorted()
        for executor in expired {
            executors[executor] = nil
            // Nobody but the owner changes these rows, and it may not any more: the list stays right until it is empty.
            reaped[executor] = FIFO(owned.removeValue(forKey: executor)?.sorted() ?? [])
        }
        var returned = 0
        for executor in reaped.keys.sorted() {
            while returned < rules.limit, let number = reaped[executor]?.removeFirst() {
                makeReady(number, returned: true, crashed: true)
                returned += 1
            }
            if reaped[executor]?.isEmpty == true { reaped[executor] = nil }
        }
        return ReapReport(executors: expired, returned: returned, more: !reaped.isEmpty)
    }

    mutating func retire(_ executor: ExecutorID) {
        executors[executor] = nil
        for number in owned.removeValue(forKey: executor)?.sorted() ?? [] { makeReady(number, returned: true) }
    }
}

extension Lease {
    /// From when on its holder may take from others: it has been alive for a whole lease.
    fileprivate var mayReap: Microseconds { aliveSince + until - renewed }
}

extension Duration {
    /// Whole microseconds, rounded down.
    var microseconds: Microseconds {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
