internal import Perdure

/// A row of `live` that is ready.
struct ReadyRow {
    var number: WorkflowNumber
    var lane: Int64
    var turn: Int64
    var crashes: Int
    var due: Microseconds?
    var expires: Microseconds?
}

extension Query {
    fileprivate static let readyOfLane = Query(
        """
        SELECT number, lane, turn, crashes, due, expires FROM perdure_live
        WHERE state = 0 AND lane = ?1 AND turn > ?2 ORDER BY turn LIMIT ?3
        """)
}

/// What is ready in several lanes, in the order in which it became that; read in pages, so that a long lane costs no more than is taken.
struct ReadyRows {
    private struct Page {
        var lane: Int64
        var rows: ArraySlice<ReadyRow>
        var isLast: Bool
    }

    private let connection: Connection
    private let size: Int
    private var pages: [Page] = []

    /// - Parameter count: About how many will be taken.
    init(_ lanes: [Int64], count: Int, on connection: Connection) throws(StoreError) {
        self.connection = connection
        size = lanes.count == 1 ? count + 1 : max(8, 2 * (count + 1) / max(1, lanes.count))
        for lane in lanes { pages.append(try page(of: lane, after: .min)) }
    }

    var isEmpty: Bool { pages.allSatisfy(\.rows.isEmpty) }

    /// The one that has waited longest.
    mutating func next() throws(StoreError) -> ReadyRow? {
        var oldest: (index: Int, turn: Int64)?
        for (index, page) in pages.enumerated() {
            guard let row = page.rows.first else { continue }
            if oldest.map({ row.turn < $0.turn }) ?? true { oldest = (index, row.turn) }
        }
        guard let index = oldest?.index, let row = pages[index].rows.popFirst() else { return nil }
        if pages[index].rows.isEmpty, !pages[index].isLast { pages[index] = try page(of: row.lane, after: row.turn) }
        return row
    }

    private func page(of lane: Int64, after turn: Int64) throws(StoreError) -> Page {
        let statement = try connection.prepared(.readyOfLane)
        statement.bind(1, lane)
        statement.bind(2, turn)
        statement.bind(3, Int64(size))
        let rows = try statement.all { row in
            ReadyRow(
                number: row.int(0), lane: row.int(1), turn: row.int(2), crashes: Int(clamping: row.int(3)), due: row.optionalInt(4),
                expires: row.optionalInt(5))
        }
        return Page(lane: lane, rows: rows[...], isLast: rows.count < size)
    }
}
