internal import Perdure
internal import Testing

/// New runs in the place of those that have ended.
@Suite(.timeLimit(.minutes(10))) struct RunTests {
    /// A run that has ended, with three steps.
    private func ended(
        _ fixture: Fixture, _ executor: TestExecutor, id: String? = nil, _ status: OutcomeStatus = .failed
    ) async throws -> WorkflowRecord {
        let record = try await fixture.record(id: id)
        if id == nil {
            try await executor.commit(.start(record))
        } else {
            _ = try await fixture.backend.start([(record, IDPolicies())], owner: executor.id)
        }
        try await executor.commit([
            .step(step(record.number, "a", 1)), .step(step(record.number, "pay", nil, kind: .transaction)),
            .step(step(record.number, "b", 2)), .step(step(record.number, "c", 3)), .finish(outcome(record.number, status), parent: nil),
        ])
        return record
    }

    private func succession(
        _ fixture: Fixture, of earlier: WorkflowRecord, _ kind: RunKind = .restarted, _ inherited: Inheritable = Inheritable()
    ) async throws -> Succession {
        var record = earlier
        record.number = try await fixture.number()
        record.id = earlier.id ?? Names.publicID(earlier.number)
        record.created += 7
        record.input = .json("{\"for\":\"another\"}")
        let link = RunLink(
            number: record.number, previous: earlier.number, kind: kind, step: "b", by: "Ada", reason: "it's \"wrong\" ✂︎",
            at: Fixture.moment + 7, origin: inherited.hasHistory ? "{}" : nil)
        return Succession(record: record, link: link, inherited: inherited)
    }

    @Test(arguments: StoreUnderTest.available)
    func `a restarted run is ready under its id and says where it came from`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var first = try await fixture.record(id: "order")
            first.attributes = .json("{\"city\":\"Rome\"}")
            _ = try await fixture.backend.start([(first, IDPolicies())], owner: executor.id)
            try await executor.commit([.step(step(first.number, "a", 1)), .finish(outcome(first.number, .failed), parent: nil)])
            let before = try await Picture(of: [first.number], in: fixture)
            let succession = try await succession(fixture, of: first)
            let new = succession.record.number
            #expect(try await fixture.backend.succeed(succession) == .started)
            #expect(try await fixture.backend.number(ofID: "order") == new)
            let status = try await fixture.status(new)
            #expect(status.live == .ready && status.record == succession.record && status.link == succession.link)
            #expect(try await fixture.load(new).history == [])
            #expect(try await executor.claimReady() == [new])
            // History is never rewritten.
            #expect(try await Picture(of: [first.number], in: fixture) == before)
            #expect(try await fixture.status(first.number).link == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a run without an id is succeeded under its public id`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await ended(fixture, executor)
            let second = try await succession(fixture, of: first)
            #expect(try await fixture.backend.succeed(second) == .started)
            #expect(try await fixture.backend.number(ofID: Names.publicID(first.number)) == second.record.number)
            // Somebody else has the same in mind.
            #expect(try await fixture.backend.succeed(try await succession(fixture, of: first)) == .superseded(by: second.record.number))
            #expect(try await executor.claimReady() == [second.record.number])
            try await executor.commit(.finish(outcome(second.record.number), parent: nil))
            let third = try await succession(fixture, of: second.record)
            #expect(try await fixture.backend.succeed(third) == .started)
            #expect(try await fixture.backend.number(ofID: Names.publicID(first.number)) == third.record.number)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a fork has the rows before its place, and counts as begun`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await ended(fixture, executor, id: "order")
            var inherited = Inheritable()
            inherited.before = 3
            inherited.unordered = ["pay"]
            inherited.events = [
                EventRecord(workflow: 0, name: "state", value: .text("packed"), published: Fixture.moment)
            ]
            inherited.streams = [
                StreamRecord(workflow: 0, stream: "log", offset: 0, value: .text("one"), appended: Fixture.moment, step: "a", attempt: 2),
                StreamRecord(workflow: 0, stream: "log", offset: 1, value: nil, appended: Fixture.moment),
            ]
            inherited.inbox = [InboxItem(workflow: 0, kind: .message, payload: .text("hello"), topic: "go")]
            var succession = try await succession(fixture, of: first, .forked, inherited)
            let new = succession.record.number
            succession.record.expires = Fixture.moment
            for index in succession.inherited.events.indices { succession.inherited.events[index].workflow = new }
            for index in succession.inherited.streams.indices { succession.inherited.streams[index].workflow = new }
            succession.inherited.inbox[0].workflow = new
            #expect(try await fixture.backend.succeed(succession) == .started)
            let loaded = try await fixture.load(new)
            #expect(loaded.history == [step(new, "a", 1), step(new, "b", 2)])
            #expect(loaded.unordered == [step(new, "pay", nil, kind: .transaction)])
            #expect(loaded.origin == "{}")
            #expect(loaded.inbox.map(\.topic) == ["go"] && loaded.inbox.map(\.payload) == [.text("hello")])
            #expect(try await fixture.backend.recorded(new)?.origin == "{}")
            #expect(try await fixture.backend.events(of: new) == succession.inherited.events)
            #expect(try await fixture.backend.stream("log", of: new, from: 0, limit: 9) == succession.inherited.streams)
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed.map(\.number) == [new] && claimed.first?.isFresh == false && claimed.first?.isExpired == false)
            // What it publishes itself is newer.
            let published = StepRecord(
                workflow: new, key: "@event:state", order: 3, kind: .event, output: .text("sent"), started: Fixture.moment,
                finished: Fixture.moment + 9)
            try await executor.commit(.effect(published, .publish("state")))
            #expect(try await fixture.backend.events(of: new).map(\.value) == [.text("sent")])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a row with a place can be taken over without it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let first = try await ended(fixture, try await fixture.executor(), id: "order")
            var inherited = Inheritable()
            inherited.before = 2
            inherited.unordered = ["c", "pay"]
            let succession = try await succession(fixture, of: first, .rewound, inherited)
            #expect(try await fixture.backend.succeed(succession) == .started)
            let loaded = try await fixture.load(succession.record.number)
            #expect(loaded.history.map(\.key) == ["a"])
            #expect(Set(loaded.unordered.map(\.key)) == ["c", "pay"] && loaded.unordered.allSatisfy { $0.order == nil })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only what has ended is succeeded, and what is refused leaves nothing behind`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let open = try await fixture.record(id: "order")
            _ = try await fixture.backend.start([(open, IDPolicies())], owner: executor.id)
            let refused = try await succession(fixture, of: open)
            #expect(try await fixture.backend.succeed(refused) == .open)
            try await executor.commit(.setAside(open.number, reason: "broken", at: Fixture.moment))
            #expect(try await fixture.backend.succeed(refused) == .open)
            #expect(try await fixture.backend.status(of: refused.record.number) == nil)
            #expect(try await fixture.backend.number(ofID: "order") == open.number)
            var unknown = open
            unknown.number = try await fixture.number()
            #expect(try await fixture.backend.succeed(try await succession(fixture, of: unknown)) == .unknown)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `sent again it is the same run, also after that has gone on`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await ended(fixture, executor, id: "order")
            let succession = try await succession(fixture, of: first)
            #expect(try await fixture.backend.succeed(succession) == .started)
            #expect(try await fixture.backend.succeed(succession) == .started)
            #expect(try await executor.claimReady() == [succession.record.number])
            try await executor.commit(.finish(outcome(succession.record.number), parent: nil))
            let before = try await Picture(of: [succession.record.number], in: fixture)
            #expect(try await fixture.backend.succeed(succession) == .started)
            #expect(try await Picture(of: [succession.record.number], in: fixture) == before)
            #expect(try await executor.claimReady() == [])
            // Its number is another's.
            var stolen = try await self.succession(fixture, of: succession.record)
            stolen.record.number = first.number
            await expect(.rejected) { try await fixture.backend.succeed(stolen) }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of many at the same time exactly one wins`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for id in ["order", nil] {
                let first = try await ended(fixture, executor, id: id)
                var wanted: [Succession] = []
                for _ in 0..<6 { wanted.append(try await succession(fixture, of: first)) }
                let others = [fixture.backend, try await fixture.open(), try await fixture.open()]
                let results = try await withThrowingTaskGroup(of: SuccessionResult.self) { group in
                    for (index, succession) in wanted.enumerated() {
                        group.addTask { try await others[index % 3].succeed(succession) }
                    }
                    return try await group.reduce(into: [SuccessionResult]()) { $0.append($1) }
                }
                let winner = try #require(try await fixture.backend.number(ofID: wanted[0].record.id ?? ""))
                #expect(results.count { $0 == .started } == 1)
                #expect(results.count { $0 == .superseded(by: winner) } == 5)
                #expect(try await executor.claimReady() == [winner])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `in a transaction it happens when that commits`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await ended(fixture, executor, id: "order")
            let succession = try await succession(fixture, of: first)
            let given = try await fixture.backend.begin(.readCommitted, for: nil)
            #expect(try await given.succeed(succession) == .started)
            #expect(try await given.number(ofID: "order") == succession.record.number)
            await given.rollback()
            #expect(try await fixture.backend.number(ofID: "order") == first.number)
            let kept = try await fixture.backend.begin(.readCommitted, for: nil)
            #expect(try await kept.succeed(succession) == .started)
            let second = try await self.succession(fixture, of: first)
            #expect(try await kept.succeed(second) == .superseded(by: succession.record.number))
            _ = try await kept.commit(nil, hadPending: false)
            #expect(try await fixture.backend.number(ofID: "order") == succession.record.number)
            #expect(try await executor.claimReady() == [succession.record.number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a dead letter counts as started again, and one that was is superseded`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.enqueue(2)
            #expect(try await executor.claim([try await executor.ask(9)]).numbers == numbers)
            for number in numbers { try await executor.finish(number, .failed) }
            let records = try await fixture.statuses(numbers).map(\.record)
            let succession = try await succession(fixture, of: records[0])
            #expect(try await fixture.backend.succeed(succession) == .started)
            #expect(try await fixture.backend.deadLetters(of: nil, after: 0, limit: 9).map(\.number) == [numbers[1]])
            let again = try await fixture.number()
            #expect(try await fixture.backend.redrive([numbers[1]: again], now: Fixture.moment) == [numbers[1]])
            #expect(try await fixture.backend.succeed(try await self.succession(fixture, of: records[1])) == .superseded(by: again))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `message keys are taken over where that is asked for`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for keeps in [true, false] {
                let first = try await fixture.owned(by: executor)
                let message = InboxItem(workflow: first, kind: .message, payload: .text("hi"), topic: "go", key: "click")
                #expect(try await fixture.backend.send([message]) == [.sent])
                try await executor.commit(.finish(outcome(first, .failed), parent: nil))
                var inherited = Inheritable()
                inherited.keepsMail = keeps
                let succession = try await succession(fixture, of: try await fixture.status(first).record, .rewound, inherited)
                #expect(try await fixture.backend.succeed(succession) == .started)
                var again = message
                again.workflow = succession.record.number
                #expect(try await fixture.backend.send([again]) == [keeps ? .duplicate : .sent])
            }
        }
    }

    @Test(arguments: ViewTests.withSQL)
    func `the view of runs`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let first = try await ended(fixture, try await fixture.executor(), id: "order")
            let succession = try await succession(fixture, of: first, .forked)
            #expect(try await fixture.backend.succeed(succession) == .started)
            let view = try await fixture.view("workflow_runs")
            #expect(
                view.columns == ["id", "workflow_number", "workflow_name", "previous_number", "kind", "step", "by_whom", "reason", "at"])
            #expect(view.rows.count == 1)
            let row = Dictionary(uniqueKeysWithValues: zip(view.columns, try #require(view.rows.first)))
            #expect(row["id"] == .text("order") && row["workflow_number"] == .int(succession.record.number))
            #expect(row["previous_number"] == .int(first.number) && row["workflow_name"] == .text("flow"))
            #expect(row["kind"] == .text("forked") && row["step"] == .text("b") && row["by_whom"] == .text("Ada"))
            #expect(row["reason"] == .text("it's \"wrong\" ✂︎"))
        }
    }
}
