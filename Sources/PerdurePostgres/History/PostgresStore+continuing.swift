package import Perdure

// Runs that go on as new ones.
extension PostgresStore {
    /// How many runs back it is looked for what came too late: of transactions that stay open for longer, the claims find it.
    private static let depth = 16

    package func forward(to numbers: [WorkflowNumber]) async throws(StoreError) {
        let statement = Self.forward(schema)
        try await connection(.reads).runConnected { session throws(StoreError) in
            _ = try session.query(statement, [.int8s(numbers)])
        }
    }

    static func forward(_ s: SchemaName) -> Statement {
        let isLeft = "EXISTS (SELECT FROM \(s).inbox i WHERE i.workflow ="
        return Statement(
            "perdure_forward", isPrepared: false,
            """
            SELECT \(s).forward_inboxes(earlier) FROM (SELECT array_agg(e.number) AS earlier FROM (
                SELECT p.number FROM \(s).successors m JOIN \(s).successors p ON p.first = m.first AND p.place < m.place
                    AND p.place >= m.place - \(depth) WHERE m.number = ANY($1::int8[]) AND \(isLeft) p.number)
                UNION SELECT m.first FROM \(s).successors m WHERE m.number = ANY($1::int8[]) AND m.place <= \(depth)
                    AND \(isLeft) m.first)) e) f WHERE earlier IS NOT NULL
            """)
    }

    /// What has come too late for those that these continue is in their inboxes, which are read again.
    static func forward(to loaded: inout [LoadedWorkflow], _ origins: Rows, _ s: SchemaName, _ session: Session) throws(StoreError) {
        let numbers = (0..<origins.count).filter { !origins.isNull($0, 2) }.map { origins.int($0, 0) }
        if numbers.isEmpty { return }
        if try session.query(forward(s), [.int8s(numbers)]).count == 0 { return }
        let rows = try session.query(inbox(s), [.int8s(numbers)])
        let items = Dictionary(grouping: rows.compactMap { rows.inboxItem($0, 0) }, by: \.workflow)
        let read = Set(numbers)
        for index in loaded.indices where read.contains(loaded[index].record.number) {
            loaded[index].inbox = items[loaded[index].record.number] ?? []
        }
    }

    package func firstRun(of number: WorkflowNumber) async throws(StoreError) -> WorkflowNumber {
        let statement = Statement("perdure_first_run", "SELECT \(schema).first_run($1::int8)")
        return try await connection(.reads).run { session throws(StoreError) in try session.query(statement, [.int8(number)]).int(0, 0) }
    }

    package func newestRuns(of numbers: [WorkflowNumber]) async throws(StoreError) -> [WorkflowNumber: WorkflowNumber] {
        let statement = Statement(
            "perdure_newest_runs", isPrepared: false,
            """
            SELECT u.n, r.newest FROM unnest($1::int8[]) AS u(n) CROSS JOIN LATERAL (SELECT \(schema).newest_run(u.n) AS newest OFFSET 0) r
            WHERE r.newest <> u.n
            """)
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(statement, [.int8s(numbers)])
            return Dictionary(rows.map { (rows.int($0, 0), rows.int($0, 1)) }, uniquingKeysWith: { first, _ in first })
        }
    }
}
