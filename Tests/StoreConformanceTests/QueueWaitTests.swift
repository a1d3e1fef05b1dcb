internal import Perdure
internal import Testing

/// What a workflow that is ready waits for, as people see it.
@Suite(.timeLimit(.minutes(10))) struct QueueWaitTests {
    private func register(_ fixture: Fixture, _ repertoire: Repertoire) async throws -> TestExecutor {
        let id = ExecutorID.random(in: 1...ExecutorID.max)
        let description = ExecutorDescription(label: "test", terms: LeaseTerms(lease: .seconds(600)), repertoire: repertoire)
        try await fixture.backend.register(id, description)
        return TestExecutor(
            id: id, backend: fixture.backend, writer: try await fixture.backend.writer(0, for: id),
            claimer: try await fixture.backend.claimer(for: id))
    }

    /// The same everywhere: in the record, and in the view where there is one.
    private func expectWait(_ wait: QueueWait?, isServed: Bool, _ number: WorkflowNumber, _ fixture: Fixture) async throws {
        let status = try await fixture.status(number)
        #expect(status.wait == wait && status.isServed == isServed)
        guard fixture.viewPrefix != nil else { return }
        let row = try #require(
            try await fixture.rows(of: "workflow_status", orderedBy: "workflow_number").first { $0["workflow_number"] == .int(number) })
        #expect(row["waits_for"] == wait.map { .text($0.rawValue) } ?? .null)
        #expect([SQLValue.bool(isServed), .int(isServed ? 1 : 0)].contains(row["is_served"]))
    }

    @Test(arguments: StoreUnderTest.available)
    func `an engine of its type, and of its queue`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            try await fixture.declare()
            let (plain, queued) = (try await fixture.ready(), try await fixture.enqueue()[0])
            try await expectWait(.noEngine, isServed: false, plain, fixture)
            #expect(try await fixture.status(queued).isServed == false)
            _ = try await register(fixture, .flow)
            try await expectWait(.turn, isServed: true, plain, fixture)
            try await expectWait(.unserved, isServed: false, queued, fixture)
            // Another engine's type does not help it.
            _ = try await register(fixture, Repertoire(workflows: ["other"], versions: [""], queues: ["", Fixture.queue]))
            #expect(try await fixture.status(queued).isServed == false)
            _ = try await register(fixture, .queued)
            try await expectWait(.turn, isServed: true, queued, fixture)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a pause, unless it has begun`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await register(fixture, .queued)
            try await fixture.declare()
            let numbers = try await fixture.enqueue(2)
            #expect(try await executor.claim([try await executor.ask(1)]).numbers == [numbers[0]])
            try await executor.commit(.release(numbers[0]))
            _ = try await fixture.backend.changeQueue(Fixture.queue, .pause(reason: nil))
            try await expectWait(.paused, isServed: true, numbers[1], fixture)
            try await expectWait(.turn, isServed: true, numbers[0], fixture)
            _ = try await fixture.backend.changeQueue(Fixture.queue, .resume)
            try await expectWait(.turn, isServed: true, numbers[1], fixture)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a slot of its key or of its queue`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await register(fixture, .queued)
            try await fixture.declare(Queue(Fixture.queue, concurrency: 2, perKey: 1))
            let (keyed, other) = (try await fixture.enqueue(2, key: "key"), try await fixture.enqueue(2, key: "other"))
            let limits = [LimitID(queue: Fixture.queue), LimitID(queue: Fixture.queue, key: "key")]
            let wishes = limits.map { SlotWish(limit: $0, capacity: 2, wanted: 1) }
            #expect(try await executor.claim([try await executor.ask(1, key: "key", slots: limits)], slots: wishes).numbers == [keyed[0]])
            try await expectWait(.keyConcurrency, isServed: true, keyed[1], fixture)
            try await expectWait(.turn, isServed: true, other[0], fixture)
            let queue = try await executor.ask(1, key: "other", slots: [limits[0]])
            #expect(try await executor.claim([queue], slots: [wishes[0]]).numbers == [other[0]])
            try await expectWait(.concurrency, isServed: true, other[1], fixture)
            try await expectWait(.keyConcurrency, isServed: true, keyed[1], fixture)
            // What holds now is what counts.
            _ = try await fixture.backend.changeQueue(Fixture.queue, .limits(QueueLimits(concurrency: 3)))
            try await expectWait(.turn, isServed: true, other[1], fixture)
            try await expectWait(.turn, isServed: true, keyed[1], fixture)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only what is ready waits for anything`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await register(fixture, .queued)
            let delayed = try await fixture.enqueue(key: "later", due: Fixture.future)[0]
            try await expectWait(nil, isServed: true, delayed, fixture)
            #expect(try await executor.claim([try await executor.ask(9, key: "later")]).numbers == [delayed])
            try await expectWait(nil, isServed: true, delayed, fixture)
            let running = try await fixture.enqueue()[0]
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [running])
            try await expectWait(nil, isServed: true, running, fixture)
            try await executor.finish(running)
            #expect(try await fixture.status(running).wait == nil)
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `its place is in the view`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            _ = try await fixture.enqueue(key: "key", priority: 4, expires: Fixture.future)
            let row = try #require(try await fixture.rows(of: "workflow_status", orderedBy: "workflow_number").first)
            #expect(row["queue"] == .text(Fixture.queue) && row["key"] == .text("key") && row["priority"] == .int(4))
            #expect(row["expires_at"] != .null && row["state"] == .text("queued"))
        }
    }
}
