internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// What users of other drivers and tools rely on.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct FunctionTests {
    @Test func `a workflow is started by plain SQL, and found`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let s = fixture.s
            let first = try await fixture.sql(
                "SELECT \(unsafeRaw: s).start_workflow('flow', input => '{\"a\": 1}', id => 'order-1', attributes => '{\"b\": 2}')")
            #expect(first == [[.text("order-1")]])
            let claimed = try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9).map(\.number)
            let record = try #require(try await fixture.store.load(claimed, limit: 1).first?.record)
            #expect(record.id == "order-1" && record.input == EncodedPayload(codec: 1, bytes: Array("{\"a\": 1}".utf8)))
            #expect(record.attributes == EncodedPayload(codec: 1, bytes: Array("{\"b\": 2}".utf8)))
            #expect(record.lane == Lane(workflow: "flow"))
            // Again: the run that is there. Without an id: a new one, whose id says its number.
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', NULL, 'order-1')") == [[.text("order-1")]])
            let anonymous = try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow')")
            let number = try #require(try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9).first?.number)
            let digits = String(number, radix: 16)
            #expect(anonymous == [[.text("w" + String(repeating: "0", count: 16 - digits.count) + digits)]])
            #expect(try await fixture.store.load([number], limit: 1).first?.record.input == .void)
            await claimer.close()
        }
    }

    @Test func `a start inside a transaction goes with it, and names its lane`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            func claim() async throws -> [Claimed] { try await claimer.claimReady(workflows: ["mail"], versions: ["v2"], limit: 9) }
            let transaction = try await fixture.store.begin(.serializable, for: nil)
            _ = try await transaction.query(
                "SELECT \(unsafeRaw: fixture.s).start_workflow('mail', queue => 'q', lane_key => 'k', priority => 3, version => 'v2', due => '2100-01-01 00:00Z')"
            )
            #expect(try await claim() == [])
            _ = try await transaction.commit(nil, hadPending: false)
            let claimed = try await claim()
            #expect(claimed.map(\.due) == [4_102_444_800_000_000])
            let record = try #require(try await fixture.store.load(claimed.map(\.number), limit: 1).first?.record)
            #expect(record.lane == Lane(queue: "q", key: "k", priority: 3, workflow: "mail", version: "v2"))
            await claimer.close()
        }
    }

    @Test func `what cannot be is refused`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', id => 'taken')")
            _ = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('other', id => 'taken')") }
            _ = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('')") }
            _ = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', id => repeat('x', 513))") }
        }
    }

    @Test func `a cancel by plain SQL arrives`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let digits = String(number, radix: 16)
            let id = "w" + String(repeating: "0", count: 16 - digits.count) + digits
            let s = fixture.s
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).cancel_workflow(\(id))") == [[.bool(true)]])
            #expect(try await fixture.store.inbox(of: [number]).map(\.kind) == [.cancel])
            for nobody in ["nobody", "wffffffffffffffff", "w0000000000000001"] {
                #expect(try await fixture.sql("SELECT \(unsafeRaw: s).cancel_workflow(\(nobody))") == [[.bool(false)]])
            }
            let claimer = try await fixture.store.claimer(for: executor.id)
            #expect(try await claimer.arrivals() == [number])
            await claimer.close()
        }
    }

    @Test func `views show rubbish as nothing, and infinity as such`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.record()
            record.input = EncodedPayload(codec: 1, bytes: [0xFF, 0, 0x7B])
            record.deadline = .max
            try #require(try await executor.writer.commit([.start(record), .suspend(record.number, due: .max)]).count == 2)
            let rows = try await fixture.sql(
                "SELECT input::text, state, due_at::text, deadline_at::text, pg_typeof(output)::text FROM \(unsafeRaw: fixture.s).workflow_status"
            )
            #expect(rows == [[.null, .text("waiting"), .text("infinity"), .text("infinity"), .text("json")]])
        }
    }
}
