internal import Perdure
internal import PerdureMemory
internal import Testing

/// What only the in-memory store has: its clock and its faults.
@Suite(.timeLimit(.minutes(10))) struct MemoryDatabaseTests {
    private let now = Lock<Microseconds>(Fixture.moment)

    private func database(faults: MemoryFaults? = nil) -> MemoryDatabase {
        MemoryDatabase(now: { [now] in now.withLock { $0 } }, faults: faults)
    }

    @Test func `stores on one database share it`() async throws {
        let database = MemoryDatabase()
        let one = try await Store.memory(database).open(StoreSettings())
        let two = try await Store.memory(database).open(StoreSettings())
        let other = try await Store.memory().open(StoreSettings())
        let record = WorkflowRecord(number: 5, id: "shared", lane: Lane(workflow: "flow"), input: .void, created: 0)
        _ = try await one.start([(record, IDPolicies())], owner: nil)
        #expect(try await two.number(ofID: "shared") == 5)
        #expect(try await other.number(ofID: "shared") == nil)
    }

    @Test func `leases go by the injected clock`() async throws {
        let store = try await Store.memory(database()).open(StoreSettings())
        try await store.register(1, label: "", lease: .seconds(10))
        now.withLock { $0 += 10_000_000 }
        #expect(try await store.reap(limit: 9) == ReapReport())
        now.withLock { $0 += 1 }
        #expect(try await store.reap(limit: 9) == ReapReport(executors: [1]))
    }

    @Test func `an outage of the database is not followed by a mass takeover`() async throws {
        let store = try await Store.memory(database()).open(StoreSettings())
        for executor: ExecutorID in 1...3 { try await store.register(executor, label: "", lease: .seconds(10)) }
        let terms = LeaseTerms(lease: .seconds(10))
        func reap(_ reaper: ExecutorID) async throws -> [ExecutorID] {
            try await store.reap(ReapRules(limit: 9, reaper: reaper)).executors
        }
        // All are alive for a whole lease, and then the database is away for a minute.
        for _ in 0..<3 {
            now.withLock { $0 += 3_000_000 }
            for executor: ExecutorID in 1...3 { _ = try await store.renew(executor, terms) }
        }
        now.withLock { $0 += 2_000_000 }
        #expect(try await store.renew(1, terms) == .seconds(8))
        now.withLock { $0 += 60_000_000 }
        #expect(try await reap(1) == [])
        // The first that is back sees only leases that have ended, and waits all the same.
        #expect(try await store.renew(1, terms) == .seconds(10))
        #expect(try await reap(1) == [])
        for remaining in [6, 3] {
            now.withLock { $0 += remaining == 6 ? 4_000_000 : 3_000_000 }
            #expect(try await store.renew(1, terms) == .seconds(remaining))
        }
        now.withLock { $0 += 2_000_000 }
        #expect(try await store.renew(1, terms) == .seconds(1))
        #expect(try await store.renew(2, terms) == .seconds(10))
        #expect(try await reap(1) == [])
        now.withLock { $0 += 1_000_000 }
        #expect(try await reap(2) == [])
        #expect(try await reap(1) == [3])
        #expect(try await reap(4) == [])
    }

    @Test func `blocks of numbers rise though the clock steps back`() async throws {
        let store = try await Store.memory(database()).open(StoreSettings())
        var last: WorkflowNumber = 0
        for time: Microseconds in [Fixture.moment, 0, Fixture.moment - 1, Fixture.moment + 2000, -5] {
            now.withLock { $0 = time }
            for _ in 0..<5000 {
                let block = try await store.numberBlock()
                try #require(block.first > last)
                last = block.first + WorkflowNumber(block.count) - 1
            }
        }
    }

    @Test func `an error before an operation prevents it, one after it only hides the reply`() async throws {
        let database = database()
        let store = try await Store.memory(database).open(StoreSettings())
        try await store.register(1, label: "", lease: .seconds(10))
        let writer = try await store.writer(0, for: 1)
        let records = (1...2).map {
            WorkflowRecord(number: $0, lane: Lane(workflow: "flow"), input: .void, created: 0)
        }
        for (record, moment) in zip(records, [MemoryOperation.Moment.before, .after]) {
            database.faults = { operation in
                guard operation.kind == .commit, operation.moment == moment, operation.executor == 1 else { return nil }
                return StoreError(.unavailable, "\(operation.commands.count) commands")
            }
            await expect(.unavailable) { try await writer.commit([.start(record)]) }
            database.faults = nil
            #expect(try await store.status(of: record.number)?.live == (moment == .after ? .owned : nil))
            #expect(try await writer.commit([.start(record)]).allSatisfy(\.isDone))
        }
        await store.close()
    }

    @Test func `every operation can be made to fail`() async throws {
        let seen = Lock<Set<MemoryOperation.Kind>>([])
        let database = database { operation in
            seen.withLock { _ = $0.insert(operation.kind) }
            return nil
        }
        let store = try await Store.memory(database).open(StoreSettings())
        let record = WorkflowRecord(number: 7, lane: Lane(workflow: "flow"), input: .void, created: 0)
        _ = try await (store.schemaVersion(), store.numberBlock(), store.status(of: 1), store.endings(of: [1]), store.number(ofID: ""))
        try await store.register(1, label: "", lease: .seconds(10))
        try await store.renew(1, lease: .seconds(10))
        let (writer, claimer) = (try await store.writer(0, for: 1), try await store.claimer(for: 1))
        _ = try await (writer.commit([]), claimer.scout(.flow), claimer.claim(ClaimRequest(now: 0)), claimer.claimDue(now: 0, limit: 1))
        let limit = LimitID(queue: "queue")
        _ = try await claimer.displace(DisplaceRequest(limit: limit, capacity: 1, lanes: [], cancels: false, revision: 1))
        _ = try await (claimer.claimExpired(now: 0, limit: 1), claimer.slots(), claimer.free([]))
        _ = try await (store.declare([]), store.queueRows(nil), store.changeQueue("queue", .resume), store.queueCounts("queue"))
        _ = try await (store.deadLetters(of: nil, after: 0, limit: 1), store.redrive([:], now: 0), store.add([]))
        _ = try await store.gather([], by: 1, now: 0)
        _ = try await (store.schedules(nil), store.changeSchedule("s") { $0 == nil }, store.declareSchedules([], by: 1))
        _ = try await (store.nextSchedule(), store.fireSchedules(FireRequest(now: 0, executor: 1)))
        _ = try await (claimer.claimArrived([]), claimer.owned(), claimer.nextDue(), claimer.arrivals(), claimer.nextSuspect(.flow))
        _ = try await claimer.claimSuspects(.flow, crashes: 2, now: 0, limit: 1, probation: .zero, acquitted: [])
        _ = try await (
            store.load([], limit: 1), store.history(of: 1, after: 0, limit: 1), store.inbox(of: []), store.openChildren(of: 1),
            store.groupEnds(of: 1, "g", limit: 1, bytes: 1),
            store.recorded(1), store.versions()
        )
        _ = try await (store.search(SearchRequest(.all, now: 0)), store.count(.all, now: 0, upTo: 1))
        _ = try await (store.start([], owner: nil), store.resume(1), store.reap(limit: 1), store.deliver([]))
        let succession = Succession(record: record, link: RunLink(number: 7, previous: 6, kind: .restarted, at: 0))
        #expect(try await store.succeed(succession) == .unknown)
        _ = try await (store.send([]), store.events(of: 1), store.streamEnds(of: 1))
        _ = try await store.stream("", of: 1, from: 0, limit: 1)
        _ = try await (store.reply(to: "", of: "", by: 1), store.firstRun(of: 1), store.newestRuns(of: [1]))
        let instruction = Instruction(by: "", at: 0)
        _ = try await store.intervene(StepIntervention(workflow: 1, kind: .retryStep, step: "", instruction: instruction))
        _ = try await (store.interventions(of: 1), store.pause(1, instruction), store.resume(1, instruction))
        _ = try await (store.ask(.cancel, of: 1, instruction), store.setAttributes(AttributeChanges([:]), of: 1, instruction))
        _ = try await store.discard("", of: 1, instruction)
        let pause = PauseRow(subject: PauseSubject(.step, "pay"), by: "", since: 0)
        _ = try await (store.pauses(all: true), store.put(pause, over: 0), store.holders(), store.wakeHeld(by: 1, after: 0, limit: 1))
        _ = try await (store.lead(.tidying, 1, for: .seconds(1)), store.tidy(after: 0, limit: 1))
        let transaction = try await store.begin(.serializable, for: nil)
        _ = try await (transaction.start([(record, IDPolicies())]), transaction.deliver([]), transaction.recorded(1, ""))
        _ = try await transaction.send([])
        try await transaction.add([])
        #expect(try await transaction.succeed(succession) == .started)
        _ = try await (transaction.resume(1), transaction.number(ofID: ""), transaction.status(of: 1))
        _ = try await transaction.commit(nil, hadPending: false)
        _ = try await store.listen { _ in }
        await store.notify([.ready])
        try await store.retire(1)
        #expect(seen.withLock { $0 } == Set(MemoryOperation.Kind.allCases))
        for kind in MemoryOperation.Kind.allCases where kind == .status || kind == .reap {
            database.faults = { $0.kind == kind ? StoreError(.transient, "again") : nil }
            await expect(.transient) { try await (store.status(of: 1), store.reap(limit: 1)) }
        }
        await store.close()
    }

    @Test func `two transactions that decide on one id are serializable`() async throws {
        let store = try await Store.memory().open(StoreSettings())
        let records = (1...2).map {
            WorkflowRecord(number: $0, id: "one", lane: Lane(workflow: "flow"), input: .void, created: 0)
        }
        let one = try await store.begin(.serializable, for: nil)
        let two = try await store.begin(.serializable, for: nil)
        #expect(try await one.start([(records[0], IDPolicies())]) == [.started(owned: false)])
        #expect(try await two.start([(records[1], IDPolicies())]) == [.started(owned: false)])
        #expect(try await one.commit(nil, hadPending: false).isDone)
        await expect(.transient) { try await two.commit(nil, hadPending: false) }
        #expect(try await store.status(of: 2) == nil)
    }

    @Test func `of two transactions that resume one workflow, one does`() async throws {
        let store = try await Store.memory().open(StoreSettings())
        try await store.register(1, label: "", lease: .seconds(600))
        let record = WorkflowRecord(number: 1, lane: Lane(workflow: "flow"), input: .void, created: 0)
        _ = try await store.writer(0, for: 1).commit([.start(record), .setAside(1, reason: "broken", at: 0)])
        let (one, two) = (try await store.begin(.serializable, for: nil), try await store.begin(.serializable, for: nil))
        #expect(try await (one.resume(1), two.resume(1)) == (true, true))
        #expect(try await one.commit(nil, hadPending: false).isDone)
        await expect(.transient) { try await two.commit(nil, hadPending: false) }
        #expect(try await store.status(of: 1)?.live == .ready)
    }

    @Test func `twenty thousand workflows are no scan`() async throws {
        let store = try await Store.memory().open(StoreSettings())
        try await store.register(1, label: "", lease: .seconds(600))
        let (writer, claimer) = (try await store.writer(0, for: 1), try await store.claimer(for: 1))
        let count: WorkflowNumber = 20_000
        let time = try await ContinuousClock().measure {
            for number in 1...count {
                let record = WorkflowRecord(number: number, lane: Lane(workflow: "flow"), input: .void, created: 0)
                _ = try await writer.commit([.start(record), .step(step(number, "a", 1)), .suspend(number, due: number)])
            }
            for number in 1...count {
                _ = try await claimer.claimDue(now: number, limit: 1)
                _ = try await claimer.nextDue()
                try await store.deliver([cancel(number)])
                _ = try await claimer.arrivals()
                _ = try await writer.commit([.release(number)])
                _ = try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 1)
                _ = try await writer.commit([.finish(outcome(number), parent: nil)])
            }
        }
        #expect(try await claimer.owned().isEmpty)
        #expect(time < .seconds(30), "quadratic work takes minutes here: \(time)")
        await store.close()
    }
}
