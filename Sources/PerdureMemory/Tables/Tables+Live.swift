internal import Perdure

// The transitions of a row of `live`. Each takes the row out of the index of its old state and puts it into that of the new one.
extension Tables {
    mutating func insertReady(_ record: WorkflowRecord, returned: Bool = false) {
        live[record.number] = LiveRow(
            lane: laneNumber(record.lane), state: .setAside, due: record.due, expires: returned ? nil : record.expires, crashes: 0)
        makeReady(record.number, returned: returned)
        watchExpiry(of: record.number)
    }

    mutating func insertOwned(_ record: WorkflowRecord, by executor: ExecutorID) {
        live[record.number] = LiveRow(lane: laneNumber(record.lane), state: .setAside, due: record.due, crashes: 0)
        makeOwned(record.number, by: executor)
    }

    func isOwned(_ number: WorkflowNumber, by executor: ExecutorID) -> Bool {
        guard let row = live[number] else { return false }
        return row.state == .owned && row.executor == executor
    }

    mutating func makeReady(_ number: WorkflowNumber, returned: Bool) {
        guard var row = live[number] else { return }
        leave(number, row)
        lastTicket += 1
        row.state = .ready
        row.executor = nil
        row.ticket = lastTicket
        row.wasReturned = returned
        row.probation = nil
        live[number] = row
        if ready[row.queue].isEmpty { readyByName[lanes[row.lane].workflow, default: []].insert(row.queue) }
        ready[row.queue].append(ReadyEntry(ticket: lastTicket, number: number))
    }

    mutating func makeOwned(_ number: WorkflowNumber, by executor: ExecutorID) {
        guard var row = live[number] else { return }
        leave(number, row)
        // What is claimed waits for no moment any more.
        if row.state != .setAside { (row.due, row.expires) = (nil, nil) }
        row.state = .owned
        row.executor = executor
        live[number] = row
        asides[number] = nil
        owned[executor, default: []].insert(number)
    }

    /// Unloaded by the executor that had it: whatever took engines down with it is behind it.
    mutating func suspend(_ number: WorkflowNumber, due: Microseconds) {
        live[number]?.crashes = 0
        live[number]?.wasReturned = true
        makeWaiting(number, due: due)
    }

    mutating func makeWaiting(_ number: WorkflowNumber, due: Microseconds) {
        guard var row = live[number] else { return }
        leave(number, row)
        row.state = .waiting
        (row.executor, row.probation, row.endsUnrun) = (nil, nil, false)
        row.due = due
        live[number] = row
        guard due != .max else { return }
        timedRows += 1
        timed.insert(TimedEntry(due: due, number: number))
    }

    mutating func setAside(_ number: WorkflowNumber, reason: String) {
        guard var row = live[number] else { return }
        leave(number, row)
        row.state = .setAside
        (row.executor, row.probation, row.endsUnrun) = (nil, nil, false)
        live[number] = row
        asides[number] = reason
    }

    mutating func removeLive(_ number: WorkflowNumber) {
        guard let row = live.removeValue(forKey: number) else { return }
        leave(number, row)
        asides[number] = nil
    }

    /// Back to ready by an operator, who has looked: at once, and with the crashes forgiven, or the next claim would set it aside again.
    mutating func resume(_ asked: WorkflowNumber) -> Bool {
        let number = newestRun(of: asked)
        guard live[number]?.state == .setAside else { return resumePaused(number) }
        live[number]?.crashes = 0
        live[number]?.due = nil
        asides[number] = nil
        makeReady(number, returned: true)
        return true
    }

    mutating func leave(_ number: WorkflowNumber, _ row: LiveRow) {
        switch row.state {
        case .setAside, .paused: break
        case .suspect: suspects.remove(number)
        case .ready:
            guard let index = ready[row.queue].index(of: row.ticket, by: { $0.ticket }) else { return }
            ready[row.queue].remove(at: index)
            if ready[row.queue].isEmpty { readyByName[lanes[row.lane].workflow]?.remove(row.queue) }
        case .owned:
            guard let executor = row.executor else { return }
            owned[executor]?.remove(number)
        case .waiting:
            guard let due = row.due, due != .max else { return }
            timedRows -= 1
            // Its entry in the heap stays until it comes up, or until the stale ones are the most.
            guard timed.count > 2 * timedRows + 64 else { return }
            timed.keep { [live] entry in entry.number != number && live[entry.number].isWaiting(for: entry) }
        }
    }

    /// It ends at its moment, unless it has begun.
    mutating func watchExpiry(of number: WorkflowNumber) {
        guard let expires = live[number]?.expires else { return }
        expiring.insert(TimedEntry(due: expires, number: number))
        guard expiring.count > 2 * live.count + 64 else { return }
        expiring.keep { [live] in live[$0.number].expires(at: $0) }
    }
}

extension LiveRow? {
    /// Whether an entry of the heap still says the truth.
    func isWaiting(for entry: TimedEntry) -> Bool {
        guard let self else { return false }
        return self.state == .waiting && self.due == entry.due
    }

    /// The same of the heap of those that expire.
    func expires(at entry: TimedEntry) -> Bool {
        guard let self else { return false }
        return self.hasNotBegun && self.expires == entry.due
    }
}
