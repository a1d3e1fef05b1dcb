internal import Perdure
internal import Testing

/// The views are a contract with people: the same columns and words on every store that has SQL.
@Suite(.timeLimit(.minutes(10))) struct ViewTests {
    static let withSQL = StoreUnderTest.available.filter { $0 != .memory }

    @Test(arguments: withSQL)
    func `the columns`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let status = try await fixture.view("workflow_status").columns
            #expect(
                status == [
                    "id", "workflow_number", "name", "version", "queue", "state", "created_at", "finished_at", "input", "output", "error",
                    "parent_id", "attributes", "due_at", "deadline_at", "crashes", "reason", "executor", "is_served",
                    "key", "priority", "expires_at", "waits_for",
                ])
            let steps = try await fixture.view("workflow_steps").columns
            #expect(
                steps == [
                    "id", "workflow_number", "workflow_name", "key", "kind", "ordinal", "state", "started_at", "finished_at", "duration_ms",
                    "attempts", "output", "error", "next_attempt_at", "progress",
                ])
        }
    }

    @Test(arguments: withSQL)
    func `every state has a word`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(11, by: executor)
            let ends: [OutcomeStatus] = [.completed, .failed, .cancelled, .terminated, .timedOut, .expired]
            try await executor.commit(
                ends.enumerated().map { .finish(outcome(numbers[$0], $1), parent: nil) } + [
                    .suspend(numbers[6], due: Fixture.future), .suspend(numbers[7], due: .max), .release(numbers[8]),
                    .setAside(numbers[9], reason: "broken", at: Fixture.moment), .finish(outcome(numbers[10], .continued), parent: nil),
                ])
            let words = [
                "completed", "failed", "cancelled", "terminated", "timed out", "expired", "waiting", "waiting", "queued", "set aside",
                "continued",
            ]
            for (number, word) in zip(numbers, words) {
                #expect(try await fixture.row(of: number, "workflow_status")["state"] == .text(word))
            }
            let delayed = try await fixture.ready(due: Fixture.future)
            #expect(try await fixture.row(of: delayed, "workflow_status")["state"] == .text("scheduled"))
            // An engine has found it, and put it aside until then.
            #expect(try await executor.claimReady().contains(delayed))
            #expect(try await fixture.status(delayed).live == .waiting)
            #expect(try await fixture.row(of: delayed, "workflow_status")["state"] == .text("scheduled"))
            let running = try await fixture.owned(by: executor)
            let row = try await fixture.row(of: running, "workflow_status")
            #expect(row["state"] == .text("running") && row["executor"] == .int(executor.id))
            #expect(try await fixture.row(of: numbers[9], "workflow_status")["reason"] == .text("broken"))
        }
    }

    @Test(arguments: withSQL)
    func `ids, moments and JSON are readable`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var parent = try await fixture.record(id: "order ✂︎")
            parent.attributes = .json("{\"a\": 1,  \"a\": 2}")
            _ = try await fixture.backend.start([(parent, IDPolicies())], owner: executor.id)
            var child = try await fixture.record("child")
            child.parent = ParentLink(number: parent.number, key: "child", closePolicy: .cancel)
            child.deadline = Fixture.moment + 123_456
            try await executor.commit([.start(child), .finish(outcome(parent.number), parent: nil)])
            let row = try await fixture.row(of: parent.number, "workflow_status")
            #expect(row["id"] == .text("order ✂︎") && row["name"] == .text("flow"))
            #expect(row["output"] == .text("\"well\"") && row["error"] == .null && row["parent_id"] == .null)
            // As it was written, spaces and all: it is `json`, never `jsonb`.
            #expect(row["attributes"] == .text("{\"a\": 1,  \"a\": 2}"))
            #expect(row["created_at"]?.startsLike("2025-11-20 09:00:00") == true)
            #expect(row["finished_at"]?.startsLike("2025-11-20 09:00:00.005") == true)
            let other = try await fixture.row(of: child.number, "workflow_status")
            let hexadecimal = String(child.number, radix: 16)
            #expect(other["id"] == .text("w" + String(repeating: "0", count: 16 - hexadecimal.count) + hexadecimal))
            #expect(other["parent_id"] == .text("order ✂︎"))
            #expect(other["deadline_at"]?.startsLike("2025-11-20 09:00:00.123456") == true)
            #expect(other["finished_at"] == .null && other["due_at"] == .null)
        }
    }

    @Test(arguments: withSQL)
    func `steps, attempts and what has no place of its own`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            var failed = step(number, "failed", 2, output: nil)
            failed.error = .text("no")
            let place = step(number, "@order#3", 3, kind: .order, output: EncodedPayload(codec: 1, bytes: Array("pay".utf8)))
            var running = pending(number, "running")
            running.due = nil
            let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
            _ = try await transaction.commit(step(number, "pay", nil, kind: .transaction), hadPending: false)
            try await executor.commit([
                .step(step(number, "done", 1)), .step(failed), .step(place), .pending(pending(number, "retrying")), .pending(running),
            ])
            let rows = try await fixture.rows(of: number, "workflow_steps")
            let states = Dictionary(uniqueKeysWithValues: rows.map { ($0["key"], $0["state"]) })
            #expect(
                states == [
                    .text("done"): .text("completed"), .text("failed"): .text("failed"), .text("pay"): .text("completed"),
                    .text("retrying"): .text("retrying"), .text("running"): .text("running"),
                ])
            let pay = try #require(rows.first { $0["key"] == .text("pay") })
            #expect(pay["ordinal"] == .int(3) && pay["kind"] == .text("transaction") && pay["output"] == .text("\"done\""))
            let retrying = try #require(rows.first { $0["key"] == .text("retrying") })
            #expect(retrying["progress"] == .text("\"half\"") && retrying["error"] == .text("\"no luck\""))
            #expect(retrying["next_attempt_at"]?.startsLike("2100-01-01 00:00:00") == true)
        }
    }

    @Test(arguments: withSQL)
    func `no bytes make a view fail`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for bytes: [UInt8] in [[0xFF, 0xFE], [0], [], Array("{".utf8), Array("{\"a\":\"\\u0000\"}".utf8), Array("\"\\ud800\"".utf8)] {
                for codec: Int16 in [0, 1, 2] {
                    let payload = EncodedPayload(codec: codec, bytes: bytes)
                    var record = try await fixture.record()
                    record.input = payload
                    record.attributes = payload
                    var row = step(record.number, "a", 1, output: payload)
                    row.error = payload
                    let place = step(record.number, "@order#2", 2, kind: .order, output: payload)
                    let attempt = PendingRecord(
                        workflow: record.number, key: "b", attempt: 1, started: .max, due: .max, error: payload, progress: payload)
                    try await executor.commit([.start(record), .step(row), .step(place), .pending(attempt)])
                    let status = try await fixture.row(of: record.number, "workflow_status")
                    if codec != 1 { #expect(status["input"] == .null && status["attributes"] == .null) }
                    #expect(try await fixture.rows(of: record.number, "workflow_steps").count == 2)
                }
            }
            #expect(try await fixture.view("workflow_status").rows.count == 18)
            #expect(try await fixture.view("workflow_steps").rows.count == 36)
        }
    }
}

extension SQLValue {
    fileprivate func startsLike(_ prefix: String) -> Bool {
        if case .text(let text) = self { text.hasPrefix(prefix) } else { false }
    }
}

extension Fixture {
    func view(_ name: String, where condition: String = "1 = 1") async throws -> SQLRows {
        let view = try #require(viewPrefix) + name
        let transaction = try await backend.begin(.readCommitted, for: nil)
        let rows = try await transaction.query("SELECT * FROM \(unsafeRaw: view) WHERE \(unsafeRaw: condition)")
        await transaction.rollback()
        return rows
    }

    fileprivate func rows(of number: WorkflowNumber, _ view: String) async throws -> [[String: SQLValue]] {
        let rows = try await self.view(view, where: "workflow_number = \(number)")
        return rows.rows.map { Dictionary(uniqueKeysWithValues: zip(rows.columns, $0)) }
    }

    func row(of number: WorkflowNumber, _ view: String) async throws -> [String: SQLValue] {
        let rows = try await rows(of: number, view)
        #expect(rows.count == 1)
        return try #require(rows.first)
    }
}
