internal import Perdure

extension Query {
    fileprivate static let insert = Query("INSERT INTO perdure_items (lane, created, payload, codec) VALUES (?1, ?2, ?3, ?4)")
    /// From lane to lane through the index, whatever number of items they hold.
    fileprivate static let nextLane = Query("SELECT lane FROM perdure_items WHERE lane > ?1 ORDER BY lane LIMIT 1")
    fileprivate static let count = Query(
        "SELECT count(*) FROM perdure_lanes AS n JOIN perdure_items AS i ON i.lane = n.lane WHERE n.queue = ?1")
    fileprivate static let oldest = Query("SELECT created FROM perdure_items WHERE lane = ?1 ORDER BY item LIMIT 1")
    fileprivate static let hasMany = Query("SELECT 1 FROM perdure_items WHERE lane = ?1 ORDER BY item LIMIT 1 OFFSET ?2")
    fileprivate static let items = Query("SELECT item, payload, created FROM perdure_items WHERE lane = ?1 ORDER BY item LIMIT ?2")
    fileprivate static let delete = Query("DELETE FROM perdure_items WHERE lane = ?1 AND item <= ?2")
}

/// A lane with items, and what is wished of them.
struct ItemGroup {
    var number: Int64
    var lane: Lane
    var wish: BatchWish
}

extension Connection {
    func add(_ items: [BatchItem]) throws(StoreError) {
        for item in items {
            try item.lane.check()
            let statement = try prepared(.insert)
            statement.bind(1, try number(of: item.lane))
            statement.bind(2, item.created)
            try statement.bind(3, item.payload)
            try statement.run()
        }
    }

    func items(in queue: String) throws(StoreError) -> Int {
        let statement = try prepared(.count)
        try statement.bind(1, queue)
        return Int(try statement.first { $0.int(0) } ?? 0)
    }

    func itemGroups(_ wishes: [BatchWish]) throws(StoreError) -> [ItemGroup] {
        var groups: [ItemGroup] = []
        let statement = try prepared(.nextLane)
        var last = Int64.min
        while true {
            statement.bind(1, last)
            guard let number = try statement.first({ $0.int(0) }) else { return groups }
            last = number
            guard let lane = try lane(number)?.lane, let wish = wishes.first(where: { $0.queue == lane.queue }) else { continue }
            groups.append(ItemGroup(number: number, lane: lane, wish: wish))
        }
    }

    /// When it is to become a workflow: long ago if it has enough items; nil if it has none.
    func due(_ group: ItemGroup) throws(StoreError) -> Microseconds? {
        let oldest = try prepared(.oldest)
        oldest.bind(1, group.number)
        guard let created = try oldest.first({ $0.int(0) }) else { return nil }
        let many = try prepared(.hasMany)
        many.bind(1, group.number)
        many.bind(2, Int64(max(0, group.wish.size - 1)))
        if try many.first({ _ in true }) == true { return .min }
        return created.addingSaturating(group.wish.within)
    }

    /// One workflow of its oldest items.
    func make(of group: ItemGroup, now: Microseconds, time: Microseconds) throws(StoreError) {
        let statement = try prepared(.items)
        statement.bind(1, group.number)
        statement.bind(2, Int64(group.wish.size))
        var (items, bytes, last): ([[UInt8]], Int, Int64) = ([], 0, 0)
        var oldest = now
        defer { statement.reset() }
        while try statement.step() {
            let payload = statement.bytes(1)
            bytes += payload.count
            if !items.isEmpty, bytes > BatchItem.mostBytes { break }
            items.append(payload)
            oldest = min(oldest, statement.int(2))
            last = statement.int(0)
        }
        statement.reset()
        let number = try numberBlock(of: 1, now: time).first
        var record = WorkflowRecord(number: number, lane: group.lane, input: BatchItem.array(items), created: now)
        record.expires = group.wish.expiry.map { oldest.addingSaturating($0) }
        _ = try insert(record, owner: nil)
        let delete = try prepared(.delete)
        delete.bind(1, group.number)
        delete.bind(2, last)
        try delete.run()
    }
}
