import Testing

@testable import Perdure

/// What an engine asks next.
@Suite struct DispatcherTests {
    @Test func `keys share the slots of a queue, however few there are`() {
        var bench = QueueBench(Queue("work", concurrency: 1))
        for key in ["a", "b", "c"] { bench.add(100, key: key) }
        #expect(bench.run(9).map(\.key) == ["a", "b", "c", "a", "b", "c", "a", "b", "c"])
    }

    @Test func `with weights some take more turns`() {
        var bench = QueueBench(Queue("work", concurrency: 2, weights: ["heavy": 3]))
        for key in ["heavy", "light"] { bench.add(1_000, key: key) }
        let begun = bench.run(400)
        #expect(abs(begun.count { $0.key == "heavy" } - 300) <= 3)
    }

    @Test func `keys share what a rate allows`() {
        var bench = QueueBench(Queue("work", rateLimit: RateLimit(3, per: .seconds(1)), weights: ["b": 2]))
        for key in ["a", "b"] { bench.add(1_000, key: key) }
        var begun: [QueueBench.Row] = []
        for _ in 0..<50 {
            begun += bench.claimAll()
            bench.pass(.seconds(1.1))
        }
        #expect(begun.count == 150)
        #expect(abs(begun.count { $0.key == "b" } - 100) <= 3)
    }

    @Test func `a key with a million delays one with three by no more than its turn`() {
        var bench = QueueBench(Queue("work", concurrency: 10))
        bench.add(1_000_000, key: "many")
        _ = bench.run(500)
        bench.add(3, key: "few")
        #expect(bench.run(20).count { $0.key == "few" } == 3)
    }

    @Test func `what was returned goes first, then the lower priority, whatever the key`() {
        var bench = QueueBench(Queue("work", concurrency: 1))
        bench.add(2, key: "a", priority: 1)
        bench.add(2, key: "b", priority: 0)
        bench.add(1, key: "c", priority: 9, isReturned: true)
        #expect(bench.run(9).map(\.key) == ["c", "b", "b", "a", "a"])
    }

    @Test func `queues take turns`() throws {
        var dispatcher = Dispatcher()
        let now = ContinuousClock.now
        dispatcher.learn(
            ["", "one", "two"].enumerated().map { number, queue in
                ReadyLane(number: Int64(number), lane: Lane(queue: queue, workflow: "flow"), isReturned: false)
            })
        let plans = [9, 1, 1, 0].map { dispatcher.plan(room: $0, now: now, time: 5) }
        let request = try #require(plans[0])
        #expect(request.asks.map(\.queue) == ["", "one", "two"] && request.asks.map(\.limit) == [3, 3, 3])
        #expect(request.now == 5 && request.isPlain && request.revisions == [:])
        #expect(plans[1]?.asks.map(\.queue) == ["one"] && plans[2]?.asks.map(\.queue) == ["two"] && plans[3] == nil)
    }

    @Test func `an engine runs no more than its own limit`() {
        var bench = QueueBench(Queue("work", perEngine: 3))
        bench.add(10, key: "a")
        #expect(bench.claimAll().count == 3 && bench.claimAll().isEmpty)
        bench.end(2)
        #expect(bench.claimAll().count == 2)
    }

    @Test func `a key that is full is asked again when one of it has ended`() {
        var bench = QueueBench(Queue("work", perKey: 1, slots: .untilEnd))
        bench.add(2, key: "a")
        bench.add(2, key: "b")
        #expect(bench.claimAll().map(\.key) == ["a", "b"])
        #expect(bench.claimAll().isEmpty && bench.plans == 0)
        let mayBegin = bench.end(1)
        #expect(mayBegin)
        #expect(bench.claimAll().map(\.key) == ["a"])
    }

    @Test func `a queue that is full is asked again when one of it has ended, and not before`() {
        var bench = QueueBench(Queue("work", concurrency: 2, slots: .untilEnd))
        bench.add(5, key: "a")
        #expect(bench.claimAll().count == 2)
        #expect(bench.claimAll().isEmpty && bench.plans == 0)
        bench.end(1)
        #expect(bench.claimAll().count == 1)
        // If others hold the slots, nobody may tell.
        bench.pass(.seconds(1.1))
        #expect(bench.claimAll().isEmpty && bench.plans > 0)
    }

    @Test func `what one key leaves another gets at once`() {
        var bench = QueueBench(Queue("work", concurrency: 10))
        bench.add(2, key: "few")
        bench.add(50, key: "many")
        #expect(bench.claimAll().count == 10)
    }

    @Test func `what waits or has expired is not counted as running`() {
        var bench = QueueBench(Queue("work", perEngine: 1))
        bench.dispatcher.learn([ReadyLane(number: 77, lane: Lane(queue: "work", key: "x", workflow: "flow"), isReturned: false)])
        guard let request = bench.plan() else { return _ = Issue.record("no plan") }
        let claimed = [Claimed(number: 1, due: 9, isFresh: true), Claimed(number: 2, isFresh: true, isExpired: true)]
        let report = ClaimReport(answers: [ClaimReport.Answer(claimed: claimed, hasMore: true)])
        let applied = bench.dispatcher.apply(report, to: request, now: bench.now)
        let next = bench.plan()
        #expect(applied == claimed && next?.asks.map(\.limit) == [1])
    }

    @Test func `a stale answer changes nothing`() throws {
        var bench = QueueBench(Queue("work", concurrency: 2))
        bench.add(2, key: "a")
        let plan = bench.plan()
        let request = try #require(plan)
        #expect(request.revisions == ["work": 1])
        let report = ClaimReport(answers: [ClaimReport.Answer(hasMore: true)], stale: ["work"])
        let applied = bench.dispatcher.apply(report, to: request, now: bench.now)
        #expect(applied.isEmpty)
        #expect(bench.claimAll().count == 2)
    }

    @Test func `a paused queue is asked for what has begun only`() {
        var bench = QueueBench(Queue("work"), isPaused: true)
        bench.add(2, key: "a")
        let none = bench.plan()
        bench.add(2, key: "a", isReturned: true)
        let some = bench.plan()
        #expect(none == nil && some?.asks.map(\.isReturned) == [true])
    }

    @Test func `what gives way is asked for where a key is full`() {
        var bench = QueueBench(Queue("work", perKey: 1, slots: .untilEnd, whenFull: .cancelRunning))
        bench.add(1, key: "a")
        _ = bench.claimAll()
        let before = bench.dispatcher.takeDisplacing()
        bench.add(2, key: "a")
        _ = bench.claimAll()
        let asked = bench.dispatcher.takeDisplacing()
        let after = bench.dispatcher.takeDisplacing()
        #expect(before.isEmpty && after.isEmpty)
        #expect(asked.map(\.limit) == [LimitID(queue: "work", key: "a")] && asked.map(\.cancels) == [true] && asked[0].capacity == 1)
    }

    @Test func `slots that the engine holds are given back when workflows hold their own`() {
        var bench = QueueBench(Queue("work", concurrency: 3))
        bench.add(1, key: "a")
        _ = bench.claimAll()
        bench.end(1)
        #expect(bench.surplus().isEmpty)
        bench.configure(Queue("work", concurrency: 3, slots: .untilEnd), revision: 2)
        bench.add(9, key: "a")
        let wish = bench.plan()?.slots.first
        #expect(wish?.free == 0 && wish?.wanted == 3)
        #expect(bench.surplus().count == bench.slots.count)
    }

    @Test func `idle slots are given back, and when to look is known`() throws {
        var bench = QueueBench(Queue("work", concurrency: 3))
        bench.add(1, key: "a")
        _ = bench.claimAll()
        bench.end(1)
        let look = try #require(bench.dispatcher.nextLook(now: bench.now))
        #expect(look > bench.now && look <= bench.now + .seconds(1))
        bench.pass(.seconds(1))
        #expect(bench.surplus().count == bench.slots.count)
        #expect(bench.dispatcher.nextLook(now: bench.now) == nil)
    }

    @Test func `what the engine turns out to have counts too`() {
        var bench = QueueBench(Queue("work", concurrency: 2, perEngine: 1))
        bench.add(2, key: "a")
        bench.dispatcher.adopt(99, Lane(queue: "work", key: "a", workflow: "flow"), now: bench.now)
        #expect(bench.claimAll().isEmpty)
        let (first, second) = (bench.dispatcher.left(99).makesRoom, bench.dispatcher.left(99).makesRoom)
        #expect(first && !second)
        #expect(bench.claimAll().count == 1)
    }

    @Test func `a key that is full is not asked again until somebody has left room under it`() throws {
        var bench = QueueBench(Queue("work", perKey: 1, slots: .untilEnd))
        bench.add(2, key: "a")
        #expect(bench.claimAll().count == 1)
        bench.add(1, key: "b")
        // What has arrived for others is no reason to ask for it.
        let begun = bench.claimAll()
        #expect(begun.map(\.key) == ["b"] && bench.plans == 1)
        let (other, unknown) = (LimitID(queue: "work", key: "b"), LimitID(queue: "other", key: "a"))
        let isReason = bench.dispatcher.unblock([other, unknown, LimitID(queue: "work")])
        let none = bench.plan()
        #expect(!isReason && none == nil)
        let isReasonNow = bench.dispatcher.unblock([LimitID(queue: "work", key: "a")])
        let next = bench.plan()
        #expect(isReasonNow && next?.asks.map(\.key) == ["a"])
    }

    @Test func `others are told where a workflow takes its slot with it`() {
        var bench = QueueBench(Queue("work", concurrency: 5, perKey: 2, slots: .untilEnd))
        let lane = Lane(queue: "work", key: "a", workflow: "flow")
        bench.dispatcher.adopt(1, lane, now: bench.now)
        let alone = bench.dispatcher.left(1).freed
        bench.dispatcher.configure([QueueRow(declared: QueueRules(Queue("work", perKey: 2, slots: .untilEnd)), revision: 2, engines: 2)])
        bench.dispatcher.adopt(2, lane, now: bench.now)
        let shared = bench.dispatcher.left(2).freed
        #expect(alone.isEmpty && shared == [LimitID(queue: "work", key: "a")])
    }
}
