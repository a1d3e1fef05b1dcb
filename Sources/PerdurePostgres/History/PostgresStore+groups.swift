package import Perdure

extension PostgresStore {
    package func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) async throws(StoreError) -> [GroupEnd] {
        // The size of what is stored apart is known without reading it.
        let size = "coalesce(octet_length(o.output), 0) + coalesce(octet_length(o.error), 0)"
        let statement = Statement(
            "perdure_group_ends", isPrepared: false,
            """
            SELECT sequence, coalesce((SELECT r.first FROM \(schema).successors r WHERE r.number = reference), reference), workflow, status, output, output_codec, error, error_codec, finished FROM (
                SELECT i.sequence, i.reference, o.*, sum(\(size)) OVER w AS size, row_number() OVER w AS place
                FROM (SELECT sequence, reference FROM \(schema).inbox
                    WHERE workflow = $1::int8 AND kind = \(InboxKind.groupEnded.rawValue) AND topic = $2::text
                    ORDER BY sequence LIMIT $3::int8) i
                LEFT JOIN \(schema).outcomes o ON o.workflow = i.reference WINDOW w AS (ORDER BY i.sequence)) e
            WHERE size <= $4::int8 OR place = 1 ORDER BY sequence
            """)
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let rows = try session.query(
                statement, [.int8(parent), .text(group), .int8(Int64(limit)), .int8(Int64(bytes))])
            return rows.map { row in
                GroupEnd(sequence: rows.int(row, 0), child: rows.int(row, 1), outcome: rows.isNull(row, 2) ? nil : rows.outcome(row, 2))
            }
        }
    }
}
