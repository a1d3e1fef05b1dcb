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
        workflows names: Set<String>, versions: Set<String>, limit: Int, by executor: ExecutorID
    ) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var heads = MinHeap<ReadyHead>()
        for name in names {
            for queue in readyByName[name] ?? [] where versions.contains(lanes[queue / 2].version) {
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

    mutating func claimDue(now: Microseconds, limit: Int, by executor: ExecutorID) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var claimed: [Claimed] = []
        while claimed.count < limit, let entry = timed.first, entry.due <= now {
            _ = timed.removeFirst()
            if live[entry.number].isWaiting(for: entry) { claimed.append(claim(entry.number, by: executor)) }
        }
        return claimed
    }

    mutating func claimArrived(_ numbers: [WorkflowNumber], by executor: ExecutorID) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var claimed: [Claimed] = []
        for number in numbers where isClaimable(number) {
            var one = claim(number, by: executor)
            // What has arrived does not wait for a moment.
            live[number]?.due = nil
            one.due = nil
            claimed.append(one)
        }
        return claimed
    }

    /// What waits, and what is nobody's and is to end without running.
    private func isClaimable(_ number: WorkflowNumber) -> Bool {
        guard let row = live[number] else { return false }
        func has(_ kind: InboxKind) -> Bool { inbox[number]?.all.contains { $0.kind == kind } ?? false }
        return switch row.state {
        case .owned: false
        case .waiting: true
        case .ready: has(.terminate) || (!row.wasReturned && has(.cancel))
        case .setAside: has(.terminate)
        }
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

    private mutating func claim(_ number: WorkflowNumber, by executor: ExecutorID) -> Claimed {
        let isFresh = live[number].map { $0.state == .ready && !$0.wasReturned } ?? false
        makeOwned(number, by: executor)
        return Claimed(number: number, crashes: live[number]?.crashes ?? 0, due: live[number]?.due, isFresh: isFresh)
    }
}
