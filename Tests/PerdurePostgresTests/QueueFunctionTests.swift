internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// Queues by plain SQL, as other drivers use them.
@Suite(Server.isThere, .timeLimit(.minutes(5))) struct QueueFunctionTests {
    private static let served = Repertoire(workflows: ["flow"], versions: ["", "v2"], queues: ["work"])

    /// What is ready in the queue, in order, now the claimer's.
    private func claim(_ claimer: any Claimer, now: Microseconds = .max) async throws -> [Claimed] {
        claimer.reset()
        let lanes = try await claimer.scout(Self.served)
        let asks = Dictionary(grouping: lanes) { $0.lane.priority }.sorted { $0.key < $1.key }.map { priority, lanes in
            ClaimAsk(lanes: lanes.map(\.number), priority: priority, queue: "work", limit: 99)
        }
        return try await claimer.claim(ClaimRequest(asks: asks, now: now)).answers.flatMap(\.claimed)
    }

    private func declare(_ queue: Queue, _ fixture: Fixture) async throws { _ = try await fixture.store.declare([QueueRules(queue)]) }

    private func expectRefused(_ call: String, _ code: String, _ says: String, _ fixture: Fixture) async {
        let error = await expect(.rejected) { try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: call)") }
        #expect(error?.nativeCode == code && error?.message.contains(says) == true, "\(call): \(error as Any)")
    }

    @Test func `a workflow comes into a queue with all that it has there`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work", expiry: .seconds(60)), fixture)
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            try await fixture.sql(
                """
                SELECT \(unsafeRaw: fixture.s).start_workflow('flow', '{"a": 1}', queue => 'work', key => 'acme', priority => 3, version => 'v2',
                    expires_after => '10 seconds')
                """)
            try await fixture.sql("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', queue => 'work', delay => '1 hour')")
            let claimed = try await claim(claimer, now: 5)
            #expect(claimed.count == 2)
            let records = try await fixture.store.load(claimed.map(\.number), limit: 1).map(\.record).sorted {
                $0.lane.priority > $1.lane.priority
            }
            #expect(records[0].lane == Lane(queue: "work", key: "acme", priority: 3, workflow: "flow", version: "v2"))
            #expect(records[0].expires == records[0].created + 10_000_000 && records[0].due == nil)
            // What the queue says, counted from the end of the delay.
            #expect(records[1].due == records[1].created + 3_600_000_000 && records[1].expires == records[1].created + 3_660_000_000)
            await claimer.close()
        }
    }

    @Test func `what keeps others out does it here too`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work"), fixture)
            try await declare(Queue("single", singleton: .useExisting), fixture)
            func start(_ options: String, queue: String = "work") async throws -> SQLValue? {
                try await fixture.sql(
                    "SELECT \(unsafeRaw: fixture.s).start_workflow('flow', queue => \(queue), \(unsafeRaw: options))"
                ).first?.first
            }
            let first = try await start("deduplication_key => 'once'")
            #expect(try await start("deduplication_key => 'once'") == first)
            #expect(try await start("input => '2', deduplication_key => 'once', deduplication_policy => 'replace'") == first)
            await expectRefused(
                "start_workflow('flow', queue => 'work', deduplication_key => 'once', deduplication_policy => 'reject')", "23505",
                "the deduplication key \"once\"", fixture)
            let single = try await start("key => 'k'", queue: "single")
            #expect(try await start("key => 'k'", queue: "single") == single)
            #expect(try await start("key => 'other'", queue: "single") != single)
            let bounced = try await start("debounce_key => 'd', debounce_period => '1 hour', debounce_maximum => '2 hours'")
            #expect(try await start("input => '3', debounce_key => 'd', debounce_period => '1 hour'") == bounced)
            // Of Swift and SQL the keys are the same.
            let record = WorkflowRecord(
                number: try await fixture.record().number, lane: Lane(queue: "work", workflow: "flow"), input: .void, created: moment)
            let policies = IDPolicies(deduplication: StoredDeduplication(key: "once", policy: .useExisting))
            let result = try #require(try await fixture.store.start([(record, policies)], owner: nil).first)
            guard case .existing(let holder) = result else { return _ = Issue.record("\(result)") }
            #expect(first == .text(Names.publicID(holder)))
            #expect(try await fixture.store.load([holder], limit: 1).first?.record.input.bytes == Array("2".utf8))
        }
    }

    @Test func `items become a batch`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work", batch: Queue.Batching(size: 2, within: .seconds(600))), fixture)
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            for item in ["{\"n\": 1}", "2", "null"] {
                try await fixture.sql(
                    "SELECT \(unsafeRaw: fixture.s).enqueue_item('flow', \(unsafeRaw: "'\(item)'"), 'work', key => 'k', priority => 2)")
            }
            let gathered = try await fixture.store.gather([BatchWish(queue: "work", size: 2, within: 600_000_000)], by: executor.id, now: 0)
            #expect(gathered.made == 1 && gathered.next != nil)
            let record = try #require(try await fixture.store.load(try await claim(claimer).map(\.number), limit: 1).first?.record)
            #expect(String(decoding: record.input.bytes, as: UTF8.self) == "[{\"n\": 1},2]" && record.input.codec == 1)
            #expect(record.lane == Lane(queue: "work", key: "k", priority: 2, workflow: "flow"))
            await claimer.close()
        }
    }

    @Test func `a queue is paused, resumed and changed`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            try await declare(Queue("work", concurrency: 3), fixture)
            func row() async throws -> QueueRow { try #require(try await fixture.store.queueRows(["work"]).first) }
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).pause_queue('work', 'later')") == [[.bool(true)]])
            let paused = try await row()
            #expect(paused.isPaused && paused.pauseReason == "later" && paused.revision == 2)
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).resume_queue('work')") == [[.bool(true)]])
            let resumed = try await row()
            #expect(!resumed.isPaused && resumed.pauseReason == nil && resumed.revision == 3)
            let limits = """
                {"concurrency": 7, "perKey": 2.0, "perEngine": 5, "rateLimit": {"count": 1e2, "period": 1000000},
                "rateLimitPerKey": {"count": 1, "period": 1000}, "weights": {"acme": 2.5}}
                """
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).change_queue('work', \(limits)::json)") == [[.bool(true)]])
            #expect(
                try await row().rules.limits
                    == QueueLimits(
                        concurrency: 7, perEngine: 5, perKey: 2, rateLimit: RateLimit(100, per: .seconds(1)),
                        rateLimitPerKey: RateLimit(1, per: .milliseconds(1)), weights: ["acme": 2.5]))
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).change_queue('work', NULL)") == [[.bool(true)]])
            #expect(try await row().rules.limits == QueueLimits(concurrency: 3))
            for call in ["pause_queue('nobody')", "resume_queue('nobody')", "change_queue('nobody', '{}')"] {
                #expect(try await fixture.sql("SELECT \(unsafeRaw: s).\(unsafeRaw: call)") == [[.bool(false)]])
            }
        }
    }

    /// What is accepted must be what Swift can read: otherwise the change would be stored and hold nowhere.
    @Test func `limits that nobody can obey are refused`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work", concurrency: 3), fixture)
            let wrong = [
                "{\"concurrency\": 0}", "{\"concurrency\": -1}", "{\"concurrency\": 1.5}", "{\"concurrency\": \"3\"}",
                "{\"perEngine\": 1000001}", "{\"rateLimit\": 5}", "{\"rateLimit\": {\"count\": 0, \"period\": 1000000}}",
                "{\"rateLimit\": {\"count\": 1}}", "{\"rateLimit\": {\"count\": 1, \"period\": 999}}", "{\"concurency\": 3}", "[1]", "3",
                "{\"rateLimit\": {\"count\": \"5\", \"period\": 1000000}}", "{\"rateLimit\": {\"count\": 1.5, \"period\": 1000000}}",
                "{\"rateLimitPerKey\": {\"count\": 1, \"period\": 99999999999999}}", "{\"weights\": 5}", "{\"weights\": {\"a\": 0}}",
                "{\"weights\": {\"a\": \"2\"}}", "{\"weights\": {\"a\": 1001}}", "{\"weights\": [1]}",
            ]
            for limits in wrong {
                let error = await expect(.rejected) {
                    try await fixture.sql("SELECT \(unsafeRaw: fixture.s).change_queue('work', \(limits)::json)")
                }
                #expect(error?.nativeCode == "22023", "\(limits): \(error as Any)")
            }
            let row = try #require(try await fixture.store.queueRows(["work"]).first)
            #expect(row.rules.limits == QueueLimits(concurrency: 3) && row.revision == 1)
        }
    }

    @Test func `what cannot be is refused, and says why`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work"), fixture)
            try await declare(Queue("batches", batch: Queue.Batching(size: 2, within: .seconds(1))), fixture)
            try await declare(Queue("single", singleton: .useExisting), fixture)
            let refused: [(call: String, code: String, says: String)] = [
                ("start_workflow('flow', queue => 'work', priority => 10)", "22023", "not one of 0 to 9"),
                ("start_workflow('flow', queue => 'work', priority => NULL)", "22023", "not one of 0 to 9"),
                ("start_workflow('flow', queue => repeat('x', 513))", "22001", "513 bytes"),
                ("start_workflow('flow', queue => 'work', key => E'\\x01')", "22023", "U+1"),
                ("start_workflow('flow', key => 'k')", "22023", "things of a queue"),
                ("start_workflow('flow', expires_after => '1 hour')", "22023", "things of a queue"),
                ("start_workflow('flow', queue => 'batches')", "22023", "enqueue_item"),
                ("start_workflow('flow', queue => 'work', id => 'i', deduplication_key => 'd')", "22023", "choose one"),
                ("start_workflow('flow', queue => 'single', deduplication_key => 'd')", "22023", "choose one"),
                ("start_workflow('flow', queue => 'work', deduplication_key => '')", "22023", "empty"),
                ("start_workflow('flow', queue => 'work', deduplication_key => 'd', deduplication_policy => 'drop')", "22023", "\"drop\""),
                ("start_workflow('flow', queue => 'work', debounce_key => 'd')", "22023", "a period above zero"),
                (
                    "start_workflow('flow', queue => 'work', debounce_key => 'd', debounce_period => '2 s', debounce_maximum => '1 s')",
                    "22023", "its maximum"
                ),
                ("enqueue_item('flow', '1', 'work')", "22023", "makes no batches"),
                ("enqueue_item('flow', '1', 'nobody')", "22023", "nobody"),
                ("enqueue_item('', '1', 'batches')", "22023", "empty"), ("enqueue_item('flow', '{', 'batches')", "22P02", "json"),
                ("enqueue_item('flow', '1', '')", "22023", "empty"),
                ("enqueue_item('flow', '1', 'batches', priority => -1)", "22023", "-1"),
                ("enqueue_item('flow', to_json(repeat('x', 2097151)), 'batches')", "54000", "the item"),
            ]
            for (call, code, says) in refused { await expectRefused(call, code, says, fixture) }
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: fixture.s).live") == [[.int(0)]])
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: fixture.s).items") == [[.int(0)]])
        }
    }

    @Test func `dead letters are started again by plain SQL, each once`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            try await declare(Queue("work"), fixture)
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            for name in ["a", "b", "c"] {
                try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', id => \(name), queue => 'work', input => '7')")
            }
            let claimed = try await claim(claimer).map(\.number)
            let place = QueuePlace(queue: "work", key: "")
            _ = try await executor.writer.commit(
                claimed.map { .finish(Outcome(workflow: $0, status: .failed, finished: 5), parent: nil, place: place) })
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive('other')") == [[.int(0)]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive('work', 2)") == [[.int(2)]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive(maximum => -5)") == [[.int(0)]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive()") == [[.int(1)]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive()") == [[.int(0)]])
            let again = try await fixture.store.load(try await claim(claimer).map(\.number), limit: 1).map(\.record)
            #expect(again.compactMap(\.id).sorted() == ["a", "b", "c"] && again.allSatisfy { $0.input.bytes == Array("7".utf8) })
            #expect(Set(again.map(\.number)).isDisjoint(with: claimed))
            await claimer.close()
        }
    }

    @Test func `limits that are not named stay`() async throws {
        try await withStore { fixture in
            try await declare(Queue("work", concurrency: 3, perKey: 2), fixture)
            func change(_ limits: String) async throws -> QueueLimits {
                let limits = limits + "::json"
                #expect(
                    try await fixture.sql("SELECT \(unsafeRaw: fixture.s).change_queue('work', \(unsafeRaw: limits))") == [[.bool(true)]])
                return try #require(try await fixture.store.queueRows(["work"]).first).rules.limits
            }
            #expect(try await change("'{\"concurrency\": 7}'") == QueueLimits(concurrency: 7, perKey: 2))
            #expect(try await change("'{\"perKey\": null, \"perEngine\": 4}'") == QueueLimits(concurrency: 7, perEngine: 4))
            #expect(try await change("NULL") == QueueLimits(concurrency: 3, perKey: 2))
            #expect(try await fixture.sql("SELECT \(unsafeRaw: fixture.s).change_queue('unknown', '{}')") == [[.bool(false)]])
        }
    }

    @Test func `what is in strict order takes no priority`() async throws {
        try await withStore { fixture in
            try await declare(Queue.strictOrder("strict"), fixture)
            await expectRefused(
                "start_workflow('flow', queue => 'strict', priority => 5)", "22023", "which a priority would change", fixture)
            try await fixture.sql("SELECT \(unsafeRaw: fixture.s).start_workflow('flow', queue => 'strict')")
        }
    }

    @Test func `the longest key is one in a singleton queue too`() async throws {
        try await withStore { fixture in
            try await declare(Queue("single", singleton: .reject), fixture)
            let start = "start_workflow('flow', queue => 'single', key => repeat('k', 512))"
            try await fixture.sql("SELECT \(unsafeRaw: fixture.s).\(unsafeRaw: start)")
            await expectRefused(start, "23505", "the deduplication key", fixture)
        }
    }

    @Test func `a redrive passes over what has to wait for its key`() async throws {
        try await withStore { fixture in
            let s = fixture.s
            try await declare(Queue("work", singleton: .useExisting), fixture)
            let executor = try await fixture.executor()
            let claimer = try await fixture.store.claimer(for: executor.id)
            for key in ["a", "b", "c"] {
                try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', queue => 'work', key => \(key))")
            }
            let numbers = try await claim(claimer).map(\.number).sorted()
            for (number, key) in zip(numbers, ["a", "b", "c"]) {
                _ = try await executor.writer.commit([
                    .finish(
                        Outcome(workflow: number, status: .failed, finished: moment), parent: nil,
                        place: QueuePlace(queue: "work", key: key))
                ])
            }
            for key in ["a", "b"] {
                try await fixture.sql("SELECT \(unsafeRaw: s).start_workflow('flow', queue => 'work', key => \(key))")
            }
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive('work', 1)") == [[.int(1)]])
            #expect(try await fixture.sql("SELECT \(unsafeRaw: s).redrive('work', 1)") == [[.int(0)]])
            #expect(try await fixture.store.deadLetters(of: "work", after: 0, limit: 9).map(\.number) == Array(numbers[..<2]))
            await claimer.close()
        }
    }
}
