package import Perdure

extension Query {
    /// The rows of the inbox are taken first: sorting carries no outputs.
    fileprivate static let groupEnds = Query(
        """
        SELECT i.sequence, coalesce((SELECT r.first FROM perdure_successors AS r WHERE r.number = i.reference), i.reference), o.status, o.output, o.output_codec, o.error, o.error_codec, o.finished,
            i.reference
        FROM (SELECT sequence, reference FROM perdure_inbox WHERE workflow = ?1 AND kind = 100 AND topic = ?2 ORDER BY sequence LIMIT ?3) AS i
        LEFT JOIN perdure_outcomes AS o ON o.workflow = i.reference ORDER BY i.sequence
        """)
    fileprivate static let unseenGroupEnds = Query(
        "SELECT sequence, topic FROM perdure_inbox WHERE workflow = ?1 AND kind = 100 AND seen = 0")
}

extension Connection {
    func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) throws(StoreError) -> [GroupEnd] {
        let statement = try prepared(.groupEnds)
        statement.bind(1, parent)
        try statement.bind(2, group)
        statement.bind(3, Int64(limit))
        var ends: [GroupEnd] = []
        var left = bytes
        defer { statement.reset() }
        while try statement.step() {
            let child = statement.int(1)
            let outcome = statement.optionalInt(2).map { status in
                Outcome(
                    workflow: statement.int(8), status: OutcomeStatus(rawValue: Int16(clamping: status)) ?? .failed,
                    output: statement.payload(3),
                    error: statement.payload(5), finished: statement.int(7))
            }
            left -= (outcome?.output?.bytes.count ?? 0) + (outcome?.error?.bytes.count ?? 0)
            if left < 0, !ends.isEmpty { break }
            ends.append(GroupEnd(sequence: statement.int(0), child: child, outcome: outcome))
        }
        return ends
    }

    /// Its workflow has left memory and waits for none of these.
    func overlook(_ workflow: WorkflowNumber, except groups: [String]) throws(StoreError) {
        let statement = try prepared(.unseenGroupEnds)
        statement.bind(1, workflow)
        let rows = try statement.all { (sequence: $0.int(0), group: $0.text(1)) }
        for row in rows where !groups.contains(row.group) { try see(row.sequence, of: workflow) }
    }
}

extension SQLiteStore {
    package func groupEnds(of parent: WorkflowNumber, _ group: String, limit: Int, bytes: Int) async throws(StoreError) -> [GroupEnd] {
        try await reader.read { connection throws(StoreError) in
            try connection.groupEnds(of: parent, group, limit: limit, bytes: bytes)
        }
    }
}
