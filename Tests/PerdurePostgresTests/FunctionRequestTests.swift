internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// `cancel_workflow`, `terminate_workflow`, `resume_workflow`, `find_workflow`, and who may call them.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct FunctionRequestTests {
    @Test(arguments: [("cancel", InboxKind.cancel), ("terminate", .terminate)])
    func `a request by plain SQL arrives when it commits`(_ name: String, _ kind: InboxKind) async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let numbers = [try await executor.owned(fixture), try await executor.owned(fixture)]
            let call: (String) -> SQL = { "SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: name)_workflow(\($0))" }
            let transaction = try await fixture.store.begin(.serializable, for: nil)
            // Also one that was started in this very transaction.
            _ = try await transaction.query("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', id => 'inside')")
            for id in [Names.publicID(numbers[0]), "inside"] { #expect(try await transaction.query(call(id)).rows == [[.bool(true)]]) }
            #expect(try await claimer.arrivals() == [])
            _ = try await transaction.commit(nil, hadPending: false)
            let inside = try #require(try await fixture.store.number(ofID: "inside"))
            #expect(Set(try await claimer.arrivals()) == [numbers[0], inside])
            #expect(try await fixture.store.inbox(of: [numbers[0], inside]).map(\.kind) == [kind, kind])
            // Who has ended has nothing to be asked.
            _ = try await executor.writer.commit([.finish(Outcome(workflow: numbers[1], status: .completed, finished: 5), parent: nil)])
            #expect(try await fixture.sql(call(Names.publicID(numbers[1]))) == [[.bool(false)]])
            #expect(try await fixture.store.inbox(of: [numbers[1]]) == [])
            await claimer.close()
        }
    }

    @Test(arguments: ["cancel", "terminate", "resume"])
    func `who is not there is not asked`(_ name: String) async throws {
        try await withStore { fixture in
            for nobody in ["nobody", "wffffffffffffffff", "w0000000000000001", "W0000000000000001"] {
                let error = await expect(.rejected) {
                    try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: name)_workflow(\(nobody))")
                }
                #expect(error?.nativeCode == "P0002" && error?.message.contains(nobody) == true)
            }
            for (bad, code) in [("''", "22023"), ("NULL", "22023"), ("E'\\u0085'", "22023"), ("repeat('x', 513)", "22001")] {
                let error = await expect(.rejected) {
                    try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: name)_workflow(\(unsafeRaw: bad))")
                }
                #expect(error?.nativeCode == code, "\(bad): \(error as Any)")
            }
        }
    }

    @Test func `a workflow that was set aside is resumed by plain SQL`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let call: SQL = "SELECT \(unsafeRaw: fixture.s).resume_workflow(\(Names.publicID(number)))"
            #expect(try await fixture.sql(call) == [[.bool(false)]])
            _ = try await executor.writer.commit([.setAside(number, reason: "broken", at: 5)])
            let transaction = try await fixture.store.begin(.serializable, for: nil)
            #expect(try await transaction.query(call).rows == [[.bool(true)]])
            // Nobody waits for a transaction that may stay open.
            let error = await expect(.transient) { _ = try await fixture.store.resume(number) }
            #expect(error?.nativeCode == "55P03")
            _ = try await transaction.commit(nil, hadPending: false)
            let status = try #require(try await fixture.store.status(of: number))
            #expect(status.live == .ready && status.reason == nil)
            #expect(try await fixture.sql(call) == [[.bool(false)]])
        }
    }

    @Test func `the newest run under an id is found, with its result`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let s = fixture.s
            for answer in ["1", "2"] {
                try await fixture.sql(
                    "SELECT \(unsafeRaw: s).start_workflow('flow', id => 'x', reuse_policy => 'allow_duplicate')")
                let claimer = try await fixture.store.claimer(for: executor.id)
                let number = try #require(try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 1).first?.number)
                let find: SQL = "SELECT id, workflow_number, state, output::text FROM \(unsafeRaw: s).find_workflow('x')"
                #expect(try await fixture.sql(find) == [[.text("x"), .int(number), .text("running"), .null]])
                let output = EncodedPayload(codec: 1, bytes: Array(answer.utf8))
                _ = try await executor.writer.commit([
                    .finish(Outcome(workflow: number, status: .completed, output: output, finished: 5), parent: nil)
                ])
                #expect(try await fixture.sql(find) == [[.text("x"), .int(number), .text("completed"), .text(answer)]])
                let byNumber = "SELECT \(s).workflow_number('x'), (SELECT id FROM \(s).find_workflow('\(Names.publicID(number))'))"
                #expect(try await fixture.sql("\(unsafeRaw: byNumber)") == [[.int(number), .text("x")]])
                await claimer.close()
            }
            #expect(try await fixture.sql("SELECT * FROM \(unsafeRaw: s).find_workflow('nobody')") == [])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).workflow_number('nobody')") == [[.null]])
        }
    }

    // MARK: - Waking engines

    @Test(Server.isHeard) func `engines are woken once for a whole transaction, and not at all where that is switched off`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            let heard = Lock<[Wakeup]>([])
            let subscription = try await fixture.store.listen { wakeup in heard.withLock { $0.append(wakeup) } }
            func run(_ settings: String = "") async throws {
                let transaction = try await fixture.store.begin(.readCommitted, for: nil)
                _ = try await transaction.query("SELECT set_config('perdure.notify', \(settings), true)")
                _ = try await transaction.query(
                    "SELECT \(unsafeRaw: s).cancel_workflow(\(unsafeRaw: s).start_workflow('flow')) FROM generate_series(1, 100)")
                _ = try await transaction.commit(nil, hadPending: false)
            }
            try await run("off")
            try await run()
            try await eventually("it is heard") { heard.withLock { $0.count >= 2 } }
            // Whatever else there were to hear would have come before this.
            let last = try await fixture.store.begin(.readCommitted, for: nil)
            _ = try await last.query("SELECT \(unsafeRaw: s).hint('e7')")
            _ = try await last.commit(nil, hadPending: false)
            try await eventually("the last is heard") { heard.withLock { $0.contains(.ended([7])) } }
            #expect(heard.withLock { Set($0.dropLast()) } == [.ready, .inbox])
            #expect(heard.withLock { $0.count } == 3)
            await subscription.cancel()
        }
    }

    // MARK: - Rights

    @Test func `a role needs the functions only, and nobody has them unasked`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            let role = Server.freshName("r")
            try await fixture.sql("CREATE ROLE \(identifier: role)")
            func asRole(_ sql: SQL) async throws -> [[SQLValue]] {
                let transaction = try await fixture.store.begin(.readCommitted, for: nil)
                do {
                    _ = try await transaction.execute("SET LOCAL ROLE \(identifier: role)")
                    let rows = try await transaction.query(sql).rows
                    _ = try await transaction.commit(nil, hadPending: false)
                    return rows
                } catch {
                    await transaction.rollback()
                    throw error
                }
            }
            try await fixture.sql("GRANT USAGE ON SCHEMA \(unsafeRaw: s) TO \(identifier: role)")
            let calls: [SQL] = [
                "SELECT \(unsafeRaw: s).start_workflow('flow', id => 'x')", "SELECT \(unsafeRaw: s).cancel_workflow('x')",
                "SELECT \(unsafeRaw: s).terminate_workflow('x')", "SELECT \(unsafeRaw: s).resume_workflow('x')",
                "SELECT \(unsafeRaw: s).workflow_number('x') IS NULL", "SELECT state FROM \(unsafeRaw: s).find_workflow('x')",
            ]
            for call in calls {
                let error = await #expect(throws: StoreError.self) { _ = try await asRole(call) }
                #expect(error?.nativeCode == "42501")
            }
            try await fixture.sql(
                """
                GRANT EXECUTE ON FUNCTION \(unsafeRaw: s).start_workflow, \(unsafeRaw: s).cancel_workflow,
                    \(unsafeRaw: s).terminate_workflow, \(unsafeRaw: s).resume_workflow, \(unsafeRaw: s).workflow_number,
                    \(unsafeRaw: s).find_workflow TO \(identifier: role)
                """)
            var answers: [SQLValue] = []
            for call in calls { answers += try await asRole(call).flatMap(\.self) }
            #expect(answers == [.text("x"), .bool(true), .bool(true), .bool(false), .bool(false), .text("queued")])
            for table in ["live", "workflows", "inbox"] {
                let error = await #expect(throws: StoreError.self) {
                    _ = try await asRole("SELECT * FROM \(unsafeRaw: s).\(identifier: table)")
                }
                #expect(error?.nativeCode == "42501")
            }
            try await fixture.sql("DROP OWNED BY \(identifier: role)")
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }
}
