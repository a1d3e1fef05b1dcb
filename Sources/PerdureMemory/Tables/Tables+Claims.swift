internal import Perdure

/// The head of a queue of ready work; what is least is claimed first.
private struct ReadyHead: Sendable, Comparable {
    var returned: Bool
    var priority: Int16
    var ticket: Int64
    var queue: Int

    /// Returned work before fresh, then the lower priority number, then who waits longest.
    static func < (left: ReadyHead, right: ReadyHead) -> Bool {
        if left.returned != right.returned { return left.returned }
        if left.priority != right.priority { return left.priority < right.priority }
        return left.ticket < right.ticket
    }
}

extension Tables {
    mutating func claimReady(
        _ repertoire: Repertoire, limit: Int, by executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var heads = MinHeap<ReadyHead>()
        for name in repertoire.workflows {
            for queue in readyByName[name] ?? [] where repertoire.contains(lanes[queue / 2]) {
                if let head = readyHead(of: queue) { heads.insert(head) }
            }
        }
        var claimed: [Claimed] = []
        while claimed.count < limit, let head = heads.removeFirst(), let entry = ready[head.queue].first {
            claimed.append(claim(entry.number, by: executor))
            if let next = readyHead(of: head.queue) { heads.insert(next) }
        }
        return claimed
    }

    mutating func claimDue(
        _ repertoire: Repertoire, now: Microseconds, limit: Int, by executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var claimed: [Claimed] = []
        while claimed.count < limit, let entry = timed.first, entry.due <= now {
            _ = timed.removeFirst()
            if live[entry.number].isWaiting(for: entry) { claimed.append(wake(entry.number, repertoire, by: executor)) }
        }
        return claimed
    }

    mutating func claimArrived(
        _ numbers: [WorkflowNumber], _ repertoire: Repertoire, by executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var claimed: [Claimed] = []
        for number in numbers where isClaimable(number) {
            var one = endsUnrun(number) ? claim(number, by: executor) : wake(number, repertoire, by: executor)
            // What has arrived does not wait for a moment.
            live[number]?.due = nil
            one.due = nil
            claimed.append(one)
        }
        return claimed
    }

    /// What waits, and what is nobody's and is to end without running.
    private func isClaimable(_ number: WorkflowNumber) -> Bool {
        live[number]?.state == .waiting || endsUnrun(number)
    }

    private func endsUnrun(_ number: WorkflowNumber) -> Bool {
        guard let row = live[number], row.state != .owned else { return false }
        func has(_ kind: InboxKind) -> Bool { inbox[number]?.all.contains { $0.kind == kind } ?? false }
        return has(.terminate) || (row.state == .ready && !row.wasReturned && has(.cancel))
    }

    mutating func nextDue() -> Microseconds? {
        while let entry = timed.first {
            if live[entry.number].isWaiting(for: entry) { return entry.due }
            _ = timed.removeFirst()
        }
        return nil
    }

    private func readyHead(of queue: Int) -> ReadyHead? {
        guard let entry = ready[queue].first else { return nil }
        return ReadyHead(returned: queue % 2 == 1, priority: lanes[queue / 2].priority, ticket: entry.ticket, queue: queue)
    }

    /// What nobody here can run becomes ready for those who can.
    private mutating func wake(_ number: WorkflowNumber, _ repertoire: Repertoire, by executor: ExecutorID) -> Claimed {
        guard let row = live[number], !repertoire.contains(lanes[row.lane]) else { return claim(number, by: executor) }
        makeReady(number, returned: true)
        live[number]?.due = nil
        return Claimed(number: number, isServed: false)
    }

    private mutating func claim(_ number: WorkflowNumber, by executor: ExecutorID) -> Claimed {
        let isFresh = live[number].map { $0.state == .ready && !$0.wasReturned } ?? false
        makeOwned(number, by: executor)
        return Claimed(number: number, crashes: live[number]?.crashes ?? 0, due: live[number]?.due, isFresh: isFresh)
    }
}
