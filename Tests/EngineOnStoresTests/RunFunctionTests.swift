import Foundation
import Perdure
import Testing

/// Fails in its second step until it is mended.
private struct Act: Workflow {
    static let name = "SQLAct"
    let isMended: Lock<Bool>
    let seen: Lock<[String]>

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("first") { [seen] in seen.withLock { $0.append("first") } }
        return try await context.step("second") { [isMended] in
            guard isMended.withLock({ $0 }) else { throw WorkflowError(.rejected, "broken") }
            return input
        }
    }
}

/// `restart_workflow`, `rewind_workflow`, `fork_workflow` and `set_attributes`: SQL asks, an engine does it.
@Suite(.fewAtOnce, .enabled(if: SQLStore.postgresURL != nil), .timeLimit(.minutes(5)))
struct RunFunctionTests {
    private func ask(_ client: Client, _ call: SQL) async throws -> String {
        try await client.transaction { db in
            guard let id = try await db.query(call, as: String.self).first else { throw TimedOut(what: "an id") }
            return id
        }
    }

    @Test func `new runs are made by an engine, and what cannot be is an error`() async throws {
        let (place, table) = SQLStore.postgres.make()
        let (isMended, seen) = (Lock(false), Lock<[String]>([]))
        let engine = try await Engine(store: place, configuration: .test) { Act(isMended: isMended, seen: seen) }
        let client = engine.client
        let s = table("x").split(separator: ".")[0]
        try await running([engine]) {
            let handle = try await engine.start(Act.self, 3, id: "act")
            _ = await #expect(throws: (any Error).self) { try await handle.result() }
            isMended.withLock { $0 = true }
            // In a transaction that is rolled back nothing is asked.
            await #expect(throws: TimedOut.self) {
                try await client.transaction { db in
                    _ = try await db.query("SELECT \(unsafeRaw: "\(s)").restart_workflow('act', 'ada')", as: String.self)
                    throw TimedOut(what: "nothing")
                }
            }
            let rewound = try await ask(client, "SELECT \(unsafeRaw: "\(s)").rewind_workflow('act', 'ada', 'the bank is back')")
            try await eventually("it was carried out") { try await client.status(of: rewound).state == .completed }
            #expect(try await client.handle(of: Act.self, id: "act").result() == 3)
            #expect(seen.withLock { $0 } == ["first"])
            let restarted = try await ask(client, "SELECT \(unsafeRaw: "\(s)").restart_workflow('act', 'ada')")
            try await eventually("it was carried out") { try await client.status(of: restarted).state == .completed }
            #expect(try await client.handle(of: Act.self, id: "act").result() == 3)
            let forked = try await ask(client, "SELECT \(unsafeRaw: "\(s)").fork_workflow('act', 'second', 'bob', version => '')")
            try await eventually("it was carried out") { try await client.status(of: forked).state == .completed }
            #expect(try await client.handle(of: Act.self, id: "act").result() == 3)
            #expect(seen.withLock { $0 } == ["first", "first"])
            let runs = try await client.runs(of: "act")
            #expect(runs.map { $0.link?.kind } == [nil, .rewound, .restarted, .forked])
            #expect(runs.map { $0.link?.by } == [nil, "ada", "ada", "bob"] && runs[1].link?.reason == "the bank is back")
            #expect(runs.last?.link?.step == "second")
            // The answer names the new run.
            let output = try await ask(
                client, "SELECT output->>'run' FROM \(unsafeRaw: "\(s)").find_workflow(\(forked))")
            #expect(output == runs.last?.run)
            // What only the history knows is the error of the request.
            let wrong = try await ask(client, "SELECT \(unsafeRaw: "\(s)").fork_workflow('act', 'third', 'bob')")
            try await eventually("it was refused") { try await client.status(of: wrong).state == .failed }
            let wrongToo = try await ask(client, "SELECT \(unsafeRaw: "\(s)").rewind_workflow('act', 'bob')")
            try await eventually("it was refused") { try await client.status(of: wrongToo).state == .failed }
            #expect(try await client.runs(of: "act").count == 4)
        }
    }

    @Test func `what makes no sense is an error at once`() async throws {
        let (place, table) = SQLStore.postgres.make()
        let client = try await Client(store: place, configuration: .test)
        let s = String(table("x").split(separator: ".")[0])
        try await client.start(Act.self, 1, id: "open", options: StartOptions(attributes: ["kept": 1, "gone": true]))
        for (call, code) in [
            ("restart_workflow('nobody', 'ada')", "P0002"), ("restart_workflow('open', 'ada')", "55006"),
            ("restart_workflow('open', '')", "22023"),
            ("fork_workflow('open', '', 'ada')", "22023"), ("fork_workflow('open', 'x', NULL)", "22023"),
            ("set_attributes('nobody', '{}', 'ada')", "P0002"), ("set_attributes('open', '[1]', 'ada')", "22023"),
            ("set_attributes('open', '{\"perdure.x\": null}', 'ada')", "22023"), ("set_attributes('open', '{\"a\": {}}', 'ada')", "22023"),
            ("set_attributes('open', '{\"a\": 1}', '')", "22023"), ("start_workflow('perdure.bulk', '{}')", "22023"),
        ] {
            let error = await #expect(throws: StoreError.self) {
                try await client.transaction { db in
                    _ = try await db.query("SELECT \(unsafeRaw: s).\(unsafeRaw: call)::text", as: String?.self)
                }
            }
            #expect(error?.nativeCode == code, "\(call): \(error as Any)")
        }
        try await client.transaction { db in
            _ = try await db.query(
                "SELECT \(unsafeRaw: s).set_attributes('open', '{\"a\": \"x\", \"gone\": null, \"when\": \"2026-01-31T02:00:00Z\"}', 'ada', 'why')::text",
                as: String?.self)
        }
        let attributes = try await client.status(of: "open").attributes
        #expect(attributes.keys.sorted() == ["a", "kept", "when"] && attributes["a"] == "x")
        #expect(try await client.count(where: "a = 'x' and when = 2026-01-31T02:00:00Z and missing gone and kept = 1") == 1)
        #expect(try await client.interventions(of: "open").map(\.by) == ["ada"])
        await client.close()
    }
}
