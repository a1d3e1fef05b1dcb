internal import Perdure
internal import PerdureMemory
internal import Testing

/// Schedules that fire: each time once, whoever is at it and whatever dies.
@Suite(.timeLimit(.minutes(2)))
struct FireTests {
    private func make(
        _ fixture: Fixture, _ name: String, _ change: (inout Schedule) -> Void = { _ in }
    ) async throws {
        let row = try ScheduleRow.hourly(name, change)
        try await fixture.backend.changeSchedule(name) { $0 = row }
    }

    private func state(_ fixture: Fixture, _ name: String) async throws -> ScheduleState {
        try #require(try await fixture.backend.schedules([name]).first).row.state
    }

    private func fire(_ fixture: Fixture, _ engine: ExecutorID, at hours: Double, ended: Set<String> = []) async throws -> FireReport {
        try await fixture.backend.fireSchedules(FireRequest(now: Fixture.hour(hours), executor: engine, ended: ended))
    }

    /// A run ends, as its engine would end it.
    private func end(_ fixture: Fixture, _ id: String, _ status: OutcomeStatus = .completed) async throws {
        let number = try #require(try await fixture.backend.number(ofID: id))
        let executor = try await fixture.executor()
        #expect(try await executor.claimReady().contains(number))
        try await executor.commit(.finish(Outcome(workflow: number, status: status, finished: Fixture.hour(9)), parent: nil))
    }

    private static func id(_ name: String, _ hours: Double) -> String {
        ScheduledID.id(name, ScheduledStart(nominal: Fixture.hour(hours)))
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is due starts a workflow, with its schedule and its time`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s") {
                $0.attributes = ["team": "blue"]
                $0.timeout = .seconds(60)
            }
            #expect(try await fire(fixture, engine, at: 0.9).looked == 0)
            let report = try await fire(fixture, engine, at: 1.1)
            #expect(report.started == [Self.id("s", 1)] && report.complaints.isEmpty && report.next == Fixture.hour(2))
            let number = try #require(try await fixture.backend.number(ofID: Self.id("s", 1)))
            let record = try await fixture.status(number).record
            #expect(record.created == Fixture.hour(1.1) && record.deadline == Fixture.hour(1.1).adding(.seconds(60)))
            #expect(record.lane == Lane(workflow: "flow") && record.input == .void)
            let attributes = try JSONPayloadCodec().decode([String: String].self, from: record.attributes?.bytes ?? [])
            #expect(attributes == ["team": "blue", "perdure.schedule": "s", "perdure.scheduledAt": ScheduledID.time(Fixture.hour(1))])
            #expect(try await fixture.executor().claimReady() == [number])
            #expect(try await state(fixture, "s").open == [ScheduledRun(number: number)])
            #expect(try await fixture.backend.schedules(nil).map(\.running) == [1])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a run that goes on as a new one is open until that ends`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (engine, executor) = (try await fixture.engine(["flow"]), try await fixture.executor())
            func goOn(_ id: String) async throws -> WorkflowNumber {
                let (number, next) = (try #require(try await fixture.backend.number(ofID: id)), try await fixture.number())
                let continuation = Continuation(
                    previous: number, number: next, id: id, input: .void, at: Fixture.hour(1.5), chain: RunChain(first: number, place: 1))
                try await executor.commit(.continueAsNew(continuation))
                #expect(try await fixture.status(next).live == .owned)
                return next
            }
            for name in ["c", "s"] { try await make(fixture, name) { $0.overlap = name == "c" ? .cancelOther : .skip } }
            #expect(try await fire(fixture, engine, at: 1.1).started.count == 2)
            #expect(try await executor.claimReady().count == 2)
            let (cancelled, skipping) = (try await goOn(Self.id("c", 1)), try await goOn(Self.id("s", 1)))
            #expect(try await fixture.backend.schedules(nil).map(\.running) == [1, 1])
            #expect(try await fire(fixture, engine, at: 2.1).started == [])
            #expect(try await fixture.inbox(cancelled).map(\.kind) == [.cancel])
            #expect(try await state(fixture, "s").skipped == 1)
            try await executor.commit([.finish(outcome(cancelled, .cancelled), parent: nil), .finish(outcome(skipping), parent: nil)])
            #expect(try await fixture.backend.schedules(nil).map(\.running) == [0, 0])
            let report = try await fire(fixture, engine, at: 3.1, ended: ["c", "s"])
            #expect(report.started.contains(Self.id("s", 3)) && report.started.contains { $0.hasPrefix("c@") })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `engines that look at the same moment start each time once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let stores = [fixture.backend, try await fixture.open(), try await fixture.open(), try await fixture.open()]
            var engines: [ExecutorID] = []
            for _ in stores { engines.append(try await fixture.engine(["flow"])) }
            let names = (0..<20).map { "s\($0)" }
            for name in names { try await make(fixture, name) { $0.overlap = .allowAll } }
            var started: [String] = []
            for hour in 1...4 {
                started += try await withThrowingTaskGroup(of: [String].self) { group in
                    for (store, engine) in zip(stores, engines) {
                        group.addTask {
                            var started: [String] = []
                            while true {
                                do {
                                    let request = FireRequest(now: Fixture.hour(Double(hour)), executor: engine, limit: 3)
                                    let report = try await store.fireSchedules(request)
                                    started += report.started
                                    if report.next ?? .max > Fixture.hour(Double(hour)) { return started }
                                } catch let error as StoreError where error.code == .transient || error.code == .unavailable {
                                    continue
                                }
                            }
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
            }
            let expected = names.flatMap { name in (1...4).map { Self.id(name, Double($0)) } }
            #expect(started.sorted() == expected.sorted())
            for name in names { #expect(try await state(fixture, name).started == 4) }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the row of a fire keeps a time from firing again, whatever the schedule's row says`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s") { $0.overlap = .allowAll }
            #expect(try await fire(fixture, engine, at: 2).started.count == 2)
            // As if it had been restored from a dump of before.
            try await fixture.backend.changeSchedule("s") { row in
                row?.state.handled = Fixture.hour(0)
                row?.state.due = 0
            }
            var started: [String] = []
            for _ in 0..<3 { started += try await fire(fixture, engine, at: 3).started }
            #expect(started == [Self.id("s", 3)])
            // Made anew under its name: the workflows are there still.
            try await fixture.backend.changeSchedule("s") { $0 = nil }
            try await make(fixture, "s") { $0.overlap = .allowAll }
            #expect(try await fire(fixture, engine, at: 3).started.isEmpty)
            #expect(try await state(fixture, "s").open.count == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `who has lost its lease starts nothing and changes nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s")
            try await fixture.backend.retire(engine)
            let error = await #expect(throws: StoreError.self) { try await fire(fixture, engine, at: 1) }
            #expect(error?.code == .fenced)
            #expect(try await state(fixture, "s") == ScheduleRow.hourly("s").state)
            #expect(try await fixture.backend.number(ofID: Self.id("s", 1)) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the end of a run lets the next begin, and a failure pauses`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s") {
                $0.overlap = .bufferAll
                $0.pauseOnFailure = true
            }
            #expect(try await fire(fixture, engine, at: 1).started == [Self.id("s", 1)])
            #expect(try await fire(fixture, engine, at: 3).started.isEmpty)
            #expect(try await fire(fixture, engine, at: 3.0001, ended: ["s"]).started.isEmpty)
            try await end(fixture, Self.id("s", 1))
            #expect(try await fire(fixture, engine, at: 3.0002, ended: ["s", "unknown"]).started == [Self.id("s", 2)])
            try await end(fixture, Self.id("s", 2), .failed)
            let report = try await fire(fixture, engine, at: 3.0003, ended: ["s"])
            #expect(report.started.isEmpty && report.complaints.count == 1 && report.next == nil)
            let left = try await state(fixture, "s")
            #expect(left.paused != nil && left.waiting.isEmpty && left.open.isEmpty && left.skipped == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `cancel other puts a cancel into the inbox of the open run`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s") { $0.overlap = .cancelOther }
            #expect(try await fire(fixture, engine, at: 1).started == [Self.id("s", 1)])
            let report = try await fire(fixture, engine, at: 2)
            #expect(report.started.isEmpty && report.hasAsked)
            let number = try #require(try await fixture.backend.number(ofID: Self.id("s", 1)))
            #expect(try await fixture.inbox(number).map(\.kind) == [.cancel])
            #expect(try await !fire(fixture, engine, at: 2.5).hasAsked)
            try await end(fixture, Self.id("s", 1), .cancelled)
            #expect(try await fire(fixture, engine, at: 2.6).started == [Self.id("s", 2)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `runs wait in the queue of the schedule`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            let lane = Lane(queue: "reports", key: "acme", priority: 3, workflow: "flow", version: "7")
            var row = try ScheduleRow.hourly("s")
            var definition = try #require(row.definition)
            (definition.queue, definition.key, definition.priority) = ("reports", "acme", 3)
            (definition.version, definition.expiry) = ("7", 1_000_000)
            row.text = definition.text
            let written = row
            try await fixture.backend.changeSchedule("s") { $0 = written }
            #expect(try await fire(fixture, engine, at: 1).started.count == 1)
            let number = try #require(try await fixture.backend.number(ofID: Self.id("s", 1)))
            let record = try await fixture.status(number).record
            #expect(record.lane == lane && record.expires == Fixture.hour(1).adding(.seconds(1)))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an id that another type has taken is told, and holds up nobody`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "a")
            try await make(fixture, "b")
            let other = try await fixture.record("other", id: Self.id("a", 1))
            #expect(try await fixture.backend.start([(other, IDPolicies())], owner: nil) == [.started(owned: false)])
            let report = try await fire(fixture, engine, at: 1)
            #expect(report.started == [Self.id("b", 1)] && report.complaints.count == 1)
            #expect(try await state(fixture, "a").dropped == 1)
            #expect(try await fire(fixture, engine, at: 2).started.contains(Self.id("a", 2)))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what the database refuses pauses one schedule, and not the others`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            for name in ["a", "b", "c"] { try await make(fixture, name) }
            // A key that no database takes, and no check has seen.
            try await fixture.backend.changeSchedule("b") { row in
                guard var definition = row?.definition else { return }
                (definition.queue, definition.key) = ("q", "\u{0}")
                row?.text = definition.text
            }
            var started: [String] = []
            for _ in 0..<3 { started += try await fire(fixture, engine, at: 1).started }
            guard kind != .memory else { return }
            #expect(started.sorted() == [Self.id("a", 1), Self.id("c", 1)])
            let refused = try await state(fixture, "b")
            #expect(refused.paused != nil && refused.pauseReason?.contains("refused") == true)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `many at once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let engine = try await fixture.engine(["flow"])
            try await make(fixture, "s") { $0.overlap = .allowAll }
            var started: [String] = []
            var report = FireReport()
            repeat {
                report = try await fire(fixture, engine, at: 1_500.5)
                started += report.started
            } while report.next ?? .max <= Fixture.hour(1_500.5)
            #expect(started.count == 1_500 && Set(started).count == 1_500)
            #expect(try await fixture.backend.schedules(nil).map(\.running) == [1_000])
        }
    }
}

/// The reply to a fire is lost: it was done, or it was not, and never by half.
@Suite(.timeLimit(.minutes(1)))
struct LostFireTests {
    @Test(arguments: [MemoryOperation.Moment.before, .after])
    func `a fire that is not answered is done once`(_ moment: MemoryOperation.Moment) async throws {
        let hit = Lock(false)
        let database = MemoryDatabase(now: { Fixture.moment })
        database.faults = { operation in
            guard operation.kind == .fireSchedules, operation.moment == moment else { return nil }
            let isFirst = hit.withLock { hit in
                defer { hit = true }
                return !hit
            }
            return isFirst ? StoreError(.unavailable, "lost") : nil
        }
        let store = try await Store.memory(database).open(StoreSettings())
        let engine = ExecutorID(5)
        try await store.register(engine, label: "test", lease: .seconds(600))
        let row = try ScheduleRow.hourly("s")
        try await store.changeSchedule("s") { $0 = row }
        let request = FireRequest(now: Fixture.hour(1), executor: engine)
        await #expect(throws: StoreError.self) { try await store.fireSchedules(request) }
        let report = try await store.fireSchedules(request)
        #expect(report.started.count == (moment == .before ? 1 : 0))
        #expect(try await store.schedules(nil).map(\.row.state.started) == [1])
        #expect(try await store.number(ofID: ScheduledID.id("s", ScheduledStart(nominal: Fixture.hour(1)))) != nil)
        await store.close()
    }
}
