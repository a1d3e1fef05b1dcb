import FoundationEssentials
@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// What is asked of schedules, and what is refused.
@Suite(.timeLimit(.minutes(2)))
struct ScheduleClientTests {
    private func hourly(_ name: String = "hourly", _ change: (inout Schedule) -> Void = { _ in }) -> Schedule {
        var schedule = Schedule(name, .every(.seconds(3600)), Chore.self, input: Chore.Order())
        change(&schedule)
        return schedule
    }

    private func running(
        _ log: ChoreLog = ChoreLog(), _ body: (Engine, TestClock, ChoreLog) async throws -> Void
    ) async throws {
        let clock = TestClock()
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await withEngine(store: .memory(), configuration: .patient(), clock: clock) {
            Chore(log: log)
        } body: { engine in
            try await body(engine, clock, log)
        }
    }

    @Test func `made at run time, changed, listed and deleted`() async throws {
        try await running { engine, clock, log in
            try await engine.createSchedule(hourly("b"))
            try await engine.createSchedule(hourly("a") { $0.runs = 2 })
            await expect(.alreadyExists) { try await engine.createSchedule(hourly("a")) }
            try await engine.createSchedule(hourly("a") { $0.runs = 5 }, ifExists: .keep)
            #expect(try await engine.schedules().map(\.name) == ["a", "b"])
            let first = try await engine.schedule("a")
            #expect(first.runsLeft == 2 && !first.isDeclared && first.schedule?.workflow == "Chore")
            #expect(shown(first.nextTimes) == ["2031-01-01T13:00:00Z", "2031-01-01T14:00:00Z"])
            try await engine.createSchedule(hourly("a") { $0.overlap = .allowAll }, ifExists: .update)
            try await engine.updateSchedule("b") { $0.spec = .cron("15 * * * *") }
            let (a, b) = (try await engine.schedule("a"), try await engine.schedule("b"))
            #expect(a.runsLeft == nil && a.schedule?.overlap == .allowAll && shown(b.nextTimes).first == "2031-01-01T13:15:00Z")
            #expect(shown(try await engine.previewSchedule("b", count: 2)) == ["2031-01-01T13:15:00Z", "2031-01-01T14:15:00Z"])
            clock.advance(by: .minutes(46))
            try await log.wait(for: 2)
            #expect(Set(log.ids) == ["a@2031-01-01T13:00:00Z", "b@2031-01-01T13:15:00Z"])
            try await engine.deleteSchedule("a")
            await expect(.notFound) { try await engine.deleteSchedule("a") }
            #expect(try await engine.schedules().map(\.name) == ["b"])
        }
    }

    @Test func `a trigger starts one now, paused or not`() async throws {
        try await running { engine, clock, log in
            try await engine.createSchedule(hourly())
            let first = try await engine.triggerSchedule("hourly")
            try await log.wait(for: 1)
            #expect(log.ids == [first] && first.hasPrefix("hourly@2031-01-01T12:30:") && first.hasSuffix("Z!"))
            #expect(abs(try #require(log.times.first).timeIntervalSince(clock.date)) < 30)
            try await waitWhile { try await engine.client.status(of: first).state != .completed }
            try await engine.pauseSchedule("hourly", reason: "holidays")
            let second = try await engine.triggerSchedule("hourly", overlap: .allowAll)
            try await log.wait(for: 2)
            #expect(log.ids == [first, second] && first != second)
            clock.advance(by: .hours(3))
            let status = try await engine.schedule("hourly")
            #expect(status.isPaused && status.pauseReason == "holidays" && status.started == 2)
        }
    }

    @Test func `a backfill starts the times that were not`() async throws {
        try await running { engine, clock, log in
            try await engine.createSchedule(hourly())
            clock.advance(by: .hours(1))
            try await log.wait(for: 1)
            let count = try await engine.backfillSchedule(
                "hourly", from: try moment("2031-01-01T09:30:00Z"), through: try moment("2031-01-01T13:00:00Z"))
            #expect(count == 4)
            try await log.wait(for: 4)
            try await waitWhile { try await engine.schedule("hourly").backfills > 0 }
            // One after the other, in their order; and not again what the schedule has started itself.
            #expect(
                log.shown == ["2031-01-01T13:00:00Z", "2031-01-01T10:00:00Z", "2031-01-01T11:00:00Z", "2031-01-01T12:00:00Z"])
            try await engine.backfillSchedule(
                "hourly", from: try moment("2031-01-01T01:00:00Z"), through: try moment("2031-01-01T12:00:00Z"), overlap: .allowAll)
            try await log.wait(for: 13)
            #expect(log.ids.count == 13)
        }
    }

    @Test func `what cannot be is refused, and says why`() async throws {
        try await running { engine, clock, _ in
            for (wrong, words) in [
                (hourly(""), "empty"), (hourly(String(repeating: "x", count: 481)), "limit is 480"),
                (hourly { $0.spec = .cron("61 * * * *") }, "61"), (hourly { $0.spec.timeZone = "Europe/Madird" }, "Europe/Madrid"),
                (hourly { $0.spec = ScheduleSpec(times: []) }, "at least one time"), (hourly { $0.catchUp = .seconds(9) }, "10.0 seconds"),
                (hourly { $0.runs = 0 }, "runs"), (hourly { $0.timeout = .zero }, "timeout"), (hourly { $0.key = "k" }, "queue"),
                (hourly { $0.attributes = ["perdure.x": "y"] }, "perdure."), (hourly { $0.priority = 11 }, "queue"),
                (
                    Schedule(
                        "q", .every(.seconds(60)), Chore.self, input: Chore.Order(),
                        queue: Queue("batches", batch: .init(size: 2, within: .seconds(1)))), "makes batches"
                ),
                (
                    Schedule("q", .every(.seconds(60)), Chore.self, input: Chore.Order(), queue: Queue("one", singleton: .reject)),
                    "overlap policy"
                ),
            ] {
                let error = await #expect(throws: WorkflowError.self) { try await engine.createSchedule(wrong) }
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
                #expect(throws: WorkflowError.self) { try engine.previewSchedule(wrong) }
            }
            #expect(try await engine.schedules().isEmpty)
            try await engine.createSchedule(hourly())
            await expect(.invalidDeclaration) { try await engine.updateSchedule("hourly") { $0.catchUp = .zero } }
            let (past, present) = (clock.date.addingTimeInterval(-86_400), clock.date)
            await expect(.invalidDeclaration) { try await engine.backfillSchedule("hourly", from: present, through: past) }
            await expect(.invalidDeclaration) {
                try await engine.backfillSchedule("hourly", from: past, through: present.addingTimeInterval(60))
            }
            await expect(.invalidDeclaration) {
                try await engine.backfillSchedule("hourly", from: present.addingTimeInterval(-3600 * 10_002), through: present)
            }
            for call in [
                { try await engine.pauseSchedule("none") }, { try await engine.resumeSchedule("none") },
                { try await engine.triggerSchedule("none") }, { try await engine.updateSchedule("none") { _ in } },
                { _ = try await engine.schedule("none") }, { _ = try await engine.previewSchedule("none") },
                { try await engine.backfillSchedule("none", from: past, through: present) },
            ] as [() async throws -> Void] {
                await expect(.notFound, call)
            }
        }
    }

    @Test func `two of one name in a block, and one that cannot be, are refused when the engine is made`() async throws {
        let log = ChoreLog()
        await expect(.invalidDeclaration) {
            _ = try await Engine(store: .memory()) {
                Chore(log: log)
                hourly("a")
                hourly("a")
            }
        }
        await expect(.invalidDeclaration) {
            _ = try await Engine(store: .memory()) {
                Chore(log: log)
                hourly("a") { $0.spec.timeZone = "Nowhere" }
            }
        }
    }

    @Test func `a preview needs no database`() async throws {
        try await running { engine, _, _ in
            let schedule = hourly { $0.spec = .cron("0 9 * * MON", timeZone: "America/New_York") }
            let times = try engine.previewSchedule(schedule, count: 2)
            #expect(shown(times) == ["2031-01-06T14:00:00Z", "2031-01-13T14:00:00Z"])
        }
    }

    @Test func `a call that is not answered is made again, and triggers once`() async throws {
        let lost = Lock(0)
        let database = MemoryDatabase(now: { 1_900_000_000_000_000 })
        database.faults = { operation in
            guard operation.kind == .changeSchedule, operation.moment == .after else { return nil }
            let count = lost.withLock { lost in
                lost += 1
                return lost
            }
            return count % 2 == 1 ? StoreError(.unavailable, "lost") : nil
        }
        let client = try await Client(store: .memory(database))
        try await client.createSchedule(hourly())
        try await client.triggerSchedule("hourly")
        try await client.triggerSchedule("hourly")
        #expect(try await client.schedule("hourly").buffered == 2)
        await client.close()
    }

    private func expect(
        _ code: WorkflowError.Code, _ body: () async throws -> Void, _ location: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: WorkflowError.self, sourceLocation: location) { try await body() }
        #expect(error?.code == code, sourceLocation: location)
    }

    @Test func `one whose times are past is refused`() async throws {
        try await running { engine, _, _ in
            let past = Date(timeIntervalSince1970: 1_900_000_000)
            await expect(.invalidDeclaration) { try await engine.createSchedule(hourly { $0.spec = .once(at: past) }) }
            #expect(try await engine.schedules().isEmpty)
            try await engine.createSchedule(hourly { $0.spec = .once(at: past.addingTimeInterval(100_000_000)) })
        }
    }
}
