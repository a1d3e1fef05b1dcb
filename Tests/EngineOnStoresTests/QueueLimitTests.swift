import Foundation
import Perdure
import Testing

/// Limits hold over all engines of a database.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct QueueLimitTests {
    @Test(arguments: SQLStore.available)
    func `no more run at the same time than are allowed, in however many engines`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 3))
        let engines = try await engines(3, on: store.make().store, watch, queue)
        try await running(engines) {
            let handles = try await engines[0].enqueue(Job.self, each: jobs(60, milliseconds: 3), on: queue)
            #expect(try await handles.results().sorted() == (0..<60).map { "\($0)" }.sorted())
        }
        #expect(watch.seen.most <= 3 && watch.seen.most > 1 && watch.seen.begun.count == 60)
    }

    @Test(arguments: SQLStore.available)
    func `keys have limits of their own`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", perKey: 1))
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            var handles: [WorkflowHandle<String>] = []
            for key in ["a", "b", "c"] {
                handles += try await engines[1].enqueue(
                    Job.self, each: jobs(12, key: key, milliseconds: 3), on: queue, options: EnqueueOptions(key: key))
            }
            _ = try await handles.results()
        }
        #expect(watch.seen.mostOfKey == 1 && watch.seen.most <= 3 && watch.seen.begun.count == 36)
        // Within a key, who came first.
        for key in ["a", "b", "c"] { #expect(watch.seen.begun.filter { $0.key == key }.map(\.name) == jobs(12, key: key).map(\.name)) }
    }

    @Test(arguments: SQLStore.available)
    func `an engine has a limit of its own`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(isOpen: false), Queue("work", perEngine: 2))
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let handles = try await engines[0].enqueue(Job.self, each: jobs(9), on: queue)
            try await eventually("both have what they may") { watch.inside.count == 4 }
            watch.open()
            _ = try await handles.results()
        }
        #expect(watch.seen.mostInEngine == [0: 2, 1: 2])
    }

    @Test(arguments: SQLStore.available)
    func `no more begin in a stretch of time than are allowed`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", rateLimit: RateLimit(4, per: .milliseconds(300))))
        let engines = try await engines(3, on: store.make().store, watch, queue)
        let begin = ContinuousClock.now
        try await running(engines) {
            let handles = try await engines[0].enqueue(Job.self, each: jobs(12), on: queue)
            _ = try await handles.results()
        }
        for (index, moment) in watch.seen.moments.sorted().enumerated() {
            // Whoever begins knows nothing of those before it but when they could have begun at the earliest.
            #expect(moment - begin >= .milliseconds(300 * (index / 4)))
        }
    }

    @Test(arguments: SQLStore.available)
    func `priorities go first, and who came first within one`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 1))
        let engines = try await engines(1, on: store.make().store, watch, queue)
        var handles: [WorkflowHandle<String>] = []
        for priority in [5, 0, 9, 5, 0, 1] {
            let input = Job.Input(name: "\(priority) \(handles.count)")
            handles.append(try await engines[0].enqueue(Job.self, input, on: queue, options: EnqueueOptions(priority: priority)))
        }
        try await running(engines) { _ = try await handles.results() }
        #expect(watch.begun == ["0 1", "0 4", "1 5", "5 0", "5 3", "9 2"])
    }

    @Test(arguments: SQLStore.available)
    func `a limit is raised and lowered while work goes on`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(isOpen: false), Queue("work", concurrency: 1))
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let handles = try await engines[0].enqueue(Job.self, each: jobs(30), on: queue)
            try await eventually("one begins") { watch.inside.count == 1 }
            try await engines[0].client.changeQueue("work") { $0.concurrency = 4 }
            try await eventually("three more begin") { watch.inside.count == 4 }
            // What runs goes on; but until two of three have left no other begins.
            try await engines[1].client.changeQueue("work") { $0.concurrency = 2 }
            for left in [3, 2] {
                watch.letOneGo()
                try await eventually("one has left") { watch.inside.count == left }
            }
            let before = watch.seen.begun.count
            for more in 1...8 {
                watch.letOneGo()
                try await eventually("another begins") { watch.seen.begun.count == before + more && watch.inside.count == 2 }
            }
            try await engines[0].client.resetQueue("work")
            #expect(try await engines[0].client.queue("work").limits.concurrency == 1)
            watch.open()
            _ = try await handles.results()
        }
        #expect(watch.seen.most == 4 && watch.seen.begun.count == 30)
    }

    @Test(arguments: SQLStore.available)
    func `what a dead engine had goes on within the limit`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(isOpen: false), Queue("work", concurrency: 2))
        let database = store.make().store
        let engines = try await engines(2, on: database, watch, queue)
        let handles = try await engines[0].enqueue(Job.self, each: jobs(8), on: queue)
        let backend = engines[0].client.core.store
        // Twice, so that they are suspects.
        for _ in 0..<2 {
            let taken = try await backend.claim(2, of: queue, ExecutorID.random(in: 1 ... .max))
            #expect(taken == 2)
        }
        try await running(engines) {
            try await eventually("all that may have begun") { watch.inside.count == 2 }
            for _ in 0..<6 {
                let before = watch.seen.begun.count
                watch.letOneGo()
                try await eventually("another has begun") { watch.seen.begun.count == before + 1 }
            }
            watch.open()
            _ = try await handles.results()
        }
        #expect(watch.seen.most == 2 && watch.seen.begun.count == 8)
    }
}

extension StoreBackend {
    /// What an engine does that dies with what it has claimed: how many that were.
    fileprivate func claim(_ count: Int, of queue: Queue, _ executor: ExecutorID) async throws -> Int {
        _ = try await declare([QueueRules(queue)])
        try await register(executor, label: "dies", lease: .milliseconds(1))
        let claimer = try await claimer(for: executor)
        let lanes = try await claimer.scout(Repertoire(workflows: ["Job"], versions: [""], queues: [queue.name]))
        let limit = LimitID(queue: queue.name)
        let asks = [true, false].map { isReturned in
            ClaimAsk(
                lanes: lanes.filter { $0.isReturned == isReturned }.map(\.number), isReturned: isReturned, queue: queue.name, limit: count,
                slots: [limit])
        }
        let wish = SlotWish(limit: limit, capacity: count, wanted: count)
        let report = try await claimer.claim(ClaimRequest(asks: asks.filter { !$0.lanes.isEmpty }, slots: [wish], now: .max))
        await claimer.close()
        try await eventually("it is reaped") { try await self.reap(ReapRules(limit: 99)).executors.contains(executor) }
        return report.answers.reduce(0) { $0 + $1.claimed.count }
    }
}
