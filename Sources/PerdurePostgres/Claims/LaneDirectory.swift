internal import Perdure

/// The numbers of lanes.
///
/// A lane is never changed or deleted, so what was looked up once holds. Its number is even; the lane of what was returned from it is the
/// next, odd one. Two who make the same lane at the same time make two, which is as good: a transaction that stays open holds up nobody.
final class LaneDirectory: Sendable {
    private let known = Lock<[Lane: Int64]>([:])
    private let find: Statement

    init(_ s: SchemaName) {
        find = Statement("perdure_lane_number", "SELECT \(s).lane_number($1::text, $2::text, $3::int4, $4::text, $5::text)")
    }

    /// Looks it up, and makes it if it is new, in a transaction of its own: `session` has none open.
    func number(of lane: Lane, _ session: Session) throws(StoreError) -> Int64 {
        if let number = known.withLock({ $0[lane] }) { return number }
        let number = try session.query(
            find, [.text(lane.queue), .text(lane.key), .int4(Int32(lane.priority)), .text(lane.workflow), .text(lane.version)]
        ).int(0, 0)
        known.withLock { $0[lane] = number }
        return number
    }
}
