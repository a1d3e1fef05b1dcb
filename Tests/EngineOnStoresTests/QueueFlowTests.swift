import Foundation
import Perdure
import Testing

/// Waits for so long in the middle, and is seen on both sides of the wait.
private struct Sleeper: Workflow {
    static let name = "Sleeper"
    let watch: Watch

    func run(_ name: String, in context: WorkflowContext) async throws {
        try await context.step("before") { try await watch.pass(Job.Input(name: name + " before"), in: 0) }
        try await context.sleep(for: .milliseconds(1_200))
        try await context.step("after") { try await watch.pass(Job.Input(name: name + " after"), in: 0) }
    }
}

/// Waits for children in its own queue.
private struct Parent: Workflow {
    static let name = "Parent"
    let queue: Queue

    func run(_ depth: Int, in context: WorkflowContext) async throws -> Int {
        if depth == 0 { return 1 }
        async let left = context.child(Parent.self, depth - 1, on: queue)
        async let right = context.child(Parent.self, depth - 1, on: queue, options: ChildQueueOptions(key: "other", priority: 3))
        return try await left + right
    }
}

/// Fails until somebody has mended it.
private struct Fragile: Workflow {
    static let name = "Fragile"
    let isMended: Lock<Bool>

    func run(_ name: String, in context: WorkflowContext) async throws -> String {
        try await context.step("try") { guard isMended.withLock({ $0 }) else { throw Broken() } }
        return name
    }

    struct Broken: Error {}
}

/// Gets what came together.
private struct Batched: Workflow {
    static let name = "Batched"
    let seen: Lock<[[Int]]>

    func run(_ items: [Int], in context: WorkflowContext) async throws { seen.withLock { $0.append(items) } }
}

/// What becomes of work in queues, from its start to its end.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct QueueFlowTests {
    @Test(arguments: SQLStore.available)
    func `in strict order the next begins when the one before has ended, and not when it waits`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue.strictOrder("work"))
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Sleeper(watch: watch)
            queue
        }
        try await running([engine]) {
            let handles = [
                try await engine.enqueue(Sleeper.self, "a1", on: queue, options: EnqueueOptions(key: "a")),
                try await engine.enqueue(Sleeper.self, "a2", on: queue, options: EnqueueOptions(key: "a")),
                try await engine.enqueue(Sleeper.self, "b1", on: queue, options: EnqueueOptions(key: "b")),
            ]
            for handle in handles { try await handle.result() }
        }
        let begun = watch.begun
        #expect(begun.filter { $0.hasPrefix("a") } == ["a1 before", "a1 after", "a2 before", "a2 after"])
        // Another key does not wait for it.
        let (first, second) = (begun.firstIndex(of: "b1 before") ?? 9, begun.firstIndex(of: "a1 after") ?? 0)
        #expect(first < second)
    }

    @Test(arguments: SQLStore.available)
    func `what waits leaves its slot to others`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 1))
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Sleeper(watch: watch)
            queue
        }
        try await running([engine]) {
            let handles = [try await engine.enqueue(Sleeper.self, "1", on: queue), try await engine.enqueue(Sleeper.self, "2", on: queue)]
            for handle in handles { try await handle.result() }
        }
        #expect(Set(watch.begun.prefix(2)) == ["1 before", "2 before"] && watch.seen.most == 1)
    }

    @Test(arguments: SQLStore.available)
    func `parents that wait for children in their own queue do not block them`(_ store: SQLStore) async throws {
        let queue = Queue("family", concurrency: 1)
        let database = store.make().store
        var engines: [Engine] = []
        for _ in 0..<2 {
            engines.append(
                try await Engine(store: database, configuration: .test) {
                    Parent(queue: queue)
                    queue
                })
        }
        try await running(engines) {
            let sum = try await engines[0].enqueue(Parent.self, 3, on: queue).result()
            #expect(sum == 8)
        }
    }

    @Test(arguments: SQLStore.available)
    func `the newest takes the place of what runs`(_ store: SQLStore) async throws {
        let watch = Watch(isOpen: false)
        let queue = Queue("work", perKey: 1, slots: .untilEnd, whenFull: .cancelRunning)
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let first = try await engines[0].enqueue(Job.self, Job.Input(name: "1"), on: queue)
            try await eventually("it has begun") { watch.inside == ["1"] }
            let other = try await engines[0].enqueue(Job.self, Job.Input(name: "x"), on: queue, options: EnqueueOptions(key: "x"))
            let second = try await engines[1].enqueue(Job.self, Job.Input(name: "2"), on: queue)
            await #expect(throws: WorkflowError.self) { try await first.result() }
            #expect(try await first.status().state == .cancelled)
            try await eventually("the second has begun") { Set(watch.inside) == ["2", "x"] }
            watch.open()
            #expect(try await [second, other].results() == ["2", "x"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `the newest is dropped where its key is full`(_ store: SQLStore) async throws {
        let watch = Watch(isOpen: false)
        let queue = Queue("work", perKey: 1, slots: .untilEnd, whenFull: .dropNewest)
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let first = try await engines[0].enqueue(Job.self, Job.Input(name: "1"), on: queue)
            try await eventually("it has begun") { watch.inside == ["1"] }
            let dropped = try await engines[1].enqueue(Job.self, each: jobs(3, from: 2), on: queue)
            for handle in dropped {
                await #expect(throws: WorkflowError.self) { try await handle.result() }
                #expect(try await handle.status().state == .cancelled)
            }
            watch.open()
            #expect(try await first.result() == "1")
            #expect(try await engines[0].enqueue(Job.self, Job.Input(name: "5"), on: queue).result() == "5")
        }
        #expect(watch.begun == ["1", "5"])
    }

    @Test(arguments: SQLStore.available)
    func `dead letters are seen, and started again`(_ store: SQLStore) async throws {
        let (isMended, queue) = (Lock(false), Queue("work", concurrency: 2))
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Fragile(isMended: isMended)
            queue
        }
        try await running([engine]) {
            let handles = [
                try await engine.enqueue(Fragile.self, "1", on: queue, id: "one"), try await engine.enqueue(Fragile.self, "2", on: queue),
            ]
            for handle in handles { await #expect(throws: (any Error).self) { try await handle.result() } }
            let letters = try await engine.client.deadLetters(of: "work")
            #expect(letters.map(\.id) == handles.map(\.id) && letters.map(\.state) == [.failed, .failed])
            isMended.withLock { $0 = true }
            #expect(try await engine.client.redrive([letters[0]]) == 1)
            #expect(try await engine.client.handle(of: Fragile.self, id: "one").result() == "1")
            #expect(try await engine.client.redrive(letters) == 1)
            #expect(try await engine.client.redriveAll(of: "work") == 0)
            try await eventually("both have run again") { try await engine.client.queue("work").running == 0 }
            #expect(try await engine.client.deadLetters().isEmpty)
        }
    }

    @Test(arguments: SQLStore.available)
    func `items become workflows when they are enough, or have waited for long enough`(_ store: SQLStore) async throws {
        let seen = Lock<[[Int]]>([])
        let queue = Queue("work", batch: Queue.Batching(size: 3, within: .milliseconds(400)))
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Batched(seen: seen)
            queue
        }
        try await running([engine]) {
            let begin = ContinuousClock.now
            try await engine.client.enqueue(Batched.self, items: Array(1...7), on: queue)
            try await engine.client.enqueue(Batched.self, item: 8, on: queue, options: EnqueueOptions(key: "other"))
            try await eventually("those that are enough run") { seen.withLock { $0.count } >= 2 }
            try await eventually("the others run") { seen.withLock { $0.count } >= 4 }
            #expect(ContinuousClock.now - begin >= .milliseconds(400))
        }
        let batches = seen.withLock { $0 }
        #expect(batches.sorted { ($0.first ?? 0) < ($1.first ?? 0) } == [[1, 2, 3], [4, 5, 6], [7], [8]])
    }
}
