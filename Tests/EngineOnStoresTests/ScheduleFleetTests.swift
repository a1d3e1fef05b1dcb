import FoundationEssentials
import Perdure
import PerdurePostgres
import PerdureSQLite
import PerdureTesting
import Testing

private struct Tick: Workflow {
    static let name = "Tick"
    let by: String
    var waits = false

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        let scheduled = context.scheduled
        if waits { try await context.sleep(for: .days(1_000)) }
        return "\(scheduled?.schedule ?? "") \(try await context.step("by") { by })"
    }
}

/// Schedules of several engines on one database.
@Suite(.timeLimit(.minutes(3)))
struct ScheduleFleetTests {
    private func running(_ engines: [Engine], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in engines { group.addTask { try await engine.run() } }
            defer { group.cancelAll() }
            try await body()
        }
        for engine in engines { await engine.close() }
    }

    private func `until`(_ isSo: () async throws -> Bool) async throws {
        while try await !isSo() { try await Task.sleep(for: .milliseconds(5)) }
    }

    private func engine(
        _ store: Store, _ name: String, _ clock: TestClock, waits: Bool = false, _ schedules: [Schedule]
    ) async throws -> Engine {
        try await Engine(store: store, configuration: .test, clock: clock) {
            Tick(by: name, waits: waits)
            for schedule in schedules { schedule }
        }
    }

    @Test(arguments: SQLStore.available)
    func `each time fires once, whoever is there, and also when the one that was at it has gone`(_ store: SQLStore) async throws {
        let (database, clock) = (store.make().store, TestClock())
        let names = ["a", "b", "c"]
        let schedules = names.map { Schedule($0, .every(.seconds(3600)), Tick.self, overlap: .allowAll) }
        let (first, second) = (
            try await engine(database, "first", clock, schedules), try await engine(database, "second", clock, schedules)
        )
        let third = try await engine(database, "third", clock, [])
        func counts() async throws -> [Int] { try await third.schedules().map(\.started) }
        try await running([second, third]) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run() }
                try await `until` { try await second.schedules().count == 3 }
                for count in 1...10 {
                    clock.advance(by: .hours(1))
                    try await `until` { try await counts() == [count, count, count] }
                }
                first.gracefulShutdown()
                clock.advance(by: .hours(1))
                try await group.waitForAll()
            }
            for count in 12...15 {
                try await `until` { try await counts() == [count - 1, count - 1, count - 1] }
                clock.advance(by: .hours(1))
            }
            try await `until` { try await counts() == [15, 15, 15] }
            // Every hour is there, once, and has run.
            for status in try await third.schedules() {
                let last = try #require(status.lastTime)
                for hour in 0..<15 {
                    let time = last.addingTimeInterval(-3600 * Double(hour))
                    let id = "\(status.name)@\(text(time))"
                    let result = try await third.handle(of: Tick.self, id: id).result()
                    #expect(result.hasPrefix("\(status.name) "))
                }
                #expect(status.skipped == 0 && status.missed == 0)
            }
        }
        await first.close()
    }

    @Test(arguments: SQLStore.available)
    func `what is asked by a client is done by an engine, and seen by all`(_ store: SQLStore) async throws {
        let (database, clock) = (store.make().store, TestClock())
        let client = try await Client(store: database)
        let worker = try await engine(database, "worker", clock, [])
        try await running([worker]) {
            try await client.createSchedule(Schedule("yearly", .cron("@yearly"), Tick.self, pauseOnFailure: true))
            let id = try await client.triggerSchedule("yearly")
            try await `until` { try await client.schedule("yearly").started == 1 }
            #expect(try await client.handle(of: Tick.self, id: id).result() == "yearly worker")
            let (end, start) = (Date(), Date().addingTimeInterval(-5 * 366 * 86_400))
            let count = try await client.backfillSchedule("yearly", from: start, through: end)
            #expect(count == 5)
            try await `until` { try await client.schedule("yearly").started == 6 }
            try await client.pauseSchedule("yearly", reason: "enough")
            try await `until` { try await client.schedule("yearly").running == 0 }
            let status = try await client.schedule("yearly")
            #expect(status.isPaused && status.pauseReason == "enough" && status.backfills == 0)
            try await client.deleteSchedule("yearly")
            #expect(try await client.schedules().isEmpty)
        }
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `the open run is cancelled before the next begins`(_ store: SQLStore) async throws {
        let (database, clock) = (store.make().store, TestClock())
        let schedule = Schedule("newest", .every(.seconds(3600)), Tick.self, overlap: .cancelOther)
        let engines = [
            try await engine(database, "first", clock, waits: true, [schedule]),
            try await engine(database, "second", clock, waits: true, [schedule]),
        ]
        try await running(engines) {
            try await `until` { try await engines[0].schedules().count == 1 }
            var ids: [String] = []
            for count in 1...3 {
                clock.advance(by: .hours(1))
                try await `until` { try await engines[0].schedule("newest").started == count }
                ids.append(try #require(try await engines[0].schedule("newest").lastID))
            }
            var states: [WorkflowStatus.State] = []
            for id in ids.prefix(2) { states.append(try await engines[0].client.status(of: id).state) }
            #expect(states == [.cancelled, .cancelled])
            #expect(try await engines[0].schedule("newest").running == 1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `runs go through their queue`(_ store: SQLStore) async throws {
        let (database, clock) = (store.make().store, TestClock())
        let queue = Queue("reports", concurrency: 1)
        let worker = try await Engine(store: database, configuration: .test, clock: clock) {
            Tick(by: "worker")
            queue
            Schedule("queued", .every(.seconds(3600)), Tick.self, queue: queue, key: "acme", priority: 2, overlap: .allowAll)
        }
        try await running([worker]) {
            try await `until` { try await worker.schedules().count == 1 }
            clock.advance(by: .hours(5))
            try await `until` { try await worker.schedule("queued").started == 5 }
            try await `until` { try await worker.schedule("queued").running == 0 }
            let status = try await worker.client.status(of: try #require(try await worker.schedule("queued").lastID))
            #expect(status.queue == "reports" && status.key == "acme" && status.priority == 2 && status.state == .completed)
        }
    }

    private func text(_ date: Date) -> String {
        date.formatted(.iso8601)
    }
}

/// What other drivers do with schedules, on Postgres.
@Suite(.enabled(if: SQLStore.postgresURL != nil), .timeLimit(.minutes(2)))
struct ScheduleFunctionTests {
    @Test func `pause, resume and trigger`() async throws {
        let (database, table) = SQLStore.postgres.make()
        let clock = TestClock()
        let engine = try await Engine(store: database, configuration: .test, clock: clock) {
            Tick(by: "worker")
            Schedule("s", .every(.seconds(3600)), Tick.self)
        }
        func ask<Answer: Decodable & Sendable>(_ call: String, as type: Answer.Type = Bool.self) async throws -> Answer? {
            try await engine.transaction { db in
                try await db.query("SELECT \(unsafeRaw: table(call))", as: type).first
            }
        }
        func status() async throws -> ScheduleStatus { try await engine.schedule("s") }
        func until(_ isSo: () async throws -> Bool) async throws {
            while try await !isSo() { try await Task.sleep(for: .milliseconds(5)) }
        }
        try await withEngine(engine) { engine in
            try await until { try await engine.schedules().count == 1 }
            #expect(try await ask("pause_schedule('s', 'why')") == true)
            #expect(try await ask("pause_schedule('s')") == false)
            let paused = try await status()
            #expect(paused.isPaused && paused.pauseReason == "why")
            clock.advance(by: .hours(3))
            let id = try #require(try await ask("trigger_schedule('s', 'allow_all')", as: String.self))
            #expect(id.hasPrefix("s@") && id.hasSuffix("Z!"))
            try await until { try await status().started == 1 }
            #expect(try await status().lastID == id)
            #expect(try await engine.handle(of: Tick.self, id: id).result() == "s worker")
            // The server's clock is behind the test's: what it says was settled before.
            clock.setTimeOfDay(by: .hours(-3))
            #expect(try await ask("resume_schedule('s')") == true)
            #expect(try await ask("resume_schedule('s')") == false)
            #expect(try await !status().isPaused)
            for call in ["pause_schedule('none')", "resume_schedule('none')", "trigger_schedule('none')", "trigger_schedule('s', 'often')"]
            {
                await #expect(throws: StoreError.self) { _ = try await ask(call) }
            }
        }
    }
}
