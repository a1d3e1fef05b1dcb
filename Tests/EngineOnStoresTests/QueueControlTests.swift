import Foundation
import Perdure
import Testing

/// Queues while they are in use, and what people see of them.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct QueueControlTests {
    @Test(arguments: SQLStore.available)
    func `a pause lets nothing begin until it is over, without a restart`(_ store: SQLStore) async throws {
        let (watch, queue, other) = (Watch(isOpen: false), Queue("work", concurrency: 1), Queue("other"))
        let engines = try await engines(2, on: store.make().store, watch, queue, other)
        let client = engines[0].client
        try await running(engines) {
            let handles = try await client.enqueue(Job.self, each: jobs(3), on: queue)
            try await eventually("one has begun") { watch.inside == ["0"] }
            try await eventually("both engines are there") { try await client.queue("work").engines == 2 }
            try await client.pauseQueue("work", reason: "the printer is on fire")
            let status = try await client.queue("work")
            #expect(status.isPaused && status.pauseReason == "the printer is on fire" && status.engines == 2)
            #expect(try await handles[1].status().waitsFor == "its queue, which is paused")
            // What runs goes on; what is in other queues begins.
            watch.open()
            #expect(try await handles[0].result() == "0")
            #expect(try await client.enqueue(Job.self, each: jobs(5, key: "x"), on: other).results().count == 5)
            let counts = try await client.queue("work")
            #expect(counts.waiting == 2 && counts.running == 0 && counts.oldestWaitingSince != nil)
            #expect(watch.begun.filter { !$0.hasPrefix("x") } == ["0"])
            try await client.resumeQueue("work")
            #expect(try await handles.results() == ["0", "1", "2"])
        }
    }

    /// The claim and the pause meet in the database: whatever is on its way, nothing begins when the pause is there.
    @Test(arguments: SQLStore.available)
    func `nothing begins once a pause has returned`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 4))
        let engines = try await engines(3, on: store.make().store, watch, queue)
        let client = engines[0].client
        try await client.declare(queue)
        try await running(engines) {
            let handles = try await client.enqueue(Job.self, each: jobs(400), on: queue)
            for _ in 0..<10 {
                try await client.pauseQueue("work")
                let running = try await client.queue("work")
                // What was claimed before ends; the rest waits.
                try await eventually("what had begun has ended") { try await client.queue("work").running == 0 }
                let after = try await client.queue("work")
                #expect(after.waiting == running.waiting)
                try await client.resumeQueue("work")
                if after.waiting == 0 { break }
                try await eventually("it goes on") { try await client.queue("work").waiting < after.waiting }
            }
            #expect(try await handles.results().count == 400)
        }
        #expect(watch.seen.most <= 4)
    }

    /// Somebody's transaction may last: what it pauses stays as it is for so long, and the other queues of the same engine go on.
    @Test(.enabled(if: SQLStore.postgresURL != nil))
    func `a pause that is not committed yet holds up nobody else`() async throws {
        let (watch, queue, limited, other) = (Watch(), Queue("work"), Queue("limited", concurrency: 2), Queue("other"))
        let (database, table) = SQLStore.postgres.make()
        let engines = try await engines(1, on: database, watch, queue, limited, other)
        let client = engines[0].client
        struct TakenBack: Error {}
        try await running(engines) {
            // All of them are known, and claimed from together.
            for queue in [queue, limited, other] {
                _ = try await client.enqueue(Job.self, each: jobs(2, key: "first"), on: queue).results()
            }
            var held: [WorkflowHandle<String>] = []
            await #expect(throws: TakenBack.self) {
                try await client.transaction { db in
                    for name in ["work", "limited"] {
                        _ = try await db.query("SELECT \(unsafeRaw: table("pause_queue"))(\(name))", as: Bool.self)
                    }
                    held += try await client.enqueue(Job.self, each: jobs(3, key: "held"), on: queue)
                    held += try await client.enqueue(Job.self, each: jobs(3, key: "held"), on: limited)
                    for round in 0..<5 {
                        let passing = try await client.enqueue(Job.self, each: jobs(3, key: "passing\(round)"), on: other)
                        #expect(try await passing.results().count == 3)
                    }
                    #expect(!watch.begun.contains { $0.hasPrefix("held") })
                    throw TakenBack()
                }
            }
            #expect(try await held.results().count == 6)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a queue that nobody serves is seen to be that`(_ store: SQLStore) async throws {
        let watch = Watch()
        let database = store.make().store
        let engines = try await engines(1, on: database, watch, Queue("served"))
        let (unserved, unheard) = (Queue("unserved"), Queue("unheard of"))
        try await engines[0].client.declare(unserved)
        try await running(engines) {
            let client = engines[0].client
            let handles = [
                try await client.enqueue(Job.self, Job.Input(name: "1"), on: unserved),
                try await client.enqueue(Job.self, Job.Input(name: "2"), on: unheard),
            ]
            try await eventually("the engine is there") { try await client.queues().contains { $0.name == "served" && $0.engines == 1 } }
            for handle in handles {
                let status = try await handle.status()
                #expect(status.state == .queued && status.isServed == false && status.waitsFor == "an engine that serves its queue")
            }
            #expect(try await client.queue("unserved").engines == 0)
            let helper = try await self.helper(database, watch, unserved, unheard)
            try await running([helper]) {
                let results = try await handles.results()
                #expect(results == ["1", "2"])
            }
        }
    }

    private func helper(_ database: Store, _ watch: Watch, _ queues: Queue...) async throws -> Engine {
        try await Engine(store: database, configuration: .test) {
            Job(watch: watch)
            for queue in queues { queue }
        }
    }

    @Test(arguments: SQLStore.available)
    func `what is declared last holds, also where it was declared otherwise`(_ store: SQLStore) async throws {
        let watch = Watch(isOpen: false)
        let database = store.make().store
        let warnings = Lock<[String]>([])
        var configuration = EngineConfiguration.test
        configuration.log = { level, message in if level == .warning { warnings.withLock { $0.append(message) } } }
        let old = try await helper(database, watch, Queue("work", concurrency: 1))
        let new = try await Engine(store: database, configuration: configuration) {
            Job(watch: watch)
            Queue("work", concurrency: 3)
        }
        try await running([old]) {
            let handles = try await old.enqueue(Job.self, each: jobs(9), on: Queue("work"))
            try await eventually("one has begun") { watch.inside.count == 1 }
            try await running([new]) {
                try await eventually("three have begun") { watch.inside.count == 3 }
                watch.open()
                _ = try await handles.results()
                #expect(try await new.client.queue("work").declaredLimits.concurrency == 3)
            }
        }
        #expect(watch.seen.most == 3)
        #expect(warnings.withLock { $0 }.contains { $0.contains("'work' was declared otherwise") })
    }

    @Test(arguments: SQLStore.available)
    func `of changes at the same time none is lost`(_ store: SQLStore) async throws {
        let client = try await Client(store: store.make().store)
        try await client.declare(Queue("work"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for turn in 1...8 {
                group.addTask { try await client.changeQueue("work") { $0.weights["\(turn)"] = Double(turn) } }
            }
            try await group.waitForAll()
        }
        #expect(try await client.queue("work").limits.weights.count == 8)
        await client.close()
    }
}
