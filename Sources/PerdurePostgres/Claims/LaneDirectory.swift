internal import Perdure

/// The numbers of lanes.
///
/// A lane is never changed or deleted, so what was looked up once holds.
///
/// A lane's number is even; the lane of what was returned from it is the next, odd one.
final class LaneDirectory: Sendable {
    private let known = Lock<[Lane: Int64]>([:])
    private let find: Statement
    private let insert: Statement

    init(_ s: SchemaName) {
        find = Statement(
            "perdure_find_lane",
            """
            SELECT lane FROM \(s).lanes WHERE queue = $1::text AND lane_key = $2::text AND priority = $3::int4 AND name = $4::text
                AND version = $5::text AND NOT returned
            """)
        insert = Statement(
            "perdure_insert_lane",
            """
            WITH n AS MATERIALIZED (SELECT nextval('\(s.forRegclass("lane_numbers"))') AS lane)
            INSERT INTO \(s).lanes (lane, queue, lane_key, priority, name, version, returned)
            SELECT n.lane + r, $1::text, $2::text, $3::int4, $4::text, $5::text, r = 1 FROM n, generate_series(0, 1) r ORDER BY r
            ON CONFLICT DO NOTHING
            """)
    }

    /// Looks it up, and makes it if it is new, in a transaction of its own: `session` has none open.
    func number(of lane: Lane, _ session: Session) throws(StoreError) -> Int64 {
        if let number = known.withLock({ $0[lane] }) { return number }
        let parameters: [ParameterBuffer?] = [
            try .text(lane.queue), try .text(lane.key), .int4(Int32(lane.priority)), try .text(lane.workflow), try .text(lane.version),
        ]
        var rows = try session.query(find, parameters)
        if rows.count == 0 {
            // Somebody's open transaction may be making the same lane: that is not waited for.
            try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = '1s'")
                try session.query(insert, parameters)
            }
            rows = try session.query(find, parameters)
        }
        guard rows.count > 0 else { throw StoreError(.transient, "a lane that was just made is not there") }
        let number = rows.int(0, 0)
        known.withLock { $0[lane] = number }
        return number
    }
}
