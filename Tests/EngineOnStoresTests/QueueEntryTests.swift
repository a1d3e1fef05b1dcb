import Foundation
import Perdure
import Testing

/// How work comes into queues, and what keeps it out.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct QueueEntryTests {
    @Test(arguments: SQLStore.available)
    func `of a singleton there is one at a time`(_ store: SQLStore) async throws {
        let watch = Watch(isOpen: false)
        let (joined, refused) = (Queue("joined", singleton: .useExisting), Queue("refused", singleton: .reject))
        let engines = try await engines(2, on: store.make().store, watch, joined, refused)
        try await running(engines) {
            let first = try await engines[0].enqueue(Job.self, Job.Input(name: "1"), on: joined)
            let second = try await engines[1].enqueue(Job.self, Job.Input(name: "2"), on: joined)
            let other = try await engines[1].enqueue(Job.self, Job.Input(name: "3"), on: joined, options: EnqueueOptions(key: "other"))
            #expect(first.id == second.id && first.id != other.id)
            let alone = try await engines[0].enqueue(Job.self, Job.Input(name: "4"), on: refused)
            let error = await #expect(throws: WorkflowError.self) {
                try await engines[1].enqueue(Job.self, Job.Input(name: "5"), on: refused)
            }
            #expect(error?.code == .duplicate)
            watch.open()
            #expect(try await [first, second, other, alone].results() == ["1", "1", "3", "4"])
            // It has ended: the next may begin.
            #expect(try await engines[1].enqueue(Job.self, Job.Input(name: "6"), on: refused).result() == "6")
        }
        #expect(watch.begun.sorted() == ["1", "3", "4", "6"])
    }

    @Test(arguments: SQLStore.available)
    func `a debounce runs once, with what came last, and is not put off for ever`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work"))
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let begin = ContinuousClock.now
            let options = EnqueueOptions(
                debounce: Debounce("same", period: .milliseconds(400), maximumWait: .milliseconds(900)))
            var handles: [WorkflowHandle<String>] = []
            var (last, gap) = (begin, Duration.zero)
            while watch.begun.isEmpty, handles.count < 200 {
                (last, gap) = (ContinuousClock.now, max(gap, ContinuousClock.now - last))
                let input = Job.Input(name: "\(handles.count)")
                handles.append(try await engines[handles.count % 2].enqueue(Job.self, input, on: queue, options: options))
                try await Task.sleep(for: .milliseconds(30))
            }
            let time = (watch.seen.moments.first ?? begin) - begin
            // Each call puts it off, unless this machine was so slow that the next one came too late.
            #expect(time >= .milliseconds(gap < .milliseconds(300) ? 880 : 400), "\(time), \(gap)")
            let calls = handles.prefix { $0.id == handles[0].id }.count
            #expect(watch.begun.first == "\(calls - 1)")
            #expect(calls > 5 || gap >= .milliseconds(100))
            // The last call may have been the first of another.
            #expect(try await [handles[0], handles[handles.count - 1]].results().first == "\(calls - 1)")
        }
    }

    @Test(arguments: SQLStore.available)
    func `what waits too long ends as expired, and never runs`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(isOpen: false), Queue("work", concurrency: 1, expiry: .milliseconds(600)))
        let engines = try await engines(1, on: store.make().store, watch, queue)
        try await running(engines) {
            // It has all the time to begin.
            let first = try await engines[0].enqueue(
                Job.self, Job.Input(name: "first"), on: queue, options: EnqueueOptions(expiry: .seconds(600)))
            try await eventually("it has begun") { watch.inside == ["first"] }
            let late = try await engines[0].enqueue(Job.self, Job.Input(name: "late"), on: queue)
            let patient = try await engines[0].enqueue(
                Job.self, Job.Input(name: "patient"), on: queue, options: EnqueueOptions(expiry: .seconds(600)))
            let error = await #expect(throws: WorkflowError.self) { try await late.result() }
            #expect(error?.code == .expired)
            #expect(try await late.status().state == .expired)
            watch.open()
            #expect(try await [first, patient].results() == ["first", "patient"])
        }
        #expect(watch.begun == ["first", "patient"])
    }

    @Test(arguments: SQLStore.available)
    func `a delay is waited for, and holds up nobody`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 1))
        let engines = try await engines(2, on: store.make().store, watch, queue)
        try await running(engines) {
            let begin = ContinuousClock.now
            func enqueue(_ name: String, _ delay: Duration? = nil) async throws -> WorkflowHandle<String> {
                try await engines[0].enqueue(Job.self, Job.Input(name: name), on: queue, options: EnqueueOptions(delay: delay))
            }
            let (never, later) = (try await enqueue("never", .seconds(3600)), try await enqueue("later", .milliseconds(500)))
            #expect(try await enqueue("now").result() == "now")
            #expect(try await later.result() == "later")
            #expect((watch.seen.moments.max() ?? begin) - begin >= .milliseconds(500))
            let status = try await never.status()
            #expect(status.state == .scheduled && (status.dueAt?.timeIntervalSinceNow ?? 0) > 3000)
            #expect(try await engines[0].client.queue("work").delayed == 1)
            // Cancelled before its time, it ends without running.
            try await never.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await never.result() }
            #expect(error?.code == .cancelled && watch.begun.count == 2)
        }
    }

    @Test(arguments: SQLStore.available)
    func `in a transaction it comes when that commits, and not if it does not`(_ store: SQLStore) async throws {
        let (watch, queue) = (Watch(), Queue("work", concurrency: 2))
        let made = store.make()
        let engines = try await engines(2, on: made.store, watch, queue)
        let client = engines[0].client
        let table = made.table("orders")
        try await client.transaction { db in try await db.execute("CREATE TABLE \(unsafeRaw: table) (id int PRIMARY KEY)") }
        try await running(engines) {
            let error = await #expect(throws: TimedOut.self) {
                try await client.transaction { db in
                    try await db.execute("INSERT INTO \(unsafeRaw: table) VALUES (1)")
                    try await client.enqueue(Job.self, Job.Input(name: "lost"), on: queue, in: db)
                    throw TimedOut(what: "never")
                }
            }
            #expect(error != nil)
            let handles = try await client.transaction { db in
                try await db.execute("INSERT INTO \(unsafeRaw: table) VALUES (2)")
                let one = try await client.enqueue(Job.self, Job.Input(name: "one"), on: queue, in: db)
                return try await client.enqueue(Job.self, each: jobs(3), on: queue, in: db) + [one]
            }
            #expect(try await handles.results() == ["0", "1", "2", "one"])
            let ids = try await client.transaction { db in
                try await db.query("SELECT id FROM \(unsafeRaw: table)", as: Int.self)
            }
            #expect(ids == [2])
        }
        #expect(!watch.begun.contains("lost"))
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be is refused, and says why`(_ store: SQLStore) async throws {
        let watch = Watch()
        let engine = try await engines(1, on: store.make().store, watch, Queue("work"))[0]
        let job = Job.Input(name: "bad")
        let wrong: [(Queue, EnqueueOptions, String?)] = [
            (Queue("work"), EnqueueOptions(priority: 10), nil), (Queue("work"), EnqueueOptions(key: "\0"), nil),
            (Queue("work", concurrency: 0), EnqueueOptions(), nil), (Queue(""), EnqueueOptions(), nil),
            (Queue("work"), EnqueueOptions(expiry: .zero), nil), (.strictOrder("work"), EnqueueOptions(priority: 1), nil),
            (Queue("work"), EnqueueOptions(delay: .seconds(1), debounce: Debounce("d", period: .seconds(1))), nil),
            (Queue("work", singleton: .reject), EnqueueOptions(deduplication: Deduplication("d")), nil),
            (Queue("work"), EnqueueOptions(deduplication: Deduplication("d")), "id"),
            (Queue("work", batch: Queue.Batching(size: 2, within: .seconds(1))), EnqueueOptions(), nil),
            (Queue("work", rateLimit: RateLimit(0, per: .seconds(1))), EnqueueOptions(), nil),
            (Queue("work", perKey: 1, whenFull: .dropNewest), EnqueueOptions(), nil),
        ]
        for (queue, options, id) in wrong {
            await #expect(throws: WorkflowError.self, "\(queue) \(options)") {
                try await engine.enqueue(Job.self, job, on: queue, id: id, options: options)
            }
        }
        await #expect(throws: WorkflowError.self) { try await engine.client.pauseQueue("nobody's") }
        await engine.close()
    }
}
