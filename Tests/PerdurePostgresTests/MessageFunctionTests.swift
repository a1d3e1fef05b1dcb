internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// Messages by plain SQL, as other drivers send them.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct MessageFunctionTests {
    private func start(_ id: String, _ fixture: Fixture) async throws -> WorkflowNumber {
        try await fixture.sql("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', id => \(id))")
        return try #require(try await fixture.store.number(ofID: id))
    }

    private func send(_ arguments: String, _ fixture: Fixture) async throws -> Bool {
        let rows = try await fixture.sql("SELECT \(unsafeRaw: fixture.s).send_message(\(unsafeRaw: arguments))")
        return rows == [[.bool(true)]]
    }

    @Test func `it arrives, once under a key, and is seen`() async throws {
        try await withStore { fixture in
            let number = try await start("order-7", fixture)
            #expect(try await send("'order-7', 'approval', '{\"granted\": true}'", fixture))
            for _ in 0..<2 { #expect(try await send("'order-7', 'approval', '2', key => 'k'", fixture)) }
            #expect(try await send("'order-7', 'nothing'", fixture))
            let inbox = try await fixture.store.inbox(of: [number])
            #expect(inbox.map(\.kind) == [.message, .message, .message])
            #expect(inbox.map { String(decoding: $0.payload?.bytes ?? [], as: UTF8.self) } == ["{\"granted\": true}", "2", "null"])
            #expect(inbox.map(\.topic) == ["approval", "approval", "nothing"] && inbox.map(\.key) == [nil, "k", nil])
            let seen = try await fixture.sql(
                "SELECT id, kind, topic, key, payload::text FROM \(unsafeRaw: fixture.s).workflow_messages ORDER BY message_number LIMIT 1")
            #expect(seen == [[.text("order-7"), .text("message"), .text("approval"), .null, .text("{\"granted\": true}")]])
        }
    }

    @Test func `one that nobody can read is discarded`() async throws {
        try await withStore { fixture in
            let number = try await start("order-7", fixture)
            #expect(try await send("'order-7', 'approval', '1'", fixture))
            let call: SQL = "SELECT \(unsafeRaw: fixture.s).discard_message('order-7', 'approval', 'ada', 'no approval')"
            let running = await expect(.rejected) { try await fixture.sql(call) }
            #expect(running?.nativeCode == "55006")
            try await fixture.sql("SELECT \(unsafeRaw: fixture.s).pause_workflow('order-7', 'ada')")
            #expect(try await fixture.sql(call) == [[.bool(true)]])
            #expect(try await fixture.sql(call) == [[.bool(false)]])
            #expect(try await fixture.store.inbox(of: [number]) == [])
            let seen = try await fixture.sql(
                "SELECT kind, step, by_whom, reason, state FROM \(unsafeRaw: fixture.s).workflow_interventions WHERE kind <> 'pause'")
            #expect(seen == [[.text("discard message"), .text("approval"), .text("ada"), .text("no approval"), .text("applied")]])
            _ = await expect(.rejected) {
                try await fixture.sql("SELECT \(unsafeRaw: fixture.s).discard_message('order-7', 'approval', '')")
            }
        }
    }

    @Test func `who has ended, or never was, gets none, and bad names are refused`() async throws {
        try await withStore { fixture in
            let number = try await start("done", fixture)
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let early = InboxItem(workflow: number, kind: .message, payload: .void, topic: "t", key: "early")
            _ = try await fixture.store.send([early])
            let lanes = try await claimer.scout(Repertoire(workflows: ["flow"], versions: [""], queues: [""]))
            let asks = [ClaimAsk(lanes: lanes.map(\.number), priority: 0, queue: "", limit: 9)]
            _ = try await claimer.claim(ClaimRequest(asks: asks, now: .max))
            let writer = try await fixture.store.writer(0, for: executor.id)
            _ = try await writer.commit([.finish(Outcome(workflow: number, status: .completed, finished: 1), parent: nil)])
            #expect(try await send("'done', 'approval', '1'", fixture) == false)
            #expect(try await send("'done', 't', '1', key => 'early'", fixture))
            let refused = [
                "'unknown', 'approval', '1'", "'done', '', '1'", "'done', repeat('x', 600), '1'", "'done', 't', '1', key => ''",
            ]
            for arguments in refused {
                _ = await expect(.rejected) { _ = try await send(arguments, fixture) }
            }
        }
    }
}
