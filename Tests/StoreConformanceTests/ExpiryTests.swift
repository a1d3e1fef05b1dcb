internal import Perdure
internal import Testing

/// What has not begun at its moment ends.
@Suite(.timeLimit(.minutes(10))) struct ExpiryTests {
    @Test(arguments: StoreUnderTest.available)
    func `the moment is stored with the workflow`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let record = try await fixture.queued(expires: Fixture.moment + 3)
            #expect(try await fixture.start(record) == .started(owned: false))
            #expect(try await fixture.load(record.number).record == record)
            #expect(try await fixture.status(record.number).record.expires == Fixture.moment + 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `whatever its queue, its type and its state before it has begun`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let waiting = try await fixture.enqueue(due: Fixture.moment + 8, expires: Fixture.moment + 9)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == waiting)
            let unknown = try await fixture.enqueue(queue: "unserved", name: "unknown", expires: Fixture.moment + 2)
            let ready = try await fixture.enqueue(expires: Fixture.moment + 4)
            let lasting = try await fixture.enqueue(expires: Fixture.future) + fixture.enqueue()
            func expired(_ now: Microseconds, limit: Int = 9) async throws -> [Claimed] {
                try await executor.claimer.claimExpired(now: now, limit: limit).sorted { $0.number < $1.number }
            }
            #expect(try await expired(Fixture.moment + 1) == [])
            #expect(try await expired(Fixture.moment + 9, limit: 0) == [])
            #expect(try await expired(Fixture.moment + 9, limit: 1).count == 1)
            #expect(try await expired(Fixture.moment + 9).count == 2)
            #expect(try await expired(Fixture.moment + 9) == [])
            let numbers = (waiting + unknown + ready).sorted()
            #expect(try await executor.claimer.owned().sorted() == numbers)
            #expect(try await fixture.statuses(lasting).map(\.live) == [.ready, .ready])
            #expect(try await executor.claimer.nextDue() == nil)
            try await executor.finish(ready[0], .expired)
            #expect(try await fixture.status(ready[0]).outcome?.status == .expired)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is told apart, and claimed as fresh`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.enqueue(expires: 5)
            #expect(
                try await executor.claimer.claimExpired(now: 5, limit: 9) == [Claimed(number: number[0], isFresh: true, isExpired: true)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a claim finds it too, and gives it no slot`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let expired = try await fixture.enqueue(expires: Fixture.moment)
            let fresh = try await fixture.enqueue(expires: Fixture.moment + 1)
            let wish = SlotWish(limit: LimitID(queue: Fixture.queue), capacity: 2, wanted: 2)
            let report = try await executor.claim(2, of: wish, holdsUntilEnd: true)
            #expect(
                report.answers[0].claimed == [
                    Claimed(number: expired[0], isFresh: true, isExpired: true), Claimed(number: fresh[0], isFresh: true),
                ])
            _ = try await fixture.enqueue(2)
            #expect(try await executor.claim(2, of: wish, holdsUntilEnd: true).numbers.count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what has begun does not expire`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.enqueue(4, expires: Fixture.moment + 1)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == numbers)
            func expired() async throws -> [Claimed] { try await executor.claimer.claimExpired(now: .max, limit: 9) }
            #expect(try await expired() == [])
            try await executor.commit([
                .suspend(numbers[0], due: 1), .release(numbers[1]), .setAside(numbers[2], reason: "broken", at: Fixture.moment),
            ])
            #expect(try await expired() == [])
            #expect(try await fixture.backend.resume(numbers[2]))
            #expect(try await expired() == [])
            let ask = try await executor.ask(9, isReturned: true)
            let again = try await executor.claim([ask], now: Fixture.future).answers[0].claimed
            #expect(again == [numbers[1], numbers[2]].map { Claimed(number: $0) })
        }
    }
}
