import Foundation
import Perdure

/// One workflow that two want something of, seen by a client that nobody holds up.
final class Corner: Sendable {
    let id: String
    let gym = Gym()
    let place: Place
    private let refusals = Lock(0)

    init(_ id: String, _ place: Place) {
        self.id = id
        self.place = place
    }

    var client: Client { place.client }
    /// Somebody has been told that it is too late for what was wanted.
    var wasRefused: Bool { refusals.withLock { $0 } > 0 }

    /// What whoever comes second is told of a run that has been succeeded.
    let superseded: [WorkflowError.Code] = [.superseded, .stillRunning, .notFailed]

    func handle() async throws -> WorkflowHandle<String> { try await client.handle(of: Contender.self, id: id) }

    /// Does it, unless it is too late, which has to be said by one of these errors.
    func unless<Result>(_ codes: [WorkflowError.Code], _ body: () async throws -> Result) async throws {
        do {
            _ = try await body()
        } catch let error as WorkflowError where codes.contains(error.code) {
            refusals.withLock { $0 += 1 }
        }
    }

    // MARK: What may not be

    /// Nothing may be left of a workflow that has ended.
    ///
    /// The inbox is not looked at: what is told to a workflow that ends in the same moment is tidied away later.
    func judgeRemains() async throws -> [String] {
        var faults: [String] = []
        for (table, column) in [("live", "number"), ("pending", "workflow"), ("slots", "workflow")] {
            let left = try await place.number(
                """
                SELECT count(*) FROM \(identifier: place.schema).\(identifier: table) WHERE \(identifier: column)
                IN (SELECT number FROM \(identifier: place.schema).workflows WHERE id = \(id) OR id = \(id + "/leaf"))
                """)
            if left > 0 { faults.append("\(left) rows are left in \(table)") }
        }
        return faults
    }

    /// Where it stands, for whoever has to find out why.
    func standing() async throws -> String {
        try await client.transaction { db in
            try await db.query(
                """
                SELECT coalesce(json_agg(json_build_object('live', to_json(l), 'inbox', (SELECT json_agg(to_json(i))
                    FROM \(identifier: place.schema).inbox i WHERE i.workflow = w.number), 'executors', (SELECT json_agg(e.executor)
                    FROM \(identifier: place.schema).executors e)))::text, '')
                FROM \(identifier: place.schema).workflows w LEFT JOIN \(identifier: place.schema).live l ON l.number = w.number
                WHERE w.id = \(id) OR w.id = \(id + "/leaf")
                """, as: String.self)[0]
        }
    }

    func judgeRows(_ wanted: ClosedRange<Int>) async throws -> [String] {
        let rows = try await place.number("SELECT count(*) FROM public.ledger WHERE workflow = \(id)")
        return wanted.contains(rows) ? [] : ["its transaction has left \(rows) rows"]
    }

    func judgeResult(_ wanted: [String]) async throws -> [String] {
        let result = try await handle().result()
        return wanted.contains(result) ? [] : ["it returned '\(result)'"]
    }

    func judgeSuccessors(_ wanted: ClosedRange<Int>) async throws -> [String] {
        let runs = try await client.runs(of: id)
        let ended = runs.dropLast().allSatisfy { $0.state.isClosed }
        return (wanted.contains(runs.count - 1) ? [] : ["there are \(runs.count) runs"]) + (ended ? [] : ["an earlier run is there still"])
    }

    /// The child has ended, if it was ever there.
    func judgeChild() async throws -> [String] {
        do {
            let child = try await client.handle(of: Contender.self, id: id + "/leaf")
            try await eventually("the end of the child", within: .seconds(10)) { try await child.status().state.isClosed }
            return []
        } catch let error as WorkflowError where error.code == .notFound {
            return []
        } catch let error as TookTooLong {
            return [error.description]
        }
    }
}
