package import Perdure

extension PostgresStore {
    package func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? {
        let access = access
        return try await connection(.reads).runConnected { session throws(StoreError) in try access.number(session, ofID: id) }
    }

    package func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? {
        let access = access
        return try await connection(.reads).run { session throws(StoreError) in
            // One snapshot: a workflow that ends meanwhile is seen before or after, never in between.
            let snapshot = Statement("perdure_snapshot", isPrepared: false, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let results = try session.pipeline([Request(snapshot)] + access.status(number) + [Request(.commit)])
            return AccessStatements.status(results[1..<6])
        }
    }

    package func endings(of numbers: [WorkflowNumber]) async throws(StoreError) -> [Ending] {
        guard let least = numbers.min(), let most = numbers.max() else { return [] }
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let all = ParameterBuffer.int8s(numbers)
            let results = try session.pipeline([
                Request(
                    Statement(
                        "perdure_endings", isPrepared: false,
                        "SELECT \(AccessStatements.outcome) FROM \(s).outcomes WHERE workflow = ANY($1::int8[]) AND workflow BETWEEN $2::int8 AND $3::int8"
                    ),
                    [all, .int8(least), .int8(most)]),
                Request(
                    Statement(
                        "perdure_asides", isPrepared: false,
                        """
                        SELECT a.number, a.reason FROM \(s).asides a
                        WHERE a.number = ANY($1::int8[]) AND (SELECT true FROM \(s).live l WHERE l.number = a.number AND l.state = 3)
                        """), [all]),
            ])
            let (outcomes, asides) = (results[0], results[1])
            return outcomes.map { Ending.outcome(outcomes.outcome($0, 0)) }
                + asides.map { Ending.setAside(asides.int($0, 0), reason: asides.text($0, 1)) }
        }
    }

    package func deliver(_ items: [InboxItem]) async throws(StoreError) {
        let access = access
        try await connection(.reads).runConnected { session throws(StoreError) in try access.deliver(session, items) }
    }

    package func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool {
        let access = access
        return try await connection(.reads).runConnected { session throws(StoreError) in
            // Somebody's open transaction may hold the row: that is not waited for.
            try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = '1s'")
                return try access.resume(session, number)
            }
        }
    }
}
