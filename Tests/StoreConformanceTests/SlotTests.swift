internal import Perdure
internal import Testing

/// Slots: the limits that all executors share.
@Suite(.timeLimit(.minutes(10))) struct SlotTests {
    private static let limit = LimitID(queue: Fixture.queue)
    private static let key = LimitID(queue: Fixture.queue, key: "key")

    private func wish(_ capacity: Int, _ wanted: Int, free: Int = 0) -> SlotWish {
        SlotWish(limit: Self.limit, capacity: capacity, free: free, wanted: wanted)
    }

    @Test(arguments: StoreUnderTest.available)
    func `all executors together have no more than the limit`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.enqueue(6)
            let first = try await one.claim(2, of: wish(3, 2))
            #expect(first.numbers == Array(numbers[..<2]) && first.answers[0].shortOf == nil && first.answers[0].hasMore)
            #expect(first.taken == [0, 1].map { Slot(limit: Self.limit, index: $0) })
            let second = try await two.claim(4, of: wish(3, 3))
            #expect(second.numbers == [numbers[2]] && second.answers[0].shortOf == Self.limit && second.answers[0].hasMore)
            #expect(second.taken == [Slot(limit: Self.limit, index: 2)])
            let third = try await one.claim(4, of: wish(3, 1))
            #expect(third.numbers == [] && third.answers[0].shortOf == Self.limit && third.taken == [] && third.nextTokens == [:])
            try await one.claimer.free([Slot(limit: Self.limit, index: 0)])
            #expect(try await two.claim(4, of: wish(3, 2)).taken == [Slot(limit: Self.limit, index: 0)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what was taken stays until it is freed`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.enqueue(3)
            let slots = (0..<3).map { Slot(limit: Self.limit, index: $0) }
            let report = try await one.claim(1, of: wish(9, 3))
            #expect(report.numbers == [numbers[0]] && report.taken == slots)
            try await one.finish(numbers[0])
            #expect(Set(try await one.claimer.slots()) == Set(slots))
            #expect(try await two.claimer.slots() == [])
            // Of others, and of what is not held, nothing is freed.
            try await two.claimer.free(slots)
            try await one.claimer.free([Slot(limit: Self.limit, index: 7), Slot(limit: Self.key, index: 0)])
            #expect(Set(try await one.claimer.slots()) == Set(slots))
            // What is held already need not be taken.
            let again = try await one.claim(9, of: wish(9, 0, free: 3))
            #expect(again.numbers == Array(numbers[1...]) && again.taken == [] && !again.answers[0].hasMore)
            try await one.claimer.free(slots)
            #expect(try await one.claimer.slots() == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a workflow needs one of each limit`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (keyed, others) = (try await fixture.enqueue(3, key: "key"), try await fixture.enqueue(3, key: "other"))
            let other = LimitID(queue: Fixture.queue, key: "other")
            let asks = [
                try await executor.ask(3, key: "key", slots: [Self.limit, Self.key]),
                try await executor.ask(3, key: "other", slots: [Self.limit, other]),
            ]
            let wishes = [
                wish(9, 5), SlotWish(limit: Self.key, capacity: 1, wanted: 3), SlotWish(limit: other, capacity: 2, wanted: 3),
            ]
            let report = try await executor.claim(asks, slots: wishes)
            #expect(report.answers.map { $0.claimed.map(\.number) } == [[keyed[0]], Array(others[..<2])])
            #expect(report.answers.map(\.shortOf) == [Self.key, other])
            // Two of the queue's are of no use while the keys are full: they are left to others.
            #expect(report.taken.count == 6 && report.taken.count { $0.limit == Self.limit } == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what the limit does not give to all is shared`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for key in ["one", "two"] { _ = try await fixture.enqueue(9, key: key) }
            let asks = [
                try await executor.ask(9, key: "one", slots: [Self.limit]), try await executor.ask(9, key: "two", slots: [Self.limit]),
            ]
            let report = try await executor.claim(asks, slots: [wish(5, 5)])
            #expect(report.answers.map(\.claimed.count) == [3, 2])
            #expect(report.answers.map(\.shortOf) == [Self.limit, Self.limit])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a slot of a workflow's own is there until its end`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.enqueue(4)
            let report = try await one.claim(9, of: wish(2, 2), holdsUntilEnd: true)
            #expect(report.numbers == Array(numbers[..<2]) && report.taken == [] && report.answers[0].shortOf == Self.limit)
            #expect(try await one.claimer.slots() == [])
            try await one.claimer.free([0, 1].map { Slot(limit: Self.limit, index: $0) })
            func isFull() async throws -> Bool { try await two.claim(1, of: wish(2, 2), holdsUntilEnd: true).all.isEmpty }
            #expect(try await isFull())
            try await one.commit([.suspend(numbers[0], due: .max), .setAside(numbers[1], reason: "broken", at: Fixture.moment)])
            #expect(try await isFull())
            #expect(try await one.claimer.claimArrived([numbers[0]], .queued).map(\.number) == [numbers[0]])
            try await one.commit(.release(numbers[0]))
            #expect(try await isFull())
            // What has begun needs no other.
            #expect(try await two.claim([try await two.ask(9, isReturned: true)]).numbers == [numbers[0]])
            try await two.finish(numbers[0], .failed)
            #expect(try await two.claim(9, of: wish(2, 2), holdsUntilEnd: true).numbers == [numbers[2]])
            #expect(try await isFull())
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `slots that were taken in vain for workflows are free again`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.enqueue()
            let report = try await executor.claim(3, of: wish(3, 3), holdsUntilEnd: true)
            #expect(report.numbers == numbers && report.taken == [] && !report.answers[0].hasMore)
            #expect(try await executor.claimer.slots() == [])
            _ = try await fixture.enqueue(3)
            #expect(try await executor.claim(3, of: wish(3, 3)).numbers.count == 2)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what a dead executor holds is free when it has no workflows any more`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (dead, alive) = (try await fixture.executor(lease: .milliseconds(50)), try await fixture.executor())
            let numbers = try await fixture.enqueue(6)
            #expect(try await dead.claim(2, of: wish(3, 2)).numbers.count == 2)
            #expect(try await dead.claim(1, of: wish(3, 1), holdsUntilEnd: true).numbers.count == 1)
            try await fixture.reap(dead)
            func claim() async throws -> Int { try await alive.claim(9, of: wish(3, 3)).numbers.count }
            #expect(try await claim() == 0)
            #expect(try await fixture.backend.reap(limit: 2).more)
            #expect(try await claim() == 0)
            while try await fixture.backend.reap(limit: 2).more {}
            #expect(try await fixture.statuses(Array(numbers[..<3])).map(\.live) == [.ready, .ready, .ready])
            // One of them has a slot of its own.
            #expect(try await claim() == 2)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `whoever retires frees its slots`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            _ = try await fixture.enqueue(6)
            #expect(try await one.claim(2, of: wish(3, 2)).numbers.count == 2)
            #expect(try await one.claim(1, of: wish(3, 1), holdsUntilEnd: true).numbers.count == 1)
            try await fixture.backend.retire(one.id)
            #expect(try await one.claimer.slots() == [])
            #expect(try await two.claim(9, of: wish(3, 3)).numbers.count == 2)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `with many at once it is never more than the limit`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executors = try await withThrowingTaskGroup(of: TestExecutor.self) { group in
                for _ in 0..<3 { group.addTask { try await fixture.executor(on: try await fixture.open()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let numbers = try await fixture.enqueue(40)
            let (running, ended) = (Counter(), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for executor in executors {
                    group.addTask {
                        try await eventually("all have ended") {
                            let report = try await retrying { try await executor.claim(3, of: self.wish(4, 3)) }
                            #expect(running.add(report.all.count) <= 4)
                            for number in report.all { try await retrying { try await executor.finish(number) } }
                            _ = running.add(-report.all.count)
                            try await retrying { try await executor.claimer.free(report.taken) }
                            return ended.add(report.all.count) >= numbers.count
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(ended.add(0) == numbers.count)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `where slots are not held until the end any more, what has begun holds none`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.declare(Queue(Fixture.queue, concurrency: 1, slots: .untilEnd))
            let numbers = try await fixture.enqueue(2)
            #expect(try await executor.claim(9, of: wish(1, 1), holdsUntilEnd: true).numbers == [numbers[0]])
            try await executor.commit(.suspend(numbers[0], due: .max))
            #expect(try await executor.claim(9, of: wish(1, 1), holdsUntilEnd: true).numbers == [])
            try await fixture.declare(Queue(Fixture.queue, concurrency: 1))
            // It would wait for a second one when it wakes, and all others with it.
            let next = try await executor.claim(9, of: wish(1, 1))
            #expect(next.numbers == [numbers[1]] && next.taken.count == 1)
        }
    }
}
