internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// `start_workflow`, as another driver calls it.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct FunctionTests {
    @Test func `a workflow is started by plain SQL, and found`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let s = fixture.s
            let first = try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', '{\"a\": 1}', 'order-1')")
            #expect(first == [[.text("order-1")]])
            let claimed = try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9).map(\.number)
            let record = try #require(try await fixture.store.load(claimed, limit: 1).first?.record)
            #expect(record.id == "order-1" && record.input == EncodedPayload(codec: 1, bytes: Array("{\"a\": 1}".utf8)))
            #expect(record.lane == Lane(workflow: "flow") && record.attributes == nil && record.due == nil && record.deadline == nil)
            // Again: the run that is there. Without an id: a new one, whose id says its number.
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', NULL, 'order-1')") == [[.text("order-1")]])
            let anonymous = try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow')")
            let number = try #require(try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9).first?.number)
            #expect(anonymous == [[.text(Names.publicID(number))]])
            #expect(try await fixture.store.load([number], limit: 1).first?.record.input == .void)
            await claimer.close()
        }
    }

    @Test func `every option of a start`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let transaction = try await fixture.store.begin(.serializable, for: nil)
            _ = try await transaction.query(
                """
                SELECT \(unsafeRaw: s).start_workflow('mail', input => 'null', id => 'm', conflict_policy => 'fail',
                    reuse_policy => 'reject_duplicate', timeout => '90 seconds', delay => '1 hour',
                    attributes => '{"customer": "acme"}', version => 'v2')
                """)
            func claim() async throws -> [Claimed] { try await claimer.claimReady(workflows: ["mail"], versions: ["v2"], limit: 9) }
            #expect(try await claim() == [])
            _ = try await transaction.commit(nil, hadPending: false)
            let claimed = try #require(try await claim().first)
            let record = try #require(try await fixture.store.load([claimed.number], limit: 1).first?.record)
            #expect(record.lane == Lane(workflow: "mail", version: "v2"))
            #expect(record.input == EncodedPayload(codec: 1, bytes: Array("null".utf8)))
            #expect(record.attributes == EncodedPayload(codec: 1, bytes: Array("{\"customer\": \"acme\"}".utf8)))
            #expect(record.due == record.created + 3_600_000_000 && claimed.due == record.due)
            #expect(record.deadline == record.created + 3_690_000_000)
            // A timeout alone counts from the start; NULL is the default; what is not positive is no delay; no attributes are none.
            try await fixture.sql(
                """
                SELECT \(unsafeRaw: s).start_workflow('mail', id => 'n', timeout => '1 minute', delay => '-1 hour', attributes => '{ }',
                    version => NULL, conflict_policy => NULL, reuse_policy => NULL)
                """)
            let other = try #require(try await claimer.claimReady(workflows: ["mail"], versions: [""], limit: 9).first)
            let plain = try #require(try await fixture.store.load([other.number], limit: 1).first?.record)
            #expect(plain.due == nil && plain.deadline == plain.created + 60_000_000 && plain.attributes == nil)
            await claimer.close()
        }
    }

    /// Whatever the policies and the run that has the id, plain SQL and Swift agree.
    @Test(arguments: [nil, OutcomeStatus.completed, .failed, .cancelled])
    func `policies mean what they mean in Swift`(_ end: OutcomeStatus?) async throws {
        let conflicts: [(String, IDConflictPolicy)] = [("use_existing", .useExisting), ("fail", .fail)]
        let reuses: [(String, IDReusePolicy)] = [
            ("use_existing", .useExisting), ("allow_duplicate", .allowDuplicate),
            ("allow_duplicate_failed_only", .allowDuplicateFailedOnly), ("reject_duplicate", .rejectDuplicate),
        ]
        try await withStore { fixture in
            let executor = try await fixture.executor()
            for (conflict, reuse) in conflicts.flatMap({ conflict in reuses.map { (conflict, $0) } }) {
                let ids = ["sql \(conflict.0) \(reuse.0)", "swift \(conflict.0) \(reuse.0)"]
                for id in ids {
                    let record = try await fixture.record(id: id)
                    _ = try await fixture.store.start([(record, IDPolicies())], owner: executor.id)
                    guard let end else { continue }
                    _ = try await executor.writer.commit([.finish(Outcome(workflow: record.number, status: end, finished: 5), parent: nil)])
                }
                let before = try await fixture.store.number(ofID: ids[0])
                let new = try await fixture.record(id: ids[1])
                let result = try await fixture.store.start([(new, IDPolicies(conflict: conflict.1, reuse: reuse.1))], owner: nil)
                let call: SQL =
                    "SELECT \(unsafeRaw: fixture.s).start_workflow('flow', id => \(ids[0]), conflict_policy => \(conflict.0), reuse_policy => \(reuse.0))"
                switch try #require(result.first) {
                case .started:
                    #expect(try await fixture.sql(call) == [[.text(ids[0])]])
                    #expect(try await fixture.store.number(ofID: ids[0]) != before)
                case .existing:
                    #expect(try await fixture.sql(call) == [[.text(ids[0])]])
                    #expect(try await fixture.store.number(ofID: ids[0]) == before)
                default:
                    let error = await expect(.rejected) { try await fixture.sql(call) }
                    #expect(error?.nativeCode == "23505" && error?.message.contains(Names.publicID(before ?? 0)) == true)
                    #expect(try await fixture.store.number(ofID: ids[0]) == before)
                }
            }
        }
    }

    @Test func `what cannot be is refused, and says why`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', id => 'taken')")
            let refused: [(arguments: String, code: String, says: String)] = [
                ("'other', id => 'taken'", "23505", "another type: flow"), ("''", "22023", "empty"), ("NULL", "22023", "empty"),
                ("'flow', id => ''", "22023", "empty"), ("'flow', id => repeat('é', 257)", "22001", "514 bytes"),
                ("repeat('x', 513)", "22001", "513 bytes"), ("'flow', version => repeat('x', 513)", "22001", "the version"),
                ("E'a\\nb'", "22023", "U+A"), ("'flow', version => E'\\x7f'", "22023", "U+7F"),
                ("'flow', conflict_policy => 'replace'", "22023", "terminate_existing, not \"replace\""),
                ("'flow', reuse_policy => 'fail'", "22023", "reject_duplicate, not \"fail\""),
                ("'flow', conflict_policy => 'terminate_existing'", "0A000", "a transaction cannot"),
                ("'flow', attributes => '[1]'", "22023", "[1]"), ("'flow', attributes => '{\"a\": {}}'", "22023", "a list of at most 64"),
                ("'flow', attributes => '{\"perdure.x\": 1}'", "22023", "library's own"),
                ("'flow', attributes => '{\"\": 1}'", "22023", "empty"),
                ("'flow', attributes => '{\"a\": [1]}'", "22023", "a list of at most 64"),
                ("'flow', attributes => '{\"a\": 1e999}'", "22023", "1e999"),
                ("'flow', attributes => json_build_object('a', repeat('é', 1025))", "22023", "2048 bytes"),
                ("'flow', to_json(repeat('x', 2097151))", "54000", "the input: 2097153 bytes"),
                ("'flow', attributes => json_build_object('a', repeat('x', 2097152))", "54000", "the attributes: "),
                ("'flow', '{'", "22P02", "json"),
                ("'flow', delay => '300000 years'", "22008", "out of range"),
            ]
            for (arguments, code, says) in refused {
                let error = await expect(.rejected) {
                    try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow(\(unsafeRaw: arguments))")
                }
                #expect(error?.nativeCode == code, "\(arguments): \(error as Any)")
                #expect(error?.message.contains(says) == true, "\(arguments): \(error as Any)")
            }
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: s).workflows") == [[.int(1)]])
        }
    }

    @Test func `the limit of inputs is the one that the database says`() async throws {
        try await withStore { fixture in
            let call: SQL = "SELECT \(unsafeRaw: fixture.s).start_workflow('flow', to_json(repeat('x', 98)))"
            let outcome = await #expect(throws: StoreError.self) {
                let transaction = try await fixture.store.begin(.readCommitted, for: nil)
                _ = try await transaction.query("SET LOCAL perdure.payload_limit = 99")
                do throws(StoreError) {
                    _ = try await transaction.query(call)
                } catch {
                    await transaction.rollback()
                    throw error
                }
            }
            #expect(outcome?.nativeCode == "54000" && outcome?.message.contains("100 bytes, and the limit is 99") == true)
            try await fixture.sql(call)
        }
    }

    /// One way or the other, whatever the session has set.
    @Test(arguments: ["on", "off"])
    func `the same characters are refused as in Swift`(_ conforming: String) async throws {
        try await withStore { fixture in
            for value in 1...0xA1 as ClosedRange<UInt32> {
                let id = "a\(Character(try #require(Unicode.Scalar(value))))"
                let isAllowed = (try? Names.check(id, "an id")) != nil
                let transaction = try await fixture.store.begin(.readCommitted, for: nil)
                _ = try await transaction.execute("SELECT set_config('standard_conforming_strings', \(conforming), true)")
                do {
                    _ = try await transaction.query("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', id => \(id))")
                    #expect(isAllowed, "U+\(String(value, radix: 16)) was taken")
                } catch let error as StoreError {
                    #expect(!isAllowed && error.nativeCode == "22023", "U+\(String(value, radix: 16)): \(error)")
                }
                await transaction.rollback()
            }
        }
    }

    @Test func `in a schema of any name`() async throws {
        try await withStore(schema: Server.freshName("it's \"odd\" \\ ")) { fixture in
            let s = fixture.s
            let started = try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow')")
            let id = try #require(started.first?.first)
            #expect(try await fixture.sql("SELECT state FROM \(unsafeRaw: s).find_workflow(\(id))") == [[.text("queued")]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).terminate_workflow(\(id))") == [[.bool(true)]])
            for _ in 0..<2 { try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', id => 'x')") }
        }
    }

    @Test func `of many that begin the next run under an id, one does`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            let executor = try await fixture.executor()
            let record = try await fixture.record(id: "one")
            _ = try await fixture.store.start([(record, IDPolicies())], owner: executor.id)
            _ = try await executor.writer.commit([.finish(Outcome(workflow: record.number, status: .failed, finished: 5), parent: nil)])
            try await withThrowingTaskGroup { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await fixture.sql(
                            "SELECT \(unsafeRaw: s).start_workflow('flow', id => 'one', reuse_policy => 'allow_duplicate')")
                    }
                }
                for try await answer in group { #expect(answer == [[.text("one")]]) }
            }
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: s).workflows WHERE id = 'one'") == [[.int(2)]])
        }
    }

    /// A transaction that stays open and is the first to start some type must not stop others who do.
    @Test func `the first start of a type holds up nobody`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            let open = try await fixture.store.begin(.readCommitted, for: nil)
            _ = try await open.query("SELECT \(unsafeRaw: s).start_workflow('new', id => 'held')")
            let record = try await fixture.record("new")
            #expect(try await fixture.store.start([(record, IDPolicies())], owner: nil).count == 1)
            let owned = try await fixture.record("new")
            _ = try await executor.writer.commit([.start(owned), .release(owned.number)])
            try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('new')")
            func claim() async throws -> Int { try await claimer.claimReady(workflows: ["new"], versions: [""], limit: 9).count }
            #expect(try await claim() == 3)
            _ = try await open.commit(nil, hadPending: false)
            #expect(try await claim() == 1)
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

extension FunctionTests {
    /// What a start by SQL is found by is what one by Swift is found by.
    @Test func `attributes of a start by SQL are found as those of Swift`() async throws {
        let given = [
            #"{"a": "x", "b": 12, "c": 12.50, "d": true, "e": ["p", "q", "p"], "f": [], "g": "2026-01-31T02:00:00.25Z"}"#,
            #"{"b": 9007199254740993, "c": 9007199254740993.0, "d": false, "g": "2026-02-30T02:00:00Z", "h": "2026-01-31T24:00:00Z"}"#,
            #"{"a": 1, "a": "last", "b": -0, "c": 1e20, "d": 1E-7, "é": "\u00e9\ud83e\udd89", "g": "0000-01-01T00:00:00Z"}"#,
        ]
        try await withStore { fixture in
            for text in given {
                try await fixture.sql("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', attributes => \(text)::json)")
                let bySQL = try await fixture.sql("SELECT max(number) FROM \(unsafeRaw: fixture.s).workflows")
                var record = try await fixture.record()
                record.attributes = EncodedPayload(codec: 1, bytes: Array(text.utf8))
                _ = try await fixture.store.start([(record, IDPolicies())], owner: nil)
                func rows(_ number: SQLValue) async throws -> [[SQLValue]] {
                    try await fixture.sql(
                        """
                        SELECT name, place, kind, text, trim_scale(number)::text FROM \(unsafeRaw: fixture.s).attributes
                        WHERE workflow = \(number) ORDER BY name, place
                        """)
                }
                let (left, right) = (try await rows(bySQL[0][0]), try await rows(.int(record.number)))
                #expect(left == right && !left.isEmpty, "\(text):\n\(left)\n\(right)")
            }
        }
    }
}
