import FoundationEssentials
@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Notes its runs, waits at a gate if it has one, and fails if it is told to.
struct Chore: Workflow {
    struct Order: Codable, Sendable {
        var fails = false
        var waits = false
    }

    let log: ChoreLog

    func run(_ order: Order, in context: WorkflowContext) async throws {
        log.began(context.workflowID, context.scheduled)
        if order.waits { try await context.sleep(for: .days(100_000)) }
        if order.fails { throw Refused(code: 1) }
    }
}

/// What chores have done.
final class ChoreLog: Sendable {
    private let state = Lock<[(id: String, scheduled: ScheduledTime?)]>([])

    func began(_ id: String, _ scheduled: ScheduledTime?) {
        state.withLock { state in
            if !state.contains(where: { $0.id == id }) { state.append((id, scheduled)) }
        }
    }

    var ids: [String] { state.withLock { $0.map(\.id) } }
    var times: [Date] { state.withLock { $0.compactMap(\.scheduled?.time) } }
    var schedules: [String] { state.withLock { $0.compactMap(\.scheduled?.schedule) } }
    /// Their nominal times.
    var shown: [String] { PerdureTests.shown(times) }

    func wait(for count: Int) async throws { try await waitWhile { ids.count < count } }
}

extension EngineConfiguration {
    /// With leases that outlast what the test's clock is turned by.
    static func patient(_ log: @escaping @Sendable (LogLevel, String) -> Void = { _, _ in }) -> EngineConfiguration {
        var configuration = EngineConfiguration.test
        configuration.lease = .seconds(30)
        configuration.log = log
        return configuration
    }
}

extension TestClock {
    /// Shows that moment.
    func set(to text: String) throws {
        let wanted = try #require(try moment(text).microseconds)
        setTimeOfDay(by: .microseconds(wanted - now()))
    }

    var date: Date { Date(microseconds: now()) }
}

/// Schedules of an engine on the memory store: months pass in moments.
@Suite(.timeLimit(.minutes(2)))
struct ScheduleEngineTests {
    @Test func `a declared schedule fires day by day, for months`() async throws {
        let (clock, log) = (TestClock(), ChoreLog())
        try clock.set(to: "2031-01-30T12:00:00Z")
        try await withEngine(store: .memory(), configuration: .patient(), clock: clock) {
            Chore(log: log)
            Schedule("nightly", .cron("0 3 * * *", timeZone: "Europe/Madrid"), Chore.self, input: Chore.Order())
        } body: { engine in
            try await waitWhile { try await engine.schedules().isEmpty }
            for day in 1...90 {
                clock.advance(by: .days(1))
                try await log.wait(for: day)
                try await waitWhile { try await engine.client.status(of: log.ids[day - 1]).state != .completed }
            }
            #expect(log.ids.first == "nightly@2031-01-31T02:00:00Z" && log.schedules.allSatisfy { $0 == "nightly" })
            // Across the change to summer time on 2031-03-30, where 03:00 exists and is an hour earlier in UTC.
            #expect(log.shown.contains("2031-03-29T02:00:00Z") && log.shown.contains("2031-03-30T01:00:00Z"))
            #expect(log.ids.count == 90 && Set(log.ids).count == 90)
            let status = try await engine.schedule("nightly")
            #expect(status.started == 90 && status.missed == 0 && status.skipped == 0 && status.isDeclared && !status.isOrphaned)
            #expect(shown(status.nextTimes).first == "2031-05-01T01:00:00Z" && status.nextTimes.count == 5)
            #expect(status.lastID == log.ids.last && status.lastTime == log.times.last)
        }
    }

    @Test func `on the days on which clocks are set it fires once`() async throws {
        let (clock, log) = (TestClock(), ChoreLog())
        try clock.set(to: "2031-03-29T12:00:00Z")
        try await withEngine(store: .memory(), configuration: .patient(), clock: clock) {
            Chore(log: log)
            Schedule(
                "half past two", .cron("30 2 * * *", timeZone: "Europe/Madrid"), Chore.self, input: Chore.Order(), overlap: .allowAll)
        } body: { engine in
            try await waitWhile { try await engine.schedules().isEmpty }
            clock.advance(by: .days(2))
            try await log.wait(for: 2)
            // There is no 02:30 on that day: it fires when the clock is set.
            #expect(log.shown == ["2031-03-30T01:00:00Z", "2031-03-31T00:30:00Z"])
            clock.setTimeOfDay(by: .days(209))
            try await log.wait(for: 2 + 209)
            // Twice 02:30 on 2031-10-26, and the first of them counts.
            #expect(log.shown.filter { $0.hasPrefix("2031-10-26") } == ["2031-10-26T00:30:00Z"])
        }
    }

    @Test func `what an outage has missed is made up for, in its order, if it is not too old`() async throws {
        let (clock, log, database) = (TestClock(), ChoreLog(), MemoryDatabase())
        try clock.set(to: "2031-01-01T12:30:00Z")
        func engine(_ body: @escaping @Sendable (Engine) async throws -> Void) async throws {
            try await withEngine(store: .memory(database), configuration: .patient(), clock: clock) {
                Chore(log: log)
                Schedule(
                    "hourly", .every(.seconds(3600)), Chore.self, input: Chore.Order(), overlap: .bufferAll, catchUp: .hours(3))
            } body: { engine in
                try await body(engine)
            }
        }
        try await engine { engine in
            try await waitWhile { try await engine.schedules().isEmpty }
            clock.advance(by: .hours(1))
            try await log.wait(for: 1)
            try await waitWhile { try await engine.client.status(of: log.ids[0]).state != .completed }
        }
        clock.advance(by: .hours(8))
        try await engine { engine in
            try await log.wait(for: 4)
            #expect(log.shown == ["2031-01-01T13:00:00Z", "2031-01-01T19:00:00Z", "2031-01-01T20:00:00Z", "2031-01-01T21:00:00Z"])
            #expect(try await engine.schedule("hourly").missed == 5)
        }
    }

    @Test func `what waits for a run begins when that ends, at once`() async throws {
        let (clock, log) = (TestClock(), ChoreLog())
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await withEngine(store: .memory(), configuration: .patient(), clock: clock) {
            Chore(log: log)
            Schedule("slow", .every(.seconds(3600)), Chore.self, input: Chore.Order(waits: true), overlap: .bufferOne)
        } body: { engine in
            try await waitWhile { try await engine.schedules().isEmpty }
            for _ in 0..<3 {
                clock.advance(by: .hours(1))
                try await waitWhile { try await engine.schedule("slow").lastID == nil }
            }
            try await waitWhile { try await engine.schedule("slow").skipped == 0 }
            try await log.wait(for: 1)
            let status = try await engine.schedule("slow")
            #expect(status.running == 1 && status.buffered == 1 && status.started == 1)
            // The clock stands nearly still: it is the end that sets it off.
            try await engine.client.cancel(log.ids[0])
            try await log.wait(for: 2)
            #expect(log.shown == ["2031-01-01T13:00:00Z", "2031-01-01T14:00:00Z"])
            #expect(try await engine.client.status(of: log.ids[0]).state == .cancelled)
        }
    }

    @Test func `cancel other and terminate other end the open run first`() async throws {
        for (policy, state) in [(ScheduleOverlapPolicy.cancelOther, WorkflowStatus.State.cancelled), (.terminateOther, .terminated)] {
            let (clock, log) = (TestClock(), ChoreLog())
            try clock.set(to: "2031-01-01T12:30:00Z")
            try await withEngine(store: .memory(), configuration: .patient(), clock: clock) {
                Chore(log: log)
                Schedule("newest", .every(.seconds(3600)), Chore.self, input: Chore.Order(waits: true), overlap: policy)
            } body: { engine in
                try await waitWhile { try await engine.schedules().isEmpty }
                for count in 1...3 {
                    clock.advance(by: .hours(1))
                    try await log.wait(for: count)
                }
                for id in log.ids.prefix(2) { #expect(try await engine.client.status(of: id).state == state) }
                #expect(try await !engine.client.status(of: log.ids[2]).state.isClosed)
            }
        }
    }

    @Test func `a run that fails pauses the schedule, and a person resumes it`() async throws {
        let (clock, log, complaints) = (TestClock(), ChoreLog(), Counter())
        try clock.set(to: "2031-01-01T12:30:00Z")
        let configuration = EngineConfiguration.patient { level, text in
            if level == .error, text.contains("'fragile' is paused") { complaints.add() }
        }
        try await withEngine(store: .memory(), configuration: configuration, clock: clock) {
            Chore(log: log)
            Schedule("fragile", .every(.seconds(3600)), Chore.self, input: Chore.Order(fails: true), pauseOnFailure: true)
        } body: { engine in
            try await waitWhile { try await engine.schedules().isEmpty }
            clock.advance(by: .hours(1))
            try await waitWhile { try await !engine.schedule("fragile").isPaused }
            let paused = try await engine.schedule("fragile")
            #expect(paused.pauseReason?.contains("pauses on failure") == true && paused.nextTimes.isEmpty && complaints[""] == 1)
            clock.advance(by: .hours(5))
            try await engine.updateSchedule("fragile") { $0.pauseOnFailure = false }
            try await engine.resumeSchedule("fragile")
            clock.advance(by: .hours(1))
            try await log.wait(for: 2)
            #expect(log.shown == ["2031-01-01T13:00:00Z", "2031-01-01T19:00:00Z"])
        }
    }

    @Test func `any engine fires any schedule, also one whose workflow it does not have`() async throws {
        let (clock, database) = (TestClock(), MemoryDatabase())
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await withEngine(store: .memory(database), configuration: .patient(), clock: clock) {
            Add()
        } body: { engine in
            try await engine.createSchedule(Schedule("elsewhere", .every(.seconds(3600)), Chore.self, input: Chore.Order()))
            clock.advance(by: .hours(1))
            let id = "elsewhere@2031-01-01T13:00:00Z"
            try await waitWhile { (try? await engine.client.status(of: id)) == nil }
            #expect(try await engine.client.status(of: id).isServed == false)
        }
    }

    @Test func `several engines fire each time once`() async throws {
        let (clock, log, database) = (TestClock(), ChoreLog(), MemoryDatabase())
        try clock.set(to: "2031-01-01T12:30:00Z")
        let starts = Counter()
        let engines = try await (0..<4).asyncMap { _ in
            try await Engine(store: .memory(database), configuration: .patient(), clock: clock) {
                Chore(log: log)
                Schedule("shared", .every(.seconds(3600)), Chore.self, input: Chore.Order(), overlap: .allowAll)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in engines { group.addTask { try await engine.run() } }
            defer { group.cancelAll() }
            try await waitWhile { try await engines[0].schedules().isEmpty }
            for count in 1...50 {
                clock.advance(by: .hours(1))
                try await log.wait(for: count)
            }
            starts.add()
        }
        #expect(try await engines[0].schedule("shared").started == 50)
        #expect(log.ids.count == 50 && database.numbers.count == 50)
        for engine in engines { await engine.close() }
    }
}

extension Range<Int> {
    fileprivate func asyncMap<Element>(_ body: (Int) async throws -> Element) async rethrows -> [Element] {
        var elements: [Element] = []
        for index in self { elements.append(try await body(index)) }
        return elements
    }
}
