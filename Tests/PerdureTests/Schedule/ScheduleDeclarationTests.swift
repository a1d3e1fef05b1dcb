import FoundationEssentials
@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Schedules in code: what becomes of the stored ones when the code changes.
@Suite(.timeLimit(.minutes(2)))
struct ScheduleDeclarationTests {
    /// What engines say.
    private final class Diary: Sendable {
        private let state = Lock<[String]>([])

        func write(_ level: LogLevel, _ text: String) {
            if level >= .info { state.withLock { $0.append(text) } }
        }

        func count(_ words: String) -> Int { state.withLock { $0.count { $0.contains(words) } } }
    }

    private let clock = TestClock()
    private let database = MemoryDatabase()
    private let log = ChoreLog()
    private let diary = Diary()

    private func program(_ schedules: [Schedule], _ body: (Engine) async throws -> Void) async throws {
        try await withEngine(store: .memory(database), configuration: .patient(diary.write), clock: clock) {
            Chore(log: log)
            for schedule in schedules { schedule }
        } body: { engine in
            let incarnation = try await engine.registered()
            try await waitWhile { incarnation.hasUndeclaredSchedules.withLock { $0 } }
            try await body(engine)
        }
    }

    private func hourly(_ name: String, _ change: (inout Schedule) -> Void = { _ in }) -> Schedule {
        var schedule = Schedule(name, .every(.seconds(3600)), Chore.self, input: Chore.Order())
        change(&schedule)
        return schedule
    }

    @Test func `one that has gone from the code is named, fires all the same, and is found again`() async throws {
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await program([hourly("kept"), hourly("gone")]) { engine in
            let orphans = try await engine.schedules().map(\.isOrphaned)
            #expect(orphans == [false, false])
        }
        try await program([hourly("kept")]) { engine in
            try await waitWhile { diary.count("'gone' was declared in code") == 0 }
            #expect(try await engine.schedules().map(\.isOrphaned) == [true, false])
            clock.advance(by: .hours(1))
            try await log.wait(for: 2)
            #expect(Set(log.schedules) == ["gone", "kept"])
        }
        #expect(diary.count("'gone' was declared in code") == 1 && diary.count("'kept' was declared in code") == 0)
        try await program([hourly("kept"), hourly("gone")]) { engine in
            let orphans = try await engine.schedules().map(\.isOrphaned)
            #expect(orphans == [false, false])
        }
    }

    @Test func `while an old version runs nothing is an orphan, and when it has gone a fire says so`() async throws {
        try clock.set(to: "2031-01-01T12:30:00Z")
        let old = try await Engine(store: .memory(database), configuration: .patient(), clock: clock) {
            hourly("gone") { $0.overlap = .allowAll }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await old.run() }
            try await waitWhile { try await old.schedules().isEmpty }
            try await program([]) { engine in
                #expect(try await engine.schedules().map(\.isOrphaned) == [false])
                old.gracefulShutdown()
                try await group.waitForAll()
                // Who begins slowly finds the old one gone already, and says so then.
                #expect(try await engine.schedules().map(\.isOrphaned) == [true])
                clock.advance(by: .hours(1))
                try await waitWhile { diary.count("'gone' was declared in code") == 0 }
                clock.advance(by: .hours(1))
                try await log.wait(for: 2)
            }
        }
        #expect(diary.count("'gone' was declared in code") == 1)
        await old.close()
    }

    @Test func `a changed declaration replaces the stored one, and leaves what has happened alone`() async throws {
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await program([hourly("s")]) { engine in
            clock.advance(by: .hours(1))
            try await log.wait(for: 1)
            try await engine.pauseSchedule("s", reason: "why not")
            // At run time, beside the code: holds until that changes.
            try await engine.updateSchedule("s") { $0.overlap = .bufferAll }
        }
        try await program([hourly("s")]) { engine in
            let schedule = try await engine.schedule("s").schedule
            #expect(schedule?.overlap == .bufferAll)
        }
        try await program([hourly("s") { $0.overlap = .allowAll }]) { engine in
            let status = try await engine.schedule("s")
            #expect(status.schedule?.overlap == .allowAll && status.isPaused && status.pauseReason == "why not" && status.started == 1)
        }
        #expect(diary.count("'s' was declared otherwise") == 1)
        // The input is a part of it.
        let other = Schedule("s", .every(.seconds(3600)), Chore.self, input: Chore.Order(fails: true), overlap: .allowAll)
        try await program([other]) { _ in }
        #expect(diary.count("'s' was declared otherwise") == 2)
    }

    @Test func `one that was made at run time is not replaced, which is said and seen`() async throws {
        try clock.set(to: "2031-01-01T12:30:00Z")
        try await program([]) { engine in
            try await engine.createSchedule(hourly("s") { $0.overlap = .bufferOne })
            #expect(try await engine.schedule("s").hasConflict == false)
        }
        try await program([hourly("s")]) { engine in
            let status = try await engine.schedule("s")
            #expect(status.hasConflict && !status.isDeclared && status.schedule?.overlap == .bufferOne)
            #expect(diary.count("made at run time") == 1)
            try await engine.deleteSchedule("s")
        }
        try await program([hourly("s")]) { engine in
            let status = try await engine.schedule("s")
            #expect(status.isDeclared && !status.hasConflict)
            let error = await #expect(throws: WorkflowError.self) { try await engine.createSchedule(hourly("s")) }
            #expect(error?.message.contains("declared in code") == true)
        }
    }

    @Test func `what cannot be stored at the start is stored a little later`() async throws {
        let refusals = Lock(3)
        database.faults = { operation in
            guard operation.kind == .changeSchedule, operation.moment == .before else { return nil }
            return refusals.withLock { refusals in
                refusals -= 1
                return refusals >= 0 ? StoreError(.unavailable, "away") : nil
            }
        }
        try await program([hourly("s")]) { engine in
            let names = try await engine.schedules().map(\.name)
            #expect(names == ["s"])
        }
    }
}
