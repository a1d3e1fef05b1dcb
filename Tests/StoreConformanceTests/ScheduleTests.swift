internal import FoundationEssentials
internal import Perdure
internal import Testing

/// Rows of schedules: made, changed, listed, declared.
@Suite(.timeLimit(.minutes(2)))
struct ScheduleTests {
    @Test(arguments: StoreUnderTest.available)
    func `a row comes back as it was written`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let store = fixture.backend
            var row = try ScheduleRow.hourly("every hour")
            row.declared = "mark"
            row.revision = 7
            row.state.waiting = [ScheduledStart(nominal: 5, kind: .trigger, overlap: .allowAll), ScheduledStart(nominal: 6)]
            row.state.backfills = [ScheduleBackfill(after: 1, through: 2, overlap: .bufferOne)]
            row.state.open = [ScheduledRun(number: 8, asked: .cancel)]
            (row.state.runsLeft, row.state.paused, row.state.pauseReason) = (3, 4, "because")
            (row.state.started, row.state.skipped, row.state.missed, row.state.dropped) = (1, 2, 3, 4)
            (row.state.next, row.state.lastAt, row.state.lastID, row.state.triggered) = (9, 8, "every hour@…", 7)
            let written = row
            try await store.changeSchedule(row.name) { $0 = written }
            let listing = try #require(try await store.schedules(nil).first)
            #expect(listing.row == row && listing.running == 0 && !listing.isOrphaned && !listing.hasConflict)
            // And changed, with what may be nothing.
            row.state = ScheduleState(handled: 11, due: .max)
            row.declared = nil
            row.input = .json("[1]")
            let changed = row
            try await store.changeSchedule(row.name) { $0 = changed }
            #expect(try await store.schedules([row.name, "another"]).map(\.row) == [row])
            #expect(try await store.nextSchedule() == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a change sees what is there, and says what becomes of it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let store = fixture.backend
            #expect(try await store.changeSchedule("a") { $0 == nil })
            let row = try ScheduleRow.hourly("a", due: 5)
            try await store.changeSchedule("a") { $0 = row }
            #expect(try await store.nextSchedule() == 5)
            #expect(try await store.changeSchedule("a") { $0?.state.due } == 5)
            let revision = try await store.changeSchedule("a") { known in
                known?.state.due = 3
                return known?.revision
            }
            #expect(revision == 1)
            #expect(try await store.nextSchedule() == 3)
            try await store.changeSchedule("a") { $0 = nil }
            #expect(try await store.schedules(nil).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of changes at the same time none is lost`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let stores = [fixture.backend, try await fixture.open(), try await fixture.open()]
            let row = try ScheduleRow.hourly("a")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<30 {
                    group.addTask {
                        try await stores[number % 3].changeSchedule("a") { known in
                            if known == nil { known = row }
                            known?.state.started += 1
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.backend.schedules(nil).map(\.row.state.started) == [30])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an orphan is what a newer program that runs its workflow does not declare`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let store = fixture.backend
            var row = try ScheduleRow.hourly("nightly")
            row.declared = "mark"
            let declared = row
            try await store.changeSchedule(row.name) { $0 = declared }
            // Another program that runs the workflow too was there before.
            _ = try await fixture.engine(["flow"])
            let old = try await fixture.engine(["flow", "other"])
            #expect(try await store.declareSchedules(["nightly"], by: old).isEmpty)
            #expect(try await store.schedules(nil).map(\.isOrphaned) == [false])
            try await store.retire(old)
            // Its program is away, and may come again.
            #expect(try await store.schedules(nil).map(\.isOrphaned) == [false])
            let stranger = try await fixture.engine(["other"])
            #expect(try await store.declareSchedules([], by: stranger).isEmpty)
            #expect(try await store.schedules(nil).map(\.isOrphaned) == [false])
            // A new version of it, without the schedule.
            let new = try await fixture.engine(["flow", "other"])
            #expect(try await store.declareSchedules([], by: new) == ["nightly"])
            #expect(try await store.declareSchedules([], by: stranger).isEmpty)
            #expect(try await store.schedules(nil).map(\.isOrphaned) == [true])
            // Declared again.
            let newest = try await fixture.engine(["flow"])
            #expect(try await store.declareSchedules(["nightly"], by: newest).isEmpty)
            #expect(try await store.schedules(nil).map(\.isOrphaned) == [false])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `one that was made at run time is no orphan, and one that is declared too is a conflict`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let store = fixture.backend
            let row = try ScheduleRow.hourly("made")
            try await store.changeSchedule(row.name) { $0 = row }
            let engine = try await fixture.engine(["flow"])
            #expect(try await store.declareSchedules([], by: engine).isEmpty)
            #expect(try await store.schedules(nil).map(\.hasConflict) == [false])
            #expect(try await store.declareSchedules(["made"], by: engine).isEmpty)
            let listing = try #require(try await store.schedules(nil).first)
            #expect(listing.hasConflict && !listing.isOrphaned)
            try await store.retire(engine)
            #expect(try await store.schedules(nil).map(\.hasConflict) == [false])
            // Whoever has lost its lease declares nothing.
            #expect(try await store.declareSchedules(["made"], by: engine).isEmpty)
            #expect(try await store.schedules(nil).map(\.hasConflict) == [false])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a poll sees when the first is due`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let nothing = try await executor.claimer.glance(.flow).nextSchedule
            #expect(nothing == nil || nothing == .min)
            for (name, due) in [("a", Microseconds.max), ("b", 70), ("c", 60)] {
                let row = try ScheduleRow.hourly(name, due: due)
                try await fixture.backend.changeSchedule(name) { $0 = row }
            }
            let next = try await executor.claimer.glance(.flow).nextSchedule
            #expect(next == 60 || next == .min)
            #expect(try await fixture.backend.nextSchedule() == 60)
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the view shows it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            var row = try ScheduleRow.hourly("shown")
            row.state.waiting = [ScheduledStart(nominal: 5), ScheduledStart(nominal: 6)]
            row.state.backfills = [ScheduleBackfill(after: 1, through: 2)]
            row.state.open = [ScheduledRun(number: try await fixture.ready()), ScheduledRun(number: 1, asked: .cancel)]
            (row.state.runsLeft, row.state.missed, row.state.pauseReason, row.state.paused) = (3, 4, "why", 5)
            (row.state.next, row.state.lastAt, row.state.lastID) = (Fixture.moment, Fixture.moment, "shown@x")
            let written = row
            try await fixture.backend.changeSchedule(row.name) { $0 = written }
            let view = try await fixture.view("schedules")
            #expect(
                view.columns == [
                    "name", "workflow", "queue", "spec", "overlap", "paused", "pause_reason", "next_at", "last_at", "last_id", "running",
                    "buffered", "backfills", "started", "skipped", "missed", "dropped", "runs_left", "declared", "orphaned", "conflict",
                    "input", "definition",
                ])
            let values = Dictionary(uniqueKeysWithValues: zip(view.columns, try #require(view.rows.first)))
            #expect(values["name"] == .text("shown") && values["workflow"] == .text("flow") && values["queue"] == .text(""))
            #expect(values["overlap"] == .text("skip") && values["pause_reason"] == .text("why") && values["last_id"] == .text("shown@x"))
            #expect(values["running"] == .int(1) && values["buffered"] == .int(2) && values["backfills"] == .int(1))
            #expect(values["missed"] == .int(4) && values["runs_left"] == .int(3))
            let spec = #"{"times":[{"every":3600}],"zone":"UTC"}"#
            #expect(values["spec"] == .text(spec))
            for column in ["declared", "orphaned", "conflict"] { #expect([.bool(false), .int(0)].contains(values[column])) }
            #expect([.bool(true), .int(1)].contains(values["paused"]))
        }
    }
}

extension ScheduleRow {
    /// Every hour from the fixture's moment on, due when the first has come.
    static func hourly(
        _ name: String, due: Microseconds? = nil, _ change: (inout Schedule) -> Void = { _ in }
    ) throws -> ScheduleRow {
        var schedule = Schedule(name, .every(.seconds(3600)), Flow.self)
        change(&schedule)
        var row = ScheduleRow(try schedule.stored(PayloadCoder()), isDeclared: false, now: Fixture.hour(0))
        row.state.due = due ?? Fixture.hour(1)
        return row
    }
}

/// What nearly all tests start, by name only.
private struct Flow: Workflow {
    static let name = "flow"

    func run(_: Void, in context: WorkflowContext) async throws {}
}

extension Fixture {
    /// So many hours after a full hour in the past.
    static func hour(_ hours: Double) -> Microseconds {
        moment / 3_600_000_000 * 3_600_000_000 + Microseconds(hours * 3_600_000_000)
    }

    /// A registered executor that runs these.
    func engine(_ workflows: Set<String>) async throws -> ExecutorID {
        let id = ExecutorID.random(in: 1...ExecutorID.max)
        let description = ExecutorDescription(
            label: "test", terms: LeaseTerms(lease: .seconds(600)), repertoire: Repertoire(workflows: workflows, versions: [""]))
        try await backend.register(id, description)
        return id
    }
}
