internal import Perdure

extension Tables {
    mutating func register(_ executor: ExecutorID, label: String, lease: Duration, now: Microseconds) throws(StoreError) {
        guard reaped[executor] == nil else {
            throw StoreError(.fenced, "executor \(executor) was reaped: a new start needs a new number")
        }
        executors[executor] = Lease(label: label, until: now + lease.microseconds, started: executors[executor]?.started ?? now)
    }

    mutating func renew(_ executor: ExecutorID, lease: Duration, now: Microseconds) throws(StoreError) {
        try checkFence(executor)
        executors[executor]?.until = now + lease.microseconds
    }

    mutating func reap(limit: Int, now: Microseconds) -> ReapReport {
        let expired = executors.filter { $0.value.until < now }.keys.sorted()
        for executor in expired {
            executors[executor] = nil
            // Nobody but the owner changes these rows, and it may not any more: the list stays right until it is empty.
            reaped[executor] = FIFO(owned.removeValue(forKey: executor)?.sorted() ?? [])
        }
        var returned = 0
        for executor in reaped.keys.sorted() {
            while returned < limit, let number = reaped[executor]?.removeFirst() {
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

extension Duration {
    /// Whole microseconds, rounded down.
    var microseconds: Microseconds {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
