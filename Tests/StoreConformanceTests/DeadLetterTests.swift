internal import Perdure
internal import Testing

/// What came to no good end, and is started again.
@Suite(.timeLimit(.minutes(10))) struct DeadLetterTests {
    /// Workflows of the queue that have ended like this.
    private func ended(
        _ statuses: [OutcomeStatus], _ fixture: Fixture, _ executor: TestExecutor, key: String = ""
    ) async throws -> [WorkflowNumber] {
        let numbers = try await fixture.enqueue(statuses.count, key: key)
        #expect(try await executor.claim([try await executor.ask(99, key: key)]).numbers == numbers)
        for (number, status) in zip(numbers, statuses) { try await executor.finish(number, status, key: key) }
        return numbers
    }

    private func letters(_ fixture: Fixture, of queue: String? = nil) async throws -> [WorkflowNumber] {
        try await fixture.backend.deadLetters(of: queue, after: 0, limit: 99).map(\.number)
    }

    @Test(arguments: StoreUnderTest.available)
    func `of a queue, and only what nobody wanted to end like that`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await ended(
                [.completed, .failed, .cancelled, .terminated, .timedOut, .expired], fixture, executor, key: "key")
            let free = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(free, .failed), parent: nil))
            let found = try await fixture.backend.deadLetters(of: nil, after: 0, limit: 99)
            #expect(found.map(\.number) == [numbers[1], numbers[4], numbers[5]])
            #expect(found.map(\.status) == [.failed, .timedOut, .expired])
            #expect(
                found[0]
                    == DeadLetterRecord(
                        number: numbers[1], id: nil, lane: Lane(queue: Fixture.queue, key: "key", workflow: "flow"), status: .failed,
                        error: .text("badly"), finished: Fixture.moment + 5000))
            let page = try await fixture.backend.deadLetters(of: Fixture.queue, after: numbers[1], limit: 1)
            #expect(page.map(\.number) == [numbers[4]])
            #expect(try await letters(fixture, of: "second") == [])
            #expect(try await letters(fixture, of: Fixture.queue).count == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an end that is sent again makes no second`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await ended([.failed], fixture, executor)[0]
            try await executor.finish(number, .failed)
            #expect(try await letters(fixture) == [number])
            #expect(try await fixture.backend.redrive([number: try await fixture.number()], now: Fixture.moment) == [number])
            try await executor.finish(number, .failed)
            #expect(try await letters(fixture) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is started again as it was asked for, once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.queued(key: "key", priority: 3)
            (record.id, record.attributes, record.input) = ("mine", .text("attributes"), .text("input"))
            (record.expires, record.deadline, record.due) = (Fixture.future + 9, Fixture.future + 8, Fixture.moment)
            #expect(try await fixture.start(record) == .started(owned: false))
            #expect(try await executor.claim([try await executor.ask(9, key: "key")]).numbers == [record.number])
            try await executor.finish(record.number, .timedOut, key: "key")
            let (new, other) = (try await fixture.number(), try await fixture.number())
            let now = Fixture.moment + 77
            #expect(
                try await fixture.backend.redrive([record.number: new, other: try await fixture.number()], now: now) == [record.number])
            #expect(try await letters(fixture) == [])
            // With as much time as it had.
            var again = WorkflowRecord(
                number: new, id: "mine", lane: record.lane, input: record.input, attributes: record.attributes, created: now)
            (again.expires, again.deadline) = (Fixture.future + 9 + 77, Fixture.future + 8 + 77)
            #expect(try await fixture.load(new).record == again)
            #expect(try await fixture.backend.number(ofID: "mine") == new)
            let status = try await fixture.status(new)
            #expect(status.live == .ready && status.due == nil && status.crashes == 0)
            #expect(try await fixture.status(record.number).outcome?.status == .timedOut)
            #expect(
                try await executor.claim([try await executor.ask(9, key: "key")]).answers[0].claimed == [
                    Claimed(number: new, isFresh: true)
                ])
            #expect(try await fixture.backend.redrive([record.number: other], now: 78) == [])
            #expect(try await fixture.backend.status(of: other) == nil)
            // It may come to no good end again.
            try await executor.finish(new, .failed, key: "key")
            #expect(try await letters(fixture) == [new])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an id that is a newer run's stays there`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.queued()
            record.id = "mine"
            #expect(try await fixture.start(record) == .started(owned: false))
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [record.number])
            try await executor.finish(record.number, .failed)
            var newer = try await fixture.queued()
            newer.id = "mine"
            #expect(try await fixture.start(newer, IDPolicies(reuse: .allowDuplicate)) == .started(owned: false))
            let new = try await fixture.number()
            #expect(try await fixture.backend.redrive([record.number: new], now: 77) == [record.number])
            #expect(try await fixture.load(new).record.id == nil)
            #expect(try await fixture.backend.number(ofID: "mine") == newer.number)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `many at once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await ended(Array(repeating: .failed, count: 20), fixture, executor)
            var wanted: [WorkflowNumber: WorkflowNumber] = [:]
            for number in numbers[..<15] { wanted[number] = try await fixture.number() }
            #expect(try await fixture.backend.redrive(wanted, now: 77).sorted() == Array(numbers[..<15]))
            #expect(try await letters(fixture) == Array(numbers[15...]))
            #expect(Set(try await executor.claim([try await executor.ask(99)]).numbers) == Set(wanted.values))
            #expect(try await fixture.backend.redrive([:], now: 77) == [])
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the view`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await ended([.failed, .expired, .timedOut], fixture, executor, key: "key")
            #expect(try await fixture.backend.redrive([numbers[1]: try await fixture.number()], now: 77) == [numbers[1]])
            let rows = try await fixture.rows(of: "dead_letters", orderedBy: "workflow_number")
            #expect(Set(rows[0].keys) == ["id", "workflow_number", "name", "queue", "key", "state", "error", "finished_at"])
            #expect(rows.map { $0["workflow_number"] } == [.int(numbers[0]), .int(numbers[2])])
            #expect(rows.map { $0["state"] } == [.text("failed"), .text("timed out")])
            #expect(rows[0]["queue"] == .text(Fixture.queue) && rows[0]["key"] == .text("key") && rows[0]["error"] == .text("\"badly\""))
        }
    }

    /// Ends one that was started under a key that keeps others out.
    private func dead(_ fixture: Fixture, _ executor: TestExecutor, _ policies: IDPolicies) async throws -> WorkflowNumber {
        let record = try await fixture.queued()
        #expect(try await fixture.start(record, policies) == .started(owned: false))
        #expect(try await executor.claim([try await executor.ask(9)]).numbers == [record.number])
        try await executor.finish(record.number, .failed)
        return record.number
    }

    @Test(arguments: StoreUnderTest.available)
    func `what kept others out does so again`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let policies = IDPolicies(deduplication: StoredDeduplication(key: "once", policy: .reject))
            let letter = try await dead(fixture, executor, policies)
            let new = try await fixture.number()
            #expect(try await fixture.backend.redrive([letter: new], now: Fixture.moment) == [letter])
            #expect(try await fixture.start(try await fixture.queued(), policies) == .duplicate(new))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `while another is open under its key it stays a dead letter`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let policies = IDPolicies(deduplication: StoredDeduplication(key: "once", policy: .reject))
            let letter = try await dead(fixture, executor, policies)
            let other = try await fixture.queued()
            #expect(try await fixture.start(other, policies) == .started(owned: false))
            #expect(try await fixture.backend.redrive([letter: try await fixture.number()], now: Fixture.moment) == [])
            #expect(try await letters(fixture) == [letter])
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [other.number])
            try await executor.finish(other.number)
            let new = try await fixture.number()
            #expect(try await fixture.backend.redrive([letter: new], now: Fixture.moment) == [letter])
            #expect(try await fixture.start(try await fixture.queued(), policies) == .duplicate(new))
        }
    }

    /// Two dead letters of one key of a singleton queue: one is started, the other waits for it.
    @Test(arguments: StoreUnderTest.available)
    func `of a singleton queue each key is open once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.declare(Queue(Fixture.queue, singleton: .reject))
            let policies = IDPolicies(deduplication: StoredDeduplication(key: StoredDeduplication.singletonKey(""), policy: .reject))
            let dead = [try await dead(fixture, executor, policies), try await self.dead(fixture, executor, policies)]
            let wanted = [dead[0]: try await fixture.number(), dead[1]: try await fixture.number()]
            #expect(try await fixture.backend.redrive(wanted, now: Fixture.moment) == [dead[0]])
            #expect(try await letters(fixture) == [dead[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of two dead letters of one key one is started, and the other waits for it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let policies = IDPolicies(deduplication: StoredDeduplication(key: "once", policy: .reject))
            let dead = [try await dead(fixture, executor, policies), try await self.dead(fixture, executor, policies)]
            let (first, second) = (try await fixture.number(), try await fixture.number())
            #expect(try await fixture.backend.redrive([dead[0]: first, dead[1]: second], now: Fixture.moment) == [dead[0]])
            #expect(try await letters(fixture) == [dead[1]])
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first])
            try await executor.finish(first)
            #expect(try await fixture.backend.redrive([dead[1]: second], now: Fixture.moment) == [dead[1]])
            #expect(try await fixture.start(try await fixture.queued(), policies) == .duplicate(second))
        }
    }
}
