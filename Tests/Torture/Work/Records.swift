import Foundation
import Perdure
import PerdurePostgres

/// What the database says in the end, read through the documented views.
struct Records: Sendable {
    struct Status: Decodable, Sendable {
        var id: String
        var state: String
        var output: String?
        var reason: String?
    }

    struct Step: Decodable, Sendable {
        var id: String
        var key: String
        var kind: String
        var ordinal: Int?
        var state: String
        var output: String?
    }

    struct Row: Decodable, Sendable, Hashable {
        var workflow: String
        var key: String
        var value: String
    }

    /// A value of a stream, which counts from 0.
    struct Line: Decodable, Sendable {
        var id: String
        var position: Int
        var value: Int?
    }

    var statuses: [Status]
    var steps: [Step]
    var ledger: [Row]
    var lines: [Line]
    /// Rows that are owned by nobody who is registered, and by nobody whose work is being returned: they would never move again.
    var orphans: Int

    /// - Parameter prefix: Of the ids of the workflows that are looked at.
    init(_ place: Place, prefix: String = "") async throws {
        let (s, pattern) = (place.schema, prefix + "%")
        self = try await insist {
            try await place.client.transaction(isolation: .repeatableRead) { db in
                // Children that are started together have no ids of their own.
                let numbers = try await db.query(
                    """
                    WITH named AS (SELECT number FROM \(identifier: s).workflows WHERE coalesce(id, '') LIKE \(pattern))
                    SELECT number FROM named UNION SELECT number FROM \(identifier: s).workflows WHERE parent IN (SELECT number FROM named)
                    """, as: Int64.self)
                let mine = numbers.map(String.init).joined(separator: ",")
                return Records(
                    statuses: try await db.query(
                        """
                        SELECT id, state, output #>> '{}' AS output, reason FROM \(identifier: s).workflow_status
                        WHERE workflow_number = ANY (string_to_array(\(mine), ',')::int8[])
                        """),
                    steps: try await db.query(
                        """
                        SELECT id, key, kind, ordinal, state, output #>> '{}' AS output FROM \(identifier: s).workflow_steps
                        WHERE workflow_number = ANY (string_to_array(\(mine), ',')::int8[]) AND next_attempt_at IS NULL ORDER BY id, ordinal
                        """),
                    ledger: try await db.query(
                        """
                        SELECT workflow, key, value FROM public.ledger WHERE workflow LIKE \(pattern) OR workflow IN
                            (SELECT id FROM \(identifier: s).workflow_status WHERE workflow_number = ANY (string_to_array(\(mine), ',')::int8[]))
                        """),
                    lines: try await db.query(
                        """
                        SELECT id, position, (value #>> '{}')::int4 AS value FROM \(identifier: s).workflow_streams
                        WHERE workflow_number = ANY (string_to_array(\(mine), ',')::int8[]) AND NOT closes ORDER BY id, position
                        """),
                    orphans: try await db.query(
                        """
                        SELECT count(*) FROM \(identifier: s).live l WHERE l.state = 1
                            AND NOT EXISTS (SELECT FROM \(identifier: s).executors e WHERE e.executor = l.executor)
                            AND NOT EXISTS (SELECT FROM \(identifier: s).reaped r WHERE r.executor = l.executor)
                        """, as: Int.self)[0])
            }
        }
    }

    private init(statuses: [Status], steps: [Step], ledger: [Row], lines: [Line], orphans: Int) {
        (self.statuses, self.steps, self.ledger, self.lines, self.orphans) = (statuses, steps, ledger, lines, orphans)
    }

    /// Workflows that have gone on as new runs.
    var continued: Set<String> { Set(statuses.filter { $0.state == "continued" }.map(\.id)) }

    /// How many rows bear the mark of a process.
    func count(writtenBy process: String) -> Int {
        let mark = process + ":"
        return steps.filter { $0.output?.hasPrefix(mark) ?? false }.count + ledger.filter { $0.value.hasPrefix(mark) }.count
    }
}

/// One database and schema, with what looks into it.
struct Place: Sendable {
    let url: String
    let schema: String
    let client: Client

    init(url: String, schema: String = "perdure") async throws {
        (self.url, self.schema) = (url, schema)
        var configuration = EngineConfiguration()
        configuration.log = { _, _ in }
        let settings = configuration
        client = try await insist { try await Client(store: .postgres(url, schema: schema), configuration: settings) }
    }

    /// The table into which transactions write; one for all schemas.
    func makeLedger() async throws {
        _ = try await insist {
            try await client.transaction(isolation: .readCommitted) { db in
                try await db.execute(
                    "CREATE TABLE IF NOT EXISTS public.ledger (workflow text NOT NULL, key text NOT NULL, value text NOT NULL)")
                try await db.execute("CREATE INDEX IF NOT EXISTS ledger_workflow ON public.ledger (workflow text_pattern_ops)")
            }
        }
    }

    func number(_ sql: SQL) async throws -> Int {
        try await insist { try await client.transaction(isolation: .readCommitted) { db in try await db.query(sql, as: Int.self)[0] } }
    }
}
