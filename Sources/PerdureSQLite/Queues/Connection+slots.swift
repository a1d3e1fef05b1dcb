internal import Perdure

extension Query {
    fileprivate static let taken = Query(
        "SELECT slot FROM perdure_slots WHERE queue = ?1 AND is_key = ?2 AND lane_key = ?3 ORDER BY slot")
    fileprivate static let count = Query("SELECT count(*) FROM perdure_slots WHERE queue = ?1 AND is_key = ?2 AND lane_key = ?3")
    fileprivate static let insert = Query(
        "INSERT INTO perdure_slots (queue, is_key, lane_key, slot, executor) VALUES (?1, ?2, ?3, ?4, ?5)")
    fileprivate static let give = Query(
        """
        UPDATE perdure_slots SET executor = NULL, workflow = ?5 WHERE queue = ?1 AND is_key = ?2 AND lane_key = ?3 AND slot = ?4
        """)
    fileprivate static let free = Query(
        """
        DELETE FROM perdure_slots
        WHERE queue = ?1 AND is_key = ?2 AND lane_key = ?3 AND slot = ?4 AND executor = ?5 AND workflow IS NULL
        """)
    fileprivate static let ofExecutor = Query(
        """
        SELECT queue, is_key, lane_key, slot FROM perdure_slots WHERE executor = ?1 AND workflow IS NULL
        ORDER BY queue, is_key, lane_key, slot
        """)
    fileprivate static let freeOfExecutor = Query("DELETE FROM perdure_slots WHERE executor = ?1 AND workflow IS NULL")
    fileprivate static let freeOfWorkflow = Query("DELETE FROM perdure_slots WHERE workflow = ?1")
    fileprivate static let freeOwn = Query("DELETE FROM perdure_slots WHERE queue = ?1 AND workflow IS NOT NULL")
    fileprivate static let holders = Query(
        """
        SELECT s.workflow, EXISTS (SELECT 1 FROM perdure_inbox AS i WHERE i.workflow = s.workflow AND i.kind = 1)
        FROM perdure_slots AS s JOIN perdure_live AS l ON l.number = s.workflow
        WHERE s.queue = ?1 AND s.is_key = ?2 AND s.lane_key = ?3 ORDER BY s.workflow LIMIT ?4
        """)
    fileprivate static let rate = Query("SELECT starts FROM perdure_rates WHERE queue = ?1 AND is_key = ?2 AND lane_key = ?3")
    fileprivate static let setRate = Query(
        """
        INSERT INTO perdure_rates (queue, is_key, lane_key, starts) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET starts = excluded.starts
        """)
}

extension Statement {
    /// In three places.
    fileprivate func bind(_ limit: LimitID) throws(StoreError) {
        try bind(1, limit.queue)
        bind(2, limit.key == nil ? 0 : 1)
        try bind(3, limit.key ?? "")
    }

    fileprivate func bind(_ slot: Slot) throws(StoreError) {
        try bind(slot.limit)
        bind(4, Int64(slot.index))
    }
}

// What is limited: slots, and starts in a stretch of time.
extension Connection {
    /// The lowest that are free, as many as are wished for; never more than the limit together with those that are held.
    func take(_ wish: SlotWish, for executor: ExecutorID) throws(StoreError) -> [Slot] {
        let statement = try prepared(.taken)
        try statement.bind(wish.limit)
        let held = try statement.all { $0.int(0) }
        let most = min(wish.wanted, wish.capacity - held.count)
        var taken: [Slot] = []
        var next = held[...]
        var index: Int64 = 0
        while taken.count < most, index < wish.capacity {
            if next.first == index { next.removeFirst() } else { taken.append(Slot(limit: wish.limit, index: Int32(index))) }
            index += 1
        }
        for slot in taken {
            let insert = try prepared(.insert)
            try insert.bind(slot)
            insert.bind(5, executor)
            try insert.run()
        }
        return taken
    }

    /// It is the workflow's own from now on.
    func give(_ slot: Slot, to workflow: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.give)
        try statement.bind(slot)
        statement.bind(5, workflow)
        try statement.run()
    }

    func free(_ slot: Slot, of executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.free)
        try statement.bind(slot)
        statement.bind(5, executor)
        try statement.run()
    }

    func slots(of executor: ExecutorID) throws(StoreError) -> [Slot] {
        let statement = try prepared(.ofExecutor)
        statement.bind(1, executor)
        return try statement.all { row in
            Slot(limit: LimitID(queue: row.text(0), key: row.int(1) == 0 ? nil : row.text(2)), index: Int32(clamping: row.int(3)))
        }
    }

    func count(of limit: LimitID) throws(StoreError) -> Int {
        let statement = try prepared(.count)
        try statement.bind(limit)
        return try statement.first { Int($0.int(0)) } ?? 0
    }

    /// The oldest of those that have slots of their own and are open, and whether they were asked to cancel.
    func workflows(holding limit: LimitID, most: Int) throws(StoreError) -> [(number: WorkflowNumber, isCancelled: Bool)] {
        let statement = try prepared(.holders)
        try statement.bind(limit)
        statement.bind(4, Int64(most))
        return try statement.all { ($0.int(0), $0.int(1) != 0) }
    }

    func freeSlots(of workflow: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.freeOfWorkflow)
        statement.bind(1, workflow)
        try statement.run()
    }

    /// Those that are its own; what is its workflows' stays.
    func freeSlots(allOf executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.freeOfExecutor)
        statement.bind(1, executor)
        try statement.run()
    }

    /// All that workflows of a queue hold.
    func freeSlots(ownOf queue: String) throws(StoreError) {
        let statement = try prepared(.freeOwn)
        try statement.bind(1, queue)
        try statement.run()
    }

    func rateWindow(of limit: LimitID) throws(StoreError) -> RateWindow? {
        let statement = try prepared(.rate)
        try statement.bind(limit)
        return try statement.first { RateWindow($0.text(0)) }
    }

    func write(_ window: RateWindow, of limit: LimitID) throws(StoreError) {
        let statement = try prepared(.setRate)
        try statement.bind(limit)
        try statement.bind(4, window.text)
        try statement.run()
    }
}
