internal import Perdure

extension Query {
    fileprivate static let insert = Query("INSERT INTO perdure_queues (name, declared, revision) VALUES (?1, ?2, 1)")
    fileprivate static let declared = Query("SELECT declared FROM perdure_queues WHERE name = ?1")
    fileprivate static let redeclare = Query("UPDATE perdure_queues SET declared = ?2, revision = revision + 1 WHERE name = ?1")
    fileprivate static let setLimits = Query("UPDATE perdure_queues SET changed = ?2, revision = revision + 1 WHERE name = ?1")
    fileprivate static let setPaused = Query(
        "UPDATE perdure_queues SET paused = ?2, pause_reason = ?3, revision = revision + 1 WHERE name = ?1")
    fileprivate static let names = Query("SELECT name FROM perdure_queues ORDER BY name")
    fileprivate static let row = Query(
        """
        SELECT declared, changed, paused, pause_reason, revision, (
            SELECT count(*) FROM perdure_served_queues AS v JOIN perdure_executors AS e ON e.executor = v.executor
            WHERE v.queue = name AND e.lease_until > ?2)
        FROM perdure_queues WHERE name = ?1
        """)
    fileprivate static let readyCounts = Query(
        """
        SELECT total(l.due IS NULL OR l.due <= ?2), total(l.due > ?2)
        FROM perdure_lanes AS n CROSS JOIN perdure_live AS l ON l.lane = n.lane AND l.state = 0 WHERE n.queue = ?1
        """)
    fileprivate static let otherCounts = Query(
        """
        SELECT total(l.state = 1), total(l.state = 2 AND n.returned = 0)
        FROM perdure_live AS l JOIN perdure_lanes AS n ON n.lane = l.lane WHERE l.state IN (1, 2) AND n.queue = ?1
        """)
    /// The first of each lane, without a look at the others.
    fileprivate static let oldest = Query(
        """
        SELECT min((SELECT w.created FROM perdure_live AS l JOIN perdure_workflows AS w ON w.number = l.number
            WHERE l.lane = n.lane AND l.state = 0 AND (l.due IS NULL OR l.due <= ?2) ORDER BY l.turn LIMIT 1))
        FROM perdure_lanes AS n WHERE n.queue = ?1
        """)
    fileprivate static let serves = Query(
        """
        SELECT EXISTS (SELECT 1 FROM perdure_served_queues AS q WHERE q.executor = v.executor AND q.queue = ?4)
        FROM perdure_served AS v JOIN perdure_executors AS e ON e.executor = v.executor
        WHERE v.name = ?1 AND v.version = ?2 AND e.lease_until > ?3 ORDER BY 1 DESC LIMIT 1
        """)
}

extension Connection {
    /// As it is stored; nil if nothing is.
    func declaration(of name: String) throws(StoreError) -> String? {
        let statement = try prepared(.declared)
        try statement.bind(1, name)
        return try statement.first { $0.text(0) }
    }

    /// What there was before, if it was another.
    func declare(_ rules: QueueRules, now: Microseconds) throws(StoreError) -> QueueRow? {
        try StoreError.checkNUL(rules.name, "the name of a queue")
        let former = try declaration(of: rules.name)
        if former == rules.text { return nil }
        let before = try row(of: rules.name, now: now)
        let statement = try prepared(former == nil ? .insert : .redeclare)
        try statement.bind(1, rules.name)
        try statement.bind(2, rules.text)
        try statement.run()
        // What holds a slot until its end would wait for a second one when it wakes.
        if before?.declared.slots == .untilEnd, rules.slots == .whileRunning { try freeSlots(ownOf: rules.name) }
        return before
    }

    /// nil if there is no such queue, or nobody understands what is declared.
    func row(of name: String, now: Microseconds) throws(StoreError) -> QueueRow? {
        let statement = try prepared(.row)
        try statement.bind(1, name)
        statement.bind(2, now)
        return try statement.first { row in
            QueueRow(
                declared: row.text(0), changed: row.optionalText(1), isPaused: row.int(2) != 0, pauseReason: row.optionalText(3),
                revision: row.int(4), engines: Int(row.int(5)))
        } ?? nil
    }

    func rows(of names: [String]?, now: Microseconds) throws(StoreError) -> [QueueRow] {
        var rows: [QueueRow] = []
        let found: [String]
        if let names { found = names } else { found = try prepared(.names).all { $0.text(0) } }
        for name in found {
            if let row = try row(of: name, now: now) { rows.append(row) }
        }
        return rows.sorted { $0.name < $1.name }
    }

    func change(_ name: String, _ change: QueueChange, now: Microseconds) throws(StoreError) -> QueueRow? {
        let statement: Statement
        switch change {
        case .limits(let limits, let revision):
            if let revision, let found = try row(of: name, now: now), found.revision != revision { throw StoreError.queueChanged }
            statement = try prepared(.setLimits)
            try statement.bind(2, limits?.text)
        case .pause(let reason):
            statement = try prepared(.setPaused)
            statement.bind(2, 1)
            try statement.bind(3, reason)
        case .resume:
            statement = try prepared(.setPaused)
            statement.bind(2, 0)
            statement.bind(3, Int64?.none)
        }
        try statement.bind(1, name)
        try statement.run()
        return try row(of: name, now: now)
    }

    func counts(of queue: String, now: Microseconds) throws(StoreError) -> QueueCounts {
        func pair(_ query: Query) throws(StoreError) -> (Int, Int) {
            let statement = try prepared(query)
            try statement.bind(1, queue)
            if query.identity == Query.readyCounts.identity { statement.bind(2, now) }
            return try statement.first { (Int($0.int(0)), Int($0.int(1))) } ?? (0, 0)
        }
        let (waiting, notYet) = try pair(.readyCounts)
        let (running, delayed) = try pair(.otherCounts)
        let oldest = try prepared(.oldest)
        try oldest.bind(1, queue)
        oldest.bind(2, now)
        return QueueCounts(
            waiting: waiting, delayed: notYet + delayed, running: running, oldest: try oldest.first { $0.optionalInt(0) } ?? nil,
            items: try items(in: queue))
    }

    /// nil: no live engine runs its type and version; false: none that does takes work from its queue.
    private func service(of lane: Lane, now: Microseconds) throws(StoreError) -> Bool? {
        let statement = try prepared(.serves)
        try statement.bind(1, lane.workflow)
        try statement.bind(2, lane.version)
        statement.bind(3, now)
        try statement.bind(4, lane.queue)
        return try statement.first { $0.int(0) != 0 || lane.queue.isEmpty }
    }

    func isServed(_ lane: Lane, now: Microseconds) throws(StoreError) -> Bool { try service(of: lane, now: now) ?? false }

    /// What one that is ready waits for.
    func wait(of lane: Lane, isReturned: Bool, now: Microseconds) throws(StoreError) -> QueueWait {
        guard let isServed = try service(of: lane, now: now) else { return .noEngine }
        if lane.queue.isEmpty { return .turn }
        if !isServed { return .unserved }
        guard let queue = try row(of: lane.queue, now: now) else { return .turn }
        if queue.isPaused, !isReturned { return .paused }
        // What has begun holds its slot until its end.
        if queue.rules.slots == .untilEnd, isReturned { return .turn }
        func isFull(_ limit: LimitID, _ capacity: Int?) throws(StoreError) -> Bool {
            guard let capacity else { return false }
            return try count(of: limit) >= capacity
        }
        if try isFull(LimitID(queue: lane.queue, key: lane.key), queue.rules.limits.perKey) { return .keyConcurrency }
        return try isFull(LimitID(queue: lane.queue), queue.rules.limits.concurrency) ? .concurrency : .turn
    }
}
