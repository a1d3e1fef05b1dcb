internal import Perdure

/// The head of a queue of ready work; who waits longest is claimed first.
private struct ReadyHead: Sendable, Comparable {
    var ticket: Int64
    var queue: Int

    static func < (left: ReadyHead, right: ReadyHead) -> Bool { left.ticket < right.ticket }
}

extension Tables {
    /// The lanes of the repertoire in which something is ready.
    func scout(_ repertoire: Repertoire) -> [ReadyLane] {
        var found: [ReadyLane] = []
        for name in repertoire.workflows {
            for queue in readyByName[name] ?? [] where repertoire.contains(lanes[queue / 2]) {
                found.append(ReadyLane(number: Int64(queue), lane: lanes[queue / 2], isReturned: queue % 2 == 1))
            }
        }
        return found.sorted { $0.number < $1.number }
    }

    mutating func claim(_ request: ClaimRequest, by executor: ExecutorID, now: Microseconds) throws(StoreError) -> ClaimReport {
        try checkFence(executor)
        var standings: [String: QueueStanding] = [:]
        for name in request.revisions.keys {
            standings[name] = queues[name].map { QueueStanding(revision: $0.revision, isPaused: $0.isPaused) }
        }
        var ledger = ClaimLedger(request, queues: standings)
        var taken: [Slot] = []
        for wish in ledger.slotWishes { taken += slots.take(wish, by: executor) }
        ledger.fund(slots: taken, windows: rates, now: now)
        for index in ledger.served {
            let (claimed, hasMore) = claim(ledger.limit(of: index), of: request.asks[index].lanes, now: request.now, by: executor)
            ledger.serve(index, claimed, hasMore: hasMore)
        }
        let settlement = ledger.settled()
        for (limit, window) in settlement.windows { rates[limit] = window }
        for (slot, number) in settlement.given { slots.give(slot, of: executor, to: number) }
        for slot in settlement.unused { slots.free(slot, of: executor) }
        return settlement.report
    }

    /// The oldest of these lanes together, and whether they hold more.
    private mutating func claim(
        _ limit: Int, of lanes: [Int64], now: Microseconds, by executor: ExecutorID
    ) -> (claimed: [Claimed], hasMore: Bool) {
        var heads = MinHeap<ReadyHead>()
        for lane in lanes {
            if let head = readyHead(of: Int(lane)) { heads.insert(head) }
        }
        var claimed: [Claimed] = []
        while claimed.count < limit, let head = heads.removeFirst(), let entry = ready[head.queue].first {
            claimed.append(begin(entry.number, now: now, by: executor))
            if let next = readyHead(of: head.queue) { heads.insert(next) }
        }
        return (claimed, !heads.isEmpty)
    }

    private func readyHead(of queue: Int) -> ReadyHead? {
        guard ready.indices.contains(queue), let entry = ready[queue].first else { return nil }
        return ReadyHead(ticket: entry.ticket, queue: queue)
    }

    /// What is not to begin yet waits for its moment, and is nobody's.
    private mutating func begin(_ number: WorkflowNumber, now: Microseconds, by executor: ExecutorID) -> Claimed {
        guard let row = live[number] else { return Claimed(number: number) }
        if let due = row.due, due > now {
            makeWaiting(number, due: due)
            return Claimed(number: number, crashes: row.crashes, due: due, isFresh: row.hasNotBegun)
        }
        let isExpired = row.hasNotBegun && row.expires ?? .max <= now
        return own(number, isExpired: isExpired, endsUnrun: isExpired, by: executor)
    }

    mutating func claimExpired(now: Microseconds, limit: Int, by executor: ExecutorID) throws(StoreError) -> [Claimed] {
        try checkFence(executor)
        var claimed: [Claimed] = []
        while claimed.count < limit, let entry = expiring.first, entry.due <= now {
            _ = expiring.removeFirst()
            if live[entry.number].expires(at: entry) { claimed.append(own(entry.number, isExpired: true, endsUnrun: true, by: executor)) }
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
        for number in numbers {
            let isRoused = isRoused(number, repertoire)
            guard isRoused || isClaimable(number) else { continue }
            if endsUnrun(number) {
                claimed.append(own(number, endsUnrun: true, by: executor))
            } else {
                claimed.append(isRoused ? own(number, by: executor) : wake(number, repertoire, by: executor))
            }
            // What has arrived does not wait for a moment.
            live[number]?.due = nil
        }
        return claimed
    }

    /// What waits, and what is nobody's and is to end without running.
    private func isClaimable(_ number: WorkflowNumber) -> Bool {
        guard let state = live[number]?.state else { return false }
        return state == .waiting || endsUnrun(number) || (state == .paused && has(.cancel, number))
    }

    /// Of a type that is paused, and cancelled: that is not waited out.
    private func isRoused(_ number: WorkflowNumber, _ repertoire: Repertoire) -> Bool {
        guard let row = live[number], [.ready, .waiting, .paused].contains(row.state) else { return false }
        return repertoire.runsCancelled(lanes[row.lane]) && has(.cancel, number)
    }

    private func has(_ kind: InboxKind, _ number: WorkflowNumber) -> Bool {
        inbox[number]?.all.contains { $0.kind == kind } ?? false
    }

    private func endsUnrun(_ number: WorkflowNumber) -> Bool {
        guard let row = live[number], row.state != .owned else { return false }
        return has(.terminate, number) || (row.isFresh && has(.cancel, number))
    }

    mutating func nextDue() -> Microseconds? {
        while let entry = timed.first {
            if live[entry.number].isWaiting(for: entry) { return entry.due }
            _ = timed.removeFirst()
        }
        return nil
    }

    /// What nobody here can run, and what has to take its turn in a queue, becomes ready: behind those that are.
    private mutating func wake(_ number: WorkflowNumber, _ repertoire: Repertoire, by executor: ExecutorID) -> Claimed {
        guard let row = live[number] else { return Claimed(number: number) }
        let lane = lanes[row.lane]
        let isAtOnce = row.wasReturned ? repertoire.wakes(lane) : lane.queue.isEmpty && repertoire.contains(lane)
        if isAtOnce { return own(number, by: executor) }
        makeReady(number, returned: row.wasReturned)
        live[number]?.due = nil
        return Claimed(number: number, isServed: false)
    }

    /// - Parameter endsUnrun: If it has not begun it is as fresh as before, should its executor not come to end it.
    mutating func own(
        _ number: WorkflowNumber, isExpired: Bool = false, endsUnrun: Bool = false, by executor: ExecutorID
    ) -> Claimed {
        let (isFresh, expires) = (live[number]?.isFresh ?? false, live[number]?.expires)
        makeOwned(number, by: executor)
        if endsUnrun, isFresh {
            live[number]?.endsUnrun = true
            live[number]?.expires = expires
        }
        return Claimed(number: number, crashes: live[number]?.crashes ?? 0, isFresh: isFresh, isExpired: isExpired)
    }
}
