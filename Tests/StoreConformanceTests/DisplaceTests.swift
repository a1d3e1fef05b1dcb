internal import Perdure
internal import Testing

/// What gives way under a key that is full.
@Suite(.timeLimit(.minutes(10))) struct DisplaceTests {
    private static let limit = LimitID(queue: Fixture.queue, key: "key")

    private func wish(_ capacity: Int) -> SlotWish { SlotWish(limit: Self.limit, capacity: capacity, wanted: capacity) }

    /// So many run; the row of their queue.
    private func fill(_ fixture: Fixture, _ executor: TestExecutor, _ count: Int, _ policy: Queue.FullPolicy) async throws -> (
        row: QueueRow, running: [WorkflowNumber]
    ) {
        let row = try await fixture.declare(Queue(Fixture.queue, perKey: count, slots: .untilEnd, whenFull: policy))
        let running = try await fixture.enqueue(count, key: "key")
        #expect(try await executor.claim(count, of: wish(count), key: "key", holdsUntilEnd: true).numbers == running)
        return (row, running)
    }

    private func request(
        _ executor: TestExecutor, _ row: QueueRow, cancels: Bool, capacity: Int? = nil, revision: Int64? = nil
    ) async throws -> DisplaceRequest {
        DisplaceRequest(
            limit: Self.limit, capacity: capacity ?? row.rules.limits.perKey ?? 0,
            lanes: try await executor.lanes(key: "key").map(\.number), cancels: cancels, revision: revision ?? row.revision)
    }

    @Test(arguments: StoreUnderTest.available)
    func `all that waits is dropped`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (row, running) = try await fill(fixture, executor, 1, .dropNewest)
            let waiting = try await fixture.enqueue(3, key: "key")
            let other = try await fixture.enqueue(key: "other")
            let report = try await executor.claimer.displace(try await request(executor, row, cancels: false))
            #expect(report.displaced.map(\.number).sorted() == waiting.sorted() && report.displaced.allSatisfy(\.isFresh))
            #expect(report.cancelled == [])
            #expect(try await executor.claimer.owned().sorted() == (running + waiting).sorted())
            #expect(try await fixture.status(other[0]).live == .ready)
            #expect(try await fixture.inbox(running[0]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the newest wait, and the oldest of those that run are asked to cancel`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (row, running) = try await fill(fixture, executor, 2, .cancelRunning)
            let waiting = try await fixture.enqueue(4, key: "key")
            let report = try await executor.claimer.displace(try await request(executor, row, cancels: true))
            #expect(report.displaced.map(\.number).sorted() == waiting[..<2].sorted())
            #expect(report.cancelled.sorted() == running.sorted())
            for number in running { #expect(try await fixture.inbox(number).map(\.kind) == [.cancel]) }
            #expect(try await fixture.statuses(Array(waiting[2...])).map(\.live) == [.ready, .ready])
            // Nobody is asked twice.
            let again = try await executor.claimer.displace(try await request(executor, row, cancels: true))
            #expect(again == DisplaceReport())
            #expect(try await fixture.inbox(running[0]).count == 1)
            for number in running { try await executor.finish(number, .cancelled, key: "key") }
            #expect(try await executor.claim(2, of: wish(2), key: "key", holdsUntilEnd: true).numbers == Array(waiting[2...]))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `no more are cancelled than wait`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (row, running) = try await fill(fixture, executor, 3, .cancelRunning)
            _ = try await fixture.enqueue(key: "key")
            let report = try await executor.claimer.displace(try await request(executor, row, cancels: true))
            #expect(report == DisplaceReport(cancelled: [running[0]]))
            #expect(try await executor.claimer.displace(try await request(executor, row, cancels: true)) == DisplaceReport())
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nothing gives way if the key is not full, or its queue is another`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (row, running) = try await fill(fixture, executor, 1, .dropNewest)
            let waiting = try await fixture.enqueue(key: "key")
            for cancels in [true, false] {
                let stale = try await request(executor, row, cancels: cancels, revision: row.revision + 1)
                #expect(try await executor.claimer.displace(stale) == DisplaceReport())
                let room = try await request(executor, row, cancels: cancels, capacity: 2)
                #expect(try await executor.claimer.displace(room) == DisplaceReport())
            }
            try await executor.finish(running[0], key: "key")
            #expect(try await executor.claimer.displace(try await request(executor, row, cancels: false)) == DisplaceReport())
            #expect(try await fixture.status(waiting[0]).live == .ready)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is not to begin yet does not give way`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (row, _) = try await fill(fixture, executor, 1, .dropNewest)
            let later = try await fixture.enqueue(key: "key", due: Fixture.future)
            let waiting = try await fixture.enqueue(key: "key", due: Fixture.moment)
            let report = try await executor.claimer.displace(try await request(executor, row, cancels: false))
            #expect(report.displaced.map(\.number) == waiting)
            #expect(try await fixture.status(later[0]).live == .ready)
        }
    }
}
