internal import Perdure
internal import Testing

/// Keys that keep a second workflow out of a queue.
@Suite(.timeLimit(.minutes(10))) struct DeduplicationTests {
    private func policies(
        _ policy: DeduplicationPolicy, _ key: String = "once", isDebounced: Bool = false, maximumWait: Duration? = nil
    ) -> IDPolicies {
        IDPolicies(
            deduplication: StoredDeduplication(key: key, policy: policy, isDebounced: isDebounced, maximumWait: maximumWait))
    }

    /// As `Fixture.queued`, with an input of its own.
    private func record(_ fixture: Fixture, _ input: String, name: String = "flow", queue: String = Fixture.queue) async throws
        -> WorkflowRecord
    {
        var record = try await fixture.queued(queue: queue, name: name)
        record.input = .text(input)
        record.attributes = .text("of " + input)
        return record
    }

    @Test(arguments: StoreUnderTest.available)
    func `a second one is refused or is the first, until that has ended`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await record(fixture, "first")
            #expect(try await fixture.start(first, policies(.reject)) == .started(owned: false))
            func expectTaken() async throws {
                let second = try await record(fixture, "second", name: "other")
                #expect(try await fixture.start(second, policies(.reject)) == .duplicate(first.number))
                #expect(try await fixture.start(second, policies(.useExisting)) == .existing(first.number))
                #expect(try await fixture.backend.status(of: second.number) == nil)
            }
            try await expectTaken()
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first.number])
            try await expectTaken()
            try await executor.commit(.suspend(first.number, due: .max))
            try await expectTaken()
            #expect(try await executor.claimer.claimArrived([first.number], .queued).count == 1)
            try await executor.finish(first.number)
            let third = try await record(fixture, "third")
            #expect(try await fixture.start(third, policies(.reject)) == .started(owned: false))
            #expect(try await fixture.start(try await record(fixture, "fourth"), policies(.useExisting)) == .existing(third.number))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `keys are of one queue, and no ids`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let starts = [
                (try await record(fixture, "one"), policies(.reject)), (try await record(fixture, "two"), policies(.reject, "other")),
                (try await record(fixture, "three", queue: "second"), policies(.reject)),
                (try await record(fixture, "four"), policies(.reject)),
                (try await record(fixture, "five"), IDPolicies()),
            ]
            let results = try await fixture.backend.start(starts, owner: nil)
            let started = StartResult.started(owned: false)
            #expect(results == [started, started, started, .duplicate(starts[0].0.number), started])
            #expect(try await fixture.backend.number(ofID: "once") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what has not begun is given the input of the second, and keeps its place`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var first = try await record(fixture, "first")
            first.expires = Fixture.future
            #expect(try await fixture.start(first, policies(.replace)) == .started(owned: false))
            let others = try await fixture.enqueue()
            let second = try await record(fixture, "second")
            #expect(try await fixture.start(second, policies(.replace)) == .existing(first.number))
            #expect(try await fixture.backend.status(of: second.number) == nil)
            (first.input, first.attributes, first.expires) = (second.input, second.attributes, nil)
            #expect(try await fixture.load(first.number).record == first)
            #expect(try await executor.claimer.claimExpired(now: .max - 1, limit: 9) == [])
            var third = try await record(fixture, "third")
            third.attributes = nil
            #expect(try await fixture.start(third, policies(.cancelExisting)) == .existing(first.number))
            (first.input, first.attributes) = (third.input, nil)
            #expect(try await fixture.load(first.number).record == first)
            #expect(try await fixture.inbox(first.number) == [])
            #expect(try await fixture.start(try await record(fixture, "fourth", name: "other"), policies(.replace)) == .otherType("flow"))
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first.number] + others)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `beside what has begun the second starts, and has the key`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await record(fixture, "first")
            #expect(try await fixture.start(first, policies(.replace)) == .started(owned: false))
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first.number])
            try await executor.commit(.suspend(first.number, due: .max))
            let second = try await record(fixture, "second", name: "other")
            #expect(try await fixture.start(second, policies(.replace)) == .started(owned: false))
            #expect(try await fixture.load(first.number).record == first)
            #expect(try await fixture.inbox(first.number) == [])
            #expect(try await fixture.start(try await record(fixture, "third"), policies(.useExisting)) == .existing(second.number))
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [second.number])
            let fourth = try await record(fixture, "fourth")
            #expect(try await fixture.start(fourth, policies(.cancelExisting)) == .started(owned: false))
            #expect(try await fixture.inbox(second.number).map(\.kind) == [.cancel])
            #expect(try await fixture.inbox(first.number) == [])
            #expect(try await fixture.start(try await record(fixture, "fifth"), policies(.reject)) == .duplicate(fourth.number))
            // The end of a former holder frees nothing.
            try await executor.finish(second.number, .cancelled)
            #expect(try await fixture.start(try await record(fixture, "sixth"), policies(.reject)) == .duplicate(fourth.number))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a debounce is put off with each call, but not for ever`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            func call(_ seconds: Int64) async throws -> (StartResult, WorkflowRecord) {
                var record = try await record(fixture, "at \(seconds)")
                record.created = Fixture.moment + seconds * 1_000_000
                record.due = record.created + 10_000_000
                let policies = policies(.replace, isDebounced: true, maximumWait: .seconds(30))
                return (try await fixture.start(record, policies), record)
            }
            let (started, first) = try await call(0)
            #expect(started == .started(owned: false))
            func expectMoved(_ seconds: Int64, to due: Int64, _ live: LiveState) async throws {
                #expect(try await call(seconds).0 == .existing(first.number))
                let status = try await fixture.status(first.number)
                #expect(status.live == live && status.due == Fixture.moment + due * 1_000_000)
                #expect(status.record.input == .text("at \(seconds)"))
            }
            try await expectMoved(5, to: 15, .ready)
            #expect(try await executor.claim([try await executor.ask(9)]).answers[0].claimed.map(\.due) == [Fixture.moment + 15_000_000])
            try await expectMoved(12, to: 22, .waiting)
            #expect(try await executor.claimer.nextDue() == Fixture.moment + 22_000_000)
            #expect(try await executor.claimer.claimDue(.queued, now: Fixture.moment + 21_999_999, limit: 9) == [])
            try await expectMoved(25, to: 30, .waiting)
            let due = try await executor.claimer.claimDue(.queued, now: Fixture.moment + 30_000_000, limit: 9)
            #expect(due == [Claimed(number: first.number, isServed: false)])
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first.number])
            // It has begun: the next call is the first of another.
            let (next, other) = try await call(40)
            #expect(next == .started(owned: false))
            #expect(try await fixture.status(other.number).due == Fixture.moment + 50_000_000)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what follows from the beginning is put off with it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let policies = policies(.replace, isDebounced: true, maximumWait: .seconds(15))
            var numbers: [WorkflowNumber] = []
            for (seconds, due) in [(0, 10), (4, 14), (9, 15)] as [(Int64, Int64)] {
                var record = try await record(fixture, "at \(seconds)")
                record.created = Fixture.moment + seconds * 1_000_000
                record.due = record.created + 10_000_000
                record.expires = record.created + 12_000_000
                record.deadline = record.created + 13_000_000
                _ = try await fixture.start(record, policies)
                numbers.append(record.number)
                let stored = try await fixture.load(numbers[0]).record
                #expect(stored.due == Fixture.moment + due * 1_000_000)
                #expect(stored.expires == Fixture.moment + (due + 2) * 1_000_000)
                #expect(stored.deadline == Fixture.moment + (due + 3) * 1_000_000)
            }
            #expect(try await executor.claimer.claimExpired(now: Fixture.moment + 16_999_999, limit: 9) == [])
            #expect(try await executor.claimer.claimExpired(now: Fixture.moment + 17_000_000, limit: 9).map(\.number) == [numbers[0]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a start that is sent again is told from a second one`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await record(fixture, "first")
            for policy in [DeduplicationPolicy.reject, .useExisting, .replace, .cancelExisting, .reject] {
                #expect(try await fixture.start(first, policies(policy)) == .started(owned: false))
            }
            #expect(try await fixture.start(try await record(fixture, "second"), policies(.replace)) == .existing(first.number))
            #expect(try await fixture.start(first, policies(.replace)) == .started(owned: false))
            #expect(try await fixture.load(first.number).record.input == .text("second"))
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == [first.number])
            let third = try await record(fixture, "third")
            #expect(try await fixture.start(third, policies(.replace)) == .started(owned: false))
            #expect(try await fixture.start(first, policies(.reject)) == .started(owned: false))
            #expect(try await fixture.start(try await record(fixture, "fourth"), policies(.reject)) == .duplicate(third.number))
            var impostor = first
            impostor.created += 1
            #expect(try await fixture.start(impostor, policies(.reject)) == .rejected(StoreError(.rejected, "")))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of many at once one starts`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let results = try await withThrowingTaskGroup(of: [StartResult].self) { group in
                for _ in 0..<4 {
                    let backend = try await fixture.open()
                    var records: [WorkflowRecord] = []
                    for index in 0..<5 { records.append(try await record(fixture, "\(index)")) }
                    let (mine, policies) = (records, policies(.useExisting))
                    group.addTask {
                        var results: [StartResult] = []
                        for record in mine {
                            results += try await retrying { try await backend.start([(record, policies)], owner: nil) }
                        }
                        return results
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(results.count == 20 && results.count { $0 == .started(owned: false) } == 1)
            let numbers = results.compactMap { if case .existing(let number) = $0 { number } else { nil } }
            #expect(numbers.count == 19 && Set(numbers).count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a transaction sees its own, and leaves nothing behind if it is rolled back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (first, second) = (try await record(fixture, "first"), try await record(fixture, "second"))
            for commits in [false, true] {
                let transaction = try await fixture.backend.begin(.serializable, for: nil)
                #expect(try await transaction.start([(first, policies(.reject))]) == [.started(owned: false)])
                #expect(try await transaction.start([(second, policies(.reject))]) == [.duplicate(first.number)])
                #expect(try await transaction.start([(second, policies(.replace))]) == [.existing(first.number)])
                if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
                #expect(try await fixture.backend.status(of: first.number)?.record.input == (commits ? .text("second") : nil))
            }
            #expect(try await fixture.start(second, policies(.reject)) == .duplicate(first.number))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the second brings its own time to begin and to end`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var first = try await record(fixture, "first")
            (first.expires, first.deadline) = (Fixture.moment + 10, Fixture.moment + 20)
            #expect(try await fixture.start(first, policies(.replace)) == .started(owned: false))
            var second = try await record(fixture, "second")
            (second.expires, second.deadline) = (Fixture.future, Fixture.future + 10)
            #expect(try await fixture.start(second, policies(.replace)) == .existing(first.number))
            let held = try await fixture.load(first.number).record
            #expect(held.expires == second.expires && held.deadline == second.deadline && held.input == second.input)
            #expect(try await executor.claimer.claimExpired(now: Fixture.moment + 11, limit: 9) == [])
            #expect(try await executor.claimer.claimExpired(now: Fixture.future + 1, limit: 9).map(\.number) == [first.number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the time to begin and to end is counted from where it begins, whichever call is delayed`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (hour, minute): (Microseconds, Microseconds) = (3_600_000_000, 60_000_000)
            func timed(_ input: String, delay: Microseconds?) async throws -> WorkflowRecord {
                var record = try await record(fixture, input)
                record.due = delay.map { record.created + $0 }
                (record.expires, record.deadline) = ((record.due ?? record.created) + minute, (record.due ?? record.created) + 2 * minute)
                return record
            }
            for (first, second) in [(hour, nil), (nil, hour), (hour, 2 * hour)] as [(Microseconds?, Microseconds?)] {
                let key = "\(first ?? 0) \(second ?? 0)"
                let holder = try await timed("first", delay: first)
                #expect(try await fixture.start(holder, policies(.replace, key)) == .started(owned: false))
                let later = try await timed("second", delay: second)
                #expect(try await fixture.start(later, policies(.replace, key)) == .existing(holder.number))
                let held = try await fixture.load(holder.number).record
                let begins = max(holder.due ?? 0, later.created)
                #expect(held.input == later.input && held.due == holder.due)
                #expect(held.expires == begins + minute && held.deadline == begins + 2 * minute)
            }
        }
    }
}
