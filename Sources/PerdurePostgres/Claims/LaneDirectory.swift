internal import Perdure

/// The numbers of lanes.
///
/// A lane is never changed or deleted, so what was looked up once holds. Its number is even; the lane of what was returned from it is the
/// next, odd one. Two who make the same lane at the same time make two, which is as good: a transaction that stays open holds up nobody.
final class LaneDirectory: Sendable {
    /// Keys are the user's, so there may be any number of lanes.
    private static let limit = 50_000

    private let known = Lock<[Lane: Int64]>([:])
    private let find: Statement

    init(_ s: SchemaName) {
        find = Statement(
            "perdure_lane_numbers", "SELECT \(s).lane_numbers($1::text[], $2::text[], $3::int4[], $4::text[], $5::text[])")
    }

    func number(of lane: Lane, _ session: Session) throws(StoreError) -> Int64 {
        if let number = known.withLock({ $0[lane] }) { return number }
        return try numbers(of: [lane], session)[lane] ?? 0
    }

    /// Looks them up, and makes those that are new, in a transaction of its own: `session` has none open.
    func numbers(of lanes: Set<Lane>, _ session: Session) throws(StoreError) -> [Lane: Int64] {
        var found: [Lane: Int64] = [:]
        known.withLock { known in
            for lane in lanes { found[lane] = known[lane] }
        }
        let new = lanes.filter { found[$0] == nil }
        if new.isEmpty { return found }
        let list = Array(new)
        let priorities = Column(PostgresType.int4)
        for lane in list { priorities.append(Int32(lane.priority)) }
        let rows = try session.query(
            find,
            [
                .texts(list.map(\.queue)), .texts(list.map(\.key)), priorities.sealed, .texts(list.map(\.workflow)),
                .texts(list.map(\.version)),
            ])
        for (index, lane) in list.enumerated() { found[lane] = rows.int(index, 0) }
        known.withLock { known in
            if known.count + list.count > Self.limit { known = [:] }
            for lane in list { known[lane] = found[lane] }
        }
        return found
    }
}
