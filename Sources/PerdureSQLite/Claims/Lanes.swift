internal import Perdure

/// A row of `lanes`: work that was returned is a lane of its own, claimed before fresh work.
struct StoredLane: Hashable {
    var lane: Lane
    var returned: Bool

    /// Byte by byte, as in the table: Swift takes two spellings of "é" for the same text.
    private var bytes: [UInt8] {
        var bytes: [UInt8] = [returned ? 1 : 2]
        bytes += String(lane.priority).utf8
        bytes.append(0)
        for text in [lane.queue, lane.key, lane.workflow, lane.version] {
            bytes += text.utf8
            bytes.append(0)
        }
        return bytes
    }

    static func == (left: StoredLane, right: StoredLane) -> Bool { left.bytes == right.bytes }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

/// The lanes that a connection knows; the rows are never changed.
struct LaneCache {
    private var numbers: [StoredLane: Int64] = [:]
    private var lanes: [Int64: StoredLane] = [:]

    func number(of lane: StoredLane) -> Int64? { numbers[lane] }
    func lane(_ number: Int64) -> StoredLane? { lanes[number] }

    mutating func insert(_ lane: StoredLane, _ number: Int64) {
        // Keys of lanes are the user's, so there may be any number of them.
        if lanes.count > 20_000 { self = LaneCache() }
        numbers[lane] = number
        lanes[number] = lane
    }
}

extension Query {
    fileprivate static let findLane = Query(
        """
        SELECT lane FROM perdure_lanes
        WHERE queue = ?1 AND lane_key = ?2 AND priority = ?3 AND name = ?4 AND version = ?5 AND returned = ?6
        """)
    fileprivate static let insertLane = Query(
        """
        INSERT INTO perdure_lanes (queue, lane_key, priority, name, version, returned) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING lane
        """)
    fileprivate static let lane = Query(
        "SELECT queue, lane_key, priority, name, version, returned FROM perdure_lanes WHERE lane = ?1")
}

extension Connection {
    /// The number of a lane, which is made if it is new.
    func number(of lane: Lane, returned: Bool = false) throws(StoreError) -> Int64 {
        let stored = StoredLane(lane: lane, returned: returned)
        if let number = lanes.number(of: stored) { return number }
        for query in [Query.findLane, .insertLane] {
            let statement = try prepared(query)
            try statement.bind(1, lane.queue)
            try statement.bind(2, lane.key)
            statement.bind(3, Int64(lane.priority))
            try statement.bind(4, lane.workflow)
            try statement.bind(5, lane.version)
            statement.bind(6, returned ? 1 : 0)
            if let number = try statement.first({ $0.int(0) }) {
                lanes.insert(stored, number)
                return number
            }
        }
        throw StoreError(.rejected, "a lane could not be written")
    }

    /// Nil if there is no such row (it was deleted by hand).
    func lane(_ number: Int64) throws(StoreError) -> StoredLane? {
        if let lane = lanes.lane(number) { return lane }
        let statement = try prepared(.lane)
        statement.bind(1, number)
        let found = try statement.first { row in
            StoredLane(
                lane: Lane(
                    queue: row.text(0), key: row.text(1), priority: Int16(clamping: row.int(2)), workflow: row.text(3), version: row.text(4)
                ),
                returned: row.int(5) != 0)
        }
        if let found { lanes.insert(found, number) }
        return found
    }

    /// The lane in which work of `lane` is returned.
    func returnLane(of number: Int64) throws(StoreError) -> Int64 {
        guard let found = try lane(number), !found.returned else { return number }
        return try self.number(of: found.lane, returned: true)
    }
}
