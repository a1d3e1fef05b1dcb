internal import Perdure
internal import Testing

/// The rows of queues.
@Suite(.timeLimit(.minutes(10))) struct QueueRowTests {
    private func row(_ fixture: Fixture, _ name: String = Fixture.queue) async throws -> QueueRow {
        try #require(try await fixture.backend.queueRows([name]).first)
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is declared is stored, and what was declared otherwise is told`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let rules = QueueRules(
                Queue(Fixture.queue, concurrency: 5, perKey: 1, weights: ["a": 2], slots: .untilEnd, expiry: .seconds(9)))
            let second = QueueRules(Queue("a queue"))
            #expect(try await fixture.backend.declare([rules, second]) == [])
            let first = try await row(fixture)
            #expect(first == QueueRow(declared: rules, revision: first.revision))
            #expect(try await fixture.backend.declare([second, rules]) == [])
            #expect(try await row(fixture) == first)
            let changed = QueueRules(Queue(Fixture.queue, concurrency: 6))
            #expect(try await fixture.backend.declare([changed, second]) == [first])
            let now = try await row(fixture)
            #expect(now == QueueRow(declared: changed, revision: now.revision) && now.revision > first.revision)
            #expect(try await fixture.backend.queueRows(nil).map(\.name).sorted() == ["a queue", Fixture.queue])
            #expect(try await fixture.backend.queueRows(["unknown"]) == [])
            #expect(try await fixture.backend.queueRows([]) == [])
            #expect(try await fixture.backend.declare([]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is changed holds until it is changed back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let declared = try await fixture.declare(Queue(Fixture.queue, concurrency: 5, slots: .untilEnd))
            let limits = QueueLimits(perKey: 2, rateLimit: RateLimit(3, per: .milliseconds(1500)), weights: ["é": 0.5])
            let changed = try #require(try await fixture.backend.changeQueue(Fixture.queue, .limits(limits)))
            #expect(changed.rules.limits == limits && changed.rules.slots == .untilEnd && changed.declared == declared.declared)
            #expect(changed.revision > declared.revision)
            #expect(try await row(fixture) == changed)
            // A new declaration does not undo it.
            _ = try await fixture.backend.declare([QueueRules(Queue(Fixture.queue, concurrency: 7))])
            let redeclared = try await row(fixture)
            #expect(
                redeclared.rules.limits == limits && redeclared.declared.limits.concurrency == 7 && redeclared.rules.slots == .whileRunning)
            let none = try #require(try await fixture.backend.changeQueue(Fixture.queue, .limits(QueueLimits())))
            #expect(none.rules.limits == QueueLimits())
            let back = try #require(try await fixture.backend.changeQueue(Fixture.queue, .limits(nil)))
            #expect(back.rules.limits == QueueLimits(concurrency: 7) && back.revision > none.revision)
            #expect(try await fixture.backend.changeQueue("unknown", .limits(nil)) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a queue is paused, with a reason, and goes on`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let declared = try await fixture.declare()
            #expect(!declared.isPaused && declared.pauseReason == nil)
            let paused = try #require(try await fixture.backend.changeQueue(Fixture.queue, .pause(reason: "it's broken")))
            #expect(paused.isPaused && paused.pauseReason == "it's broken" && paused.revision > declared.revision)
            let silent = try #require(try await fixture.backend.changeQueue(Fixture.queue, .pause(reason: nil)))
            #expect(silent.isPaused && silent.pauseReason == nil)
            // A declaration does not let it go on.
            _ = try await fixture.backend.declare([QueueRules(Queue(Fixture.queue, perEngine: 3))])
            #expect(try await row(fixture).isPaused)
            let resumed = try #require(try await fixture.backend.changeQueue(Fixture.queue, .resume))
            #expect(!resumed.isPaused && resumed.pauseReason == nil && resumed.revision > silent.revision)
            #expect(try await fixture.backend.changeQueue("unknown", .pause(reason: nil)) == nil)
            #expect(try await fixture.backend.changeQueue("unknown", .resume) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the engines that serve it are counted`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            try await fixture.declare()
            try await fixture.declare(Queue("other"))
            let terms = LeaseTerms(lease: .seconds(600))
            for id in [1, 2] as [ExecutorID] {
                try await fixture.backend.register(id, ExecutorDescription(label: "test", terms: terms, repertoire: .queued))
            }
            #expect(try await fixture.backend.queueRows(nil).map(\.engines).sorted() == [0, 2])
            try await fixture.backend.retire(1)
            #expect(try await row(fixture).engines == 1)
            try await fixture.backend.renew(2, lease: .microseconds(1))
            try await eventually("its lease is over") { try await row(fixture).engines == 0 }
            try await eventually("it is reaped") { try await fixture.backend.reap(limit: 9).executors == [2] }
            #expect(try await row(fixture).engines == 0)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is in it is counted`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            #expect(try await fixture.backend.queueCounts(Fixture.queue) == QueueCounts())
            let numbers = try await fixture.enqueue(4) + fixture.enqueue(2, key: "key")
            let delayed = try await fixture.enqueue(2, key: "later", due: Fixture.future)
            _ = try await fixture.enqueue(queue: "second")
            func counts() async throws -> [Int] {
                let counts = try await fixture.backend.queueCounts(Fixture.queue)
                #expect((counts.oldest != nil) == (counts.waiting > 0))
                return [counts.waiting, counts.delayed, counts.running]
            }
            #expect(try await counts() == [6, 2, 0])
            #expect(try await executor.claim([try await executor.ask(1, key: "later")]).numbers == [delayed[0]])
            #expect(try await counts() == [6, 2, 0])
            #expect(try await executor.claim([try await executor.ask(9)]).numbers.count == 4)
            #expect(try await counts() == [2, 2, 4])
            try await executor.commit([.suspend(numbers[0], due: .max), .release(numbers[1])])
            try await executor.finish(numbers[2])
            #expect(try await counts() == [3, 2, 1])
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `a row that nobody understands is left out`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            try await fixture.declare()
            try await fixture.declare(Queue("good"))
            let table = try #require(fixture.viewPrefix) + "queues"
            let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
            _ = try await transaction.execute("UPDATE \(unsafeRaw: table) SET declared = '{}' WHERE name = 'work'")
            _ = try await transaction.commit(nil, hadPending: false)
            #expect(try await fixture.backend.queueRows(nil).map(\.name) == ["good"])
            // Whoever declares it anew mends it.
            #expect(try await fixture.backend.declare([QueueRules(Queue(Fixture.queue))]) == [])
            #expect(try await row(fixture).declared == QueueRules(Queue(Fixture.queue)))
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the view`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.declare(Queue(Fixture.queue, concurrency: 5, perEngine: 4, perKey: 3))
            try await fixture.declare(Queue("zero"))
            _ = try await fixture.backend.changeQueue("zero", .limits(QueueLimits(rateLimit: RateLimit(7, per: .seconds(2)))))
            _ = try await fixture.backend.changeQueue("zero", .pause(reason: "broken"))
            _ = try await fixture.enqueue(3) + fixture.enqueue(key: "later", due: Fixture.future)
            #expect(try await executor.claim([try await executor.ask(1)]).numbers.count == 1)
            let rows = try await fixture.rows(of: "queue_status", orderedBy: "name")
            #expect(
                Set(rows[0].keys) == [
                    "name", "paused", "pause_reason", "concurrency", "per_engine", "per_key", "rate_limit", "rate_period_ms", "declared",
                    "changed", "revision", "engines", "waiting", "delayed", "running", "oldest_waiting_at", "items",
                ])
            #expect(rows.map { $0["name"] } == [.text(Fixture.queue), .text("zero")])
            func numbers(_ row: [String: SQLValue], _ columns: [String]) -> [SQLValue?] { columns.map { row[$0] } }
            #expect(numbers(rows[0], ["concurrency", "per_engine", "per_key", "rate_limit"]) == [.int(5), .int(4), .int(3), .null])
            #expect(numbers(rows[0], ["engines", "waiting", "delayed", "running"]) == [.int(0), .int(2), .int(1), .int(1)])
            #expect(rows[0]["oldest_waiting_at"] != .null && rows[0]["changed"] == .null && rows[0]["pause_reason"] == .null)
            #expect(numbers(rows[1], ["rate_limit", "waiting", "oldest_waiting_at"]) == [.int(7), .int(0), .null])
            #expect(rows[1]["rate_period_ms"] == .double(2000) && rows[1]["pause_reason"] == .text("broken"))
            #expect(
                [SQLValue.int(1), .bool(true)].contains(rows[1]["paused"]) && [SQLValue.int(0), .bool(false)].contains(rows[0]["paused"]))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `limits of an earlier revision are not written over newer ones`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let declared = try await fixture.declare()
            let limits = QueueLimits(concurrency: 3)
            let revision = declared.revision
            let changed = try #require(try await fixture.backend.changeQueue(Fixture.queue, .limits(limits, revision: revision)))
            #expect(changed.rules.limits == limits)
            await expect(.conflict, "an earlier revision") {
                try await fixture.backend.changeQueue(Fixture.queue, .limits(QueueLimits(concurrency: 4), revision: revision))
            }
            #expect(try await row(fixture) == changed)
        }
    }
}
