internal import Perdure
internal import Testing

/// Claims of what is ready in queues.
@Suite(.timeLimit(.minutes(10))) struct QueueClaimTests {
    @Test(arguments: StoreUnderTest.available)
    func `the oldest of several lanes together`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var numbers: [WorkflowNumber] = []
            for name in ["flow", "flow", "flow", "other", "flow", "other"] { numbers += try await fixture.enqueue(name: name) }
            let ask = try await executor.ask(4)
            #expect(ask.lanes.count == 2)
            let first = try await executor.claim([ask])
            #expect(first.numbers == Array(numbers[..<4]))
            #expect(first.answers[0].hasMore && first.answers[0].shortOf == nil)
            #expect(first.answers[0].claimed.allSatisfy { $0.isFresh && !$0.isExpired && $0.due == nil && $0.isServed })
            let second = try await executor.claim([ask])
            #expect(second.numbers == Array(numbers[4...]))
            #expect(!second.answers[0].hasMore)
            #expect(second.taken == [] && second.nextTokens == [:] && second.stale == [])
            #expect(Set(try await executor.claimer.owned()) == Set(numbers))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `each ask gets its own`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (one, two) = (try await fixture.enqueue(3, key: "one"), try await fixture.enqueue(2, key: "two"))
            _ = try await fixture.enqueue(key: "three")
            let asks = [
                try await executor.ask(2, key: "one"), try await executor.ask(2, key: "two"), try await executor.ask(0, key: "three"),
            ]
            let report = try await executor.claim(asks)
            #expect(report.answers.map { $0.claimed.map(\.number) } == [Array(one[..<2]), two, []])
            #expect(report.answers[0].hasMore)
            #expect(try await executor.claim([]).answers.isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `lanes are of a queue, a key, a priority and a type, and what was returned is apart`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let plain = try await fixture.enqueue(2)
            _ = try await fixture.enqueue(key: "key")
            _ = try await fixture.enqueue(priority: 3)
            _ = try await fixture.enqueue(queue: "second", name: "other")
            _ = try await fixture.enqueue(queue: "unserved")
            _ = try await fixture.ready()
            #expect(try await executor.claim([try await executor.ask(1)]).numbers == [plain[0]])
            try await executor.commit(.release(plain[0]))
            executor.claimer.reset()
            let lanes = try await executor.claimer.scout(.queued)
            #expect(Set(lanes.map(\.number)).count == lanes.count)
            let names = lanes.map { "\($0.lane.queue)/\($0.lane.key)/\($0.lane.priority)/\($0.lane.workflow)/\($0.isReturned)" }
            #expect(
                names.sorted() == [
                    "/" + "/0/flow/false", "second//0/other/false", "work//0/flow/false", "work//0/flow/true", "work//3/flow/false",
                    "work/key/0/flow/false",
                ])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is not to begin yet waits, and is nobody's`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (later, now) = (try await fixture.enqueue(due: Fixture.moment + 1), try await fixture.enqueue(due: Fixture.moment))
            let limit = LimitID(queue: Fixture.queue)
            let ask = try await executor.ask(9, slots: [limit], holdsUntilEnd: true)
            let report = try await executor.claim([ask], slots: [SlotWish(limit: limit, capacity: 2, wanted: 2)])
            #expect(
                report.answers[0].claimed == [
                    Claimed(number: later[0], due: Fixture.moment + 1, isFresh: true), Claimed(number: now[0], isFresh: true),
                ])
            #expect(try await executor.claimer.owned() == now)
            let seen = try await fixture.status(later[0])
            #expect(seen.live == .waiting && seen.due == Fixture.moment + 1 && seen.executor == nil)
            // Its slot was taken in vain.
            _ = try await fixture.enqueue(2)
            #expect(try await executor.claim(9, of: SlotWish(limit: limit, capacity: 2, wanted: 2)).numbers.count == 1)
        }
    }

    /// Whoever lowers a limit does not want twice as many to run because some of them are above it.
    @Test(arguments: StoreUnderTest.available)
    func `slots above a limit that was lowered count until they are free`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (first, second) = (try await fixture.executor(), try await fixture.executor())
            _ = try await fixture.declare()
            _ = try await fixture.enqueue(9)
            let limit = LimitID(queue: Fixture.queue)
            for executor in [first, second] {
                #expect(try await executor.claim(2, of: SlotWish(limit: limit, capacity: 4, wanted: 2)).numbers.count == 2)
            }
            try await first.claimer.free(try await first.claimer.slots())
            let lowered = SlotWish(limit: limit, capacity: 2, wanted: 2)
            #expect(try await first.claim(2, of: lowered).numbers == [])
            let held = try await second.claimer.slots()
            #expect(held.map(\.index) == [2, 3])
            try await second.claimer.free([held[1]])
            #expect(try await first.claim(2, of: lowered).numbers.count == 1)
            try await second.claimer.free([held[0]])
            #expect(try await second.claim(2, of: lowered).numbers.count == 1)
            #expect(try await first.claim(2, of: lowered).numbers == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a queue that has changed since is left alone`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let row = try await fixture.declare()
            _ = try await fixture.backend.changeQueue(Fixture.queue, .limits(QueueLimits(concurrency: 1)))
            let numbers = try await fixture.enqueue(2)
            let others = try await fixture.enqueue(queue: "second")
            let limit = LimitID(queue: Fixture.queue)
            let asks = [try await executor.ask(9, slots: [limit]), try await executor.ask(9, queue: "second")]
            let wish = SlotWish(limit: limit, capacity: 5, wanted: 2)
            for revision in [row.revision, row.revision + 7] {
                let report = try await executor.claim(asks, slots: [wish], revisions: [Fixture.queue: revision])
                #expect(report.stale == [Fixture.queue] && report.taken == [])
                #expect(report.answers[0].claimed == [] && report.answers[0].hasMore)
                #expect(report.answers[1].claimed.map(\.number) == (revision == row.revision ? others : []))
            }
            let missing = try await executor.claim([try await executor.ask(9, queue: "second")], revisions: ["second": 1])
            #expect(missing.stale == ["second"] && missing.all == [])
            #expect(try await executor.claimer.slots() == [])
            let now = try #require(try await fixture.backend.queueRows([Fixture.queue]).first)
            let report = try await executor.claim(asks, slots: [wish], revisions: [Fixture.queue: now.revision])
            #expect(report.numbers == numbers && report.stale == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a paused queue hands out what has begun, and nothing else`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.declare()
            let numbers = try await fixture.enqueue(3)
            #expect(try await executor.claim([try await executor.ask(1)]).numbers == [numbers[0]])
            try await executor.commit(.release(numbers[0]))
            let paused = try #require(try await fixture.backend.changeQueue(Fixture.queue, .pause(reason: nil)))
            let asks = [try await executor.ask(9, isReturned: true), try await executor.ask(9)]
            let report = try await executor.claim(asks, revisions: [Fixture.queue: paused.revision])
            #expect(report.answers.map { $0.claimed.map(\.number) } == [[numbers[0]], []])
            #expect(report.answers[1].hasMore && report.stale == [])
            let resumed = try #require(try await fixture.backend.changeQueue(Fixture.queue, .resume))
            #expect(try await executor.claim([asks[1]], revisions: [Fixture.queue: resumed.revision]).numbers == Array(numbers[1...]))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what wakes in a queue that is limited takes its turn again`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var limited = Repertoire.queued
            limited.limited = [Fixture.queue]
            let numbers = try await fixture.enqueue(3)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == numbers)
            try await executor.commit([.suspend(numbers[0], due: 1), .suspend(numbers[1], due: .max), .suspend(numbers[2], due: 2)])
            #expect(try await executor.claimer.claimDue(limited, now: 1, limit: 9) == [Claimed(number: numbers[0], isServed: false)])
            #expect(
                try await executor.claimer.claimArrived([numbers[1]], limited) == [Claimed(number: numbers[1], isServed: false)])
            let seen = try await fixture.statuses(Array(numbers[..<2]))
            #expect(seen.map(\.live) == [.ready, .ready] && seen.map(\.due) == [nil, nil])
            #expect(try await executor.lanes() == [])
            let report = try await executor.claim([try await executor.ask(9, isReturned: true)])
            #expect(report.answers[0].claimed == [Claimed(number: numbers[0]), Claimed(number: numbers[1])])
            // In one that is not, it goes on at once.
            #expect(try await executor.claimer.claimDue(.queued, now: 2, limit: 9) == [Claimed(number: numbers[2])])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a delayed start of a queue takes its turn when it is due`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let delayed = try await fixture.enqueue(due: Fixture.moment + 5)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == delayed)
            let numbers = try await fixture.enqueue(2)
            let due = try await executor.claimer.claimDue(.queued, now: Fixture.moment + 5, limit: 9)
            #expect(due == [Claimed(number: delayed[0], isServed: false)])
            let last = try await fixture.enqueue()
            let claimed = try await executor.claim([try await executor.ask(9)]).answers[0].claimed
            #expect(claimed == (numbers + delayed + last).map { Claimed(number: $0, isFresh: true) })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what ends unrun is claimed from any queue`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let ready = try await fixture.enqueue(3, queue: "unserved")
            let delayed = try await fixture.enqueue(2, due: Fixture.future)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == delayed)
            let all = ready + delayed
            try await fixture.backend.deliver([
                cancel(all[0]), InboxItem(workflow: all[1], kind: .terminate), cancel(all[3]),
                InboxItem(workflow: all[4], kind: .terminate),
            ])
            let claimed = try await executor.claimer.claimArrived(all, .queued)
            let expected = [0, 1, 3, 4].map { Claimed(number: all[$0], isFresh: true) }
            #expect(claimed.sorted { $0.number < $1.number } == expected.sorted { $0.number < $1.number })
            #expect(try await fixture.status(all[2]).live == .ready)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `whoever has lost its lease claims nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (dead, alive) = (try await fixture.executor(lease: .milliseconds(50)), try await fixture.executor())
            let row = try await fixture.declare(Queue(Fixture.queue, perKey: 1, slots: .untilEnd, whenFull: .dropNewest))
            let numbers = try await fixture.enqueue(2, expires: Fixture.moment)
            let limit = LimitID(queue: Fixture.queue, key: "")
            let wish = SlotWish(limit: limit, capacity: 1, wanted: 1)
            #expect(try await alive.claim(1, of: wish, holdsUntilEnd: true).all.count == 1)
            let ask = try await alive.ask(1, slots: [limit])
            try await fixture.backend.add([BatchItem(lane: Lane(queue: Fixture.queue, workflow: "flow"), payload: .text(""), created: 0)])
            try await fixture.reap(dead)
            await expect(.fenced, "claim") { try await dead.claim([ask], slots: [SlotWish(limit: limit, capacity: 9, wanted: 9)]) }
            await expect(.fenced, "displace") {
                try await dead.claimer.displace(
                    DisplaceRequest(limit: limit, capacity: 1, lanes: ask.lanes, cancels: false, revision: row.revision))
            }
            await expect(.fenced, "expired") { try await dead.claimer.claimExpired(now: .max, limit: 9) }
            await expect(.fenced, "free") { try await dead.claimer.free([Slot(limit: limit, index: 0)]) }
            let wishes = [BatchWish(queue: Fixture.queue, size: 1, within: 1)]
            await expect(.fenced, "gather") { try await fixture.backend.gather(wishes, by: dead.id, now: Fixture.moment) }
            #expect(try await dead.claimer.slots() == [])
            #expect(try await fixture.statuses(numbers).map(\.live) == [.owned, .ready])
        }
    }
}
