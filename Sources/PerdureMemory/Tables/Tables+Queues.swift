internal import Perdure

/// The row of a queue.
struct StoredQueue: Sendable {
    var declared: QueueRules
    var changed: QueueLimits?
    var isPaused = false
    var pauseReason: String?
    var revision: Int64 = 1

    var rules: QueueRules {
        var rules = declared
        if let changed { rules.limits = changed }
        return rules
    }
}

extension Tables {
    /// Returns the rows as they were before, where they were others.
    mutating func declare(_ declared: [QueueRules], now: Microseconds) -> [QueueRow] {
        var before: [QueueRow] = []
        for rules in declared {
            guard let stored = queues[rules.name], let row = row(of: rules.name, now: now) else {
                queues[rules.name] = StoredQueue(declared: rules)
                continue
            }
            guard stored.declared.text != rules.text else { continue }
            before.append(row)
            queues[rules.name]?.declared = rules
            queues[rules.name]?.revision += 1
            // What holds a slot until its end would wait for a second one when it wakes.
            if stored.declared.slots == .untilEnd, rules.slots == .whileRunning { slots.free(ownOf: rules.name) }
        }
        return before
    }

    func rows(of names: [String]?, now: Microseconds) -> [QueueRow] {
        (names ?? Array(queues.keys)).sorted().compactMap { row(of: $0, now: now) }
    }

    func row(of name: String, now: Microseconds) -> QueueRow? {
        queues[name].map { queue in
            QueueRow(
                declared: queue.declared, changed: queue.changed, isPaused: queue.isPaused, pauseReason: queue.pauseReason,
                revision: queue.revision,
                engines: executors.values.count { $0.until > now && $0.repertoire.queues.contains(name) })
        }
    }

    mutating func changeQueue(_ name: String, _ change: QueueChange, now: Microseconds) throws(StoreError) -> QueueRow? {
        guard var queue = queues[name] else { return nil }
        switch change {
        case .limits(let limits, let revision):
            if let revision, revision != queue.revision { throw StoreError.queueChanged }
            queue.changed = limits
        case .pause(let reason): (queue.isPaused, queue.pauseReason) = (true, reason)
        case .resume: (queue.isPaused, queue.pauseReason) = (false, nil)
        }
        queue.revision += 1
        queues[name] = queue
        return row(of: name, now: now)
    }

    /// Looks at all that is open: no test has so much that it matters.
    func counts(of queue: String, now: Microseconds) -> QueueCounts {
        var counts = QueueCounts(items: items.reduce(0) { $0 + ($1.key.queue == queue ? $1.value.count : 0) })
        for (number, row) in live where lanes[row.lane].queue == queue {
            let isDelayed = row.hasNotBegun && (row.state == .waiting || row.due ?? .min > now)
            if isDelayed {
                counts.delayed += 1
            } else if row.state == .owned {
                counts.running += 1
            } else if row.state == .ready {
                counts.waiting += 1
                if let created = workflows[number]?.created { counts.oldest = min(counts.oldest ?? created, created) }
            }
        }
        return counts
    }

    /// What one that is ready waits for.
    func wait(of record: WorkflowRecord, isReturned: Bool, now: Microseconds) -> QueueWait {
        let lane = record.lane
        let alive = executors.values.filter { $0.until > now }.map(\.repertoire)
        if !alive.contains(where: { $0.workflows.contains(lane.workflow) && $0.versions.contains(lane.version) }) { return .noEngine }
        if lane.queue.isEmpty { return .turn }
        if !alive.contains(where: { $0.contains(lane) }) { return .unserved }
        guard let queue = queues[lane.queue] else { return .turn }
        if queue.isPaused, !isReturned { return .paused }
        // What has begun holds its slot until its end.
        if queue.rules.slots == .untilEnd, isReturned { return .turn }
        func isFull(_ limit: LimitID, _ capacity: Int?) -> Bool { capacity.map { slots.count(of: limit) >= $0 } ?? false }
        if isFull(LimitID(queue: lane.queue, key: lane.key), queue.rules.limits.perKey) { return .keyConcurrency }
        return isFull(LimitID(queue: lane.queue), queue.rules.limits.concurrency) ? .concurrency : .turn
    }

    /// Makes room under a key that is full.
    mutating func displace(
        _ request: DisplaceRequest, by executor: ExecutorID, now: Microseconds
    ) throws(StoreError) -> DisplaceReport {
        try checkFence(executor)
        guard queues[request.limit.queue]?.revision == request.revision, slots.count(of: request.limit) >= request.capacity else {
            return DisplaceReport()
        }
        let waiting = fresh(in: request.lanes, limit: 1_000, now: now)
        let leaving = request.cancels ? waiting.dropLast(request.capacity) : waiting[...]
        var report = DisplaceReport()
        for number in leaving { report.displaced.append(own(number, endsUnrun: true, by: executor)) }
        guard request.cancels else { return report }
        for number in slots.workflows(holding: request.limit).filter({ live[$0] != nil }).prefix(min(waiting.count, request.capacity)) {
            if inbox[number]?.all.contains(where: { $0.kind == .cancel }) == true { continue }
            deliver(InboxItem(workflow: number, kind: .cancel))
            report.cancelled.append(number)
        }
        return report
    }

    /// The oldest that may begin now.
    private func fresh(in lanes: [Int64], limit: Int, now: Microseconds) -> [WorkflowNumber] {
        let entries = lanes.filter { $0 % 2 == 0 && ready.indices.contains(Int($0)) }.flatMap { lane in
            ready[Int(lane)].all.lazy.filter { live[$0.number]?.due ?? .min <= now }.prefix(limit)
        }
        return entries.sorted { $0.ticket < $1.ticket }.prefix(limit).map(\.number)
    }
}
