package import Perdure

// What is read by those who look and do not run: in read-only transactions, each of one moment.
extension PostgresStore {
    private static let snapshot = Statement("perdure_snapshot", isPrepared: false, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    package func numbers(
        of selection: ArchiveSelection, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [WorkflowNumber] {
        let s = schema
        let from =
            selection.includesClosed ? "\(s).workflows w" : "\(s).live l JOIN \(s).workflows w ON w.number = l.number"
        let place = selection.includesClosed ? "w.number" : "l.number"
        let statement = Statement(
            "perdure_archived", isPrepared: false,
            """
            SELECT \(place) FROM \(from) WHERE \(place) > $1::int8 AND ($2::text IS NULL OR w.name = $2::text)
                AND ($3::int8 IS NULL OR w.created >= $3::int8) ORDER BY \(place) LIMIT $4::int8
            """)
        return try await connection(.reads).run { session throws(StoreError) in
            let name: ParameterBuffer? = if let workflow = selection.workflow { try .text(workflow) } else { nil }
            let parameters: [ParameterBuffer?] = [.int8(number), name, selection.since.map { .int8($0) }, .int8(Int64(limit))]
            let rows = try session.pipeline([Request(Self.snapshot), Request(statement, parameters), Request(.commit)])[1]
            return rows.map { rows.int($0, 0) }
        }
    }

    package func recorded(_ number: WorkflowNumber) async throws(StoreError) -> RecordedHistory? {
        let s = schema
        let ending = Statement(
            "perdure_recorded_outcome", isPrepared: false, "SELECT \(AccessStatements.outcome) FROM \(s).outcomes WHERE workflow = $1::int8"
        )
        let aside = Statement(
            "perdure_recorded_aside", isPrepared: false,
            "SELECT a.reason FROM \(s).asides a JOIN \(s).live l ON l.number = a.number WHERE a.number = $1::int8 AND l.state = 3")
        return try await connection(.reads).run { session throws(StoreError) in
            let all = ParameterBuffer.int8s([number])
            let range: [ParameterBuffer?] = [all, .int8(number), .int8(number)]
            let results = try session.pipeline([
                Request(Self.snapshot), Request(.uncompiled), Request(Self.workflows(s), range),
                Request(Self.steps(s, one: true), range + [.int8(.max)]), Request(Self.pending(s), [all]), Request(Self.inbox(s), [all]),
                Request(Self.origins(s), [all]), Request(ending, [.int8(number)]), Request(aside, [.int8(number)]), Request(.commit),
            ])
            guard let loaded = Self.assemble(results, limit: .max).first else { return nil }
            return RecordedHistory(
                record: loaded.record, steps: loaded.history + loaded.unordered, pending: loaded.pending, inbox: loaded.inbox,
                outcome: results[7].count == 0 ? nil : results[7].outcome(0, 0),
                aside: results[8].count == 0 ? nil : results[8].text(0, 0), origin: loaded.origin)
        }
    }

    package func versions() async throws(StoreError) -> [VersionRecord] {
        let statement = Statement(
            "perdure_versions", isPrepared: false,
            """
            SELECT version, open, queued, running, waiting, set_aside, oldest, latest_due, drained, engines, ended_in_hour
            FROM \(schema).version_counts ORDER BY version COLLATE "C"
            """)
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.pipeline([Request(Self.snapshot), Request(statement), Request(.commit)])[1]
            return rows.map { row in
                var version = VersionRecord(version: rows.text(row, 0))
                version.open = Int(rows.int(row, 1))
                version.queued = Int(rows.int(row, 2))
                version.running = Int(rows.int(row, 3))
                version.waiting = Int(rows.int(row, 4))
                version.setAside = Int(rows.int(row, 5))
                version.oldest = rows.optionalInt(row, 6)
                version.latestDue = rows.optionalInt(row, 7)
                version.drained = rows.optionalInt(row, 8)
                version.engines = Int(rows.int(row, 9))
                version.endedInHour = Int(rows.int(row, 10))
                return version
            }
        }
    }
}
