internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct JournalTests {
    @Test(arguments: StoreUnderTest.available)
    func `a start belongs to its writer from the first moment`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var record = try await fixture.record(
                lane: Lane(queue: "q", key: "k", priority: 3, workflow: "flow", version: "v1"), due: Fixture.moment)
            record.parent = ParentLink(number: try await fixture.number(), key: "child", closePolicy: .cancel)
            record.attributes = .json("{\"tenant\":\"é\"}")
            record.deadline = Fixture.future
            #expect(try await executor.commit(.start(record)).isDone)
            #expect(try await fixture.load(record.number).record == record)
            let status = try await fixture.status(record.number)
            #expect(status.record == record)
            #expect(status.live == .owned && status.executor == executor.id && status.crashes == 0 && status.outcome == nil)
            #expect(try await executor.claimer.owned() == [record.number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an empty batch writes nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            #expect(try await executor.writer.commit([]).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a recorded row wins, whoever wrote it`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let number = try await fixture.owned(by: one)
            let first = step(number, "charge", 1, output: .text("first"))
            let second = step(number, "charge", 2, output: .text("second"))
            #expect(try await one.commit(.step(first)).isDone)
            #expect(try await two.commit(.step(second)).recorded == first)
            #expect(try await one.commit(.step(second)).recorded == first)
            #expect(try await fixture.load(number).history == [first])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `results come in the order of the commands, conflicts among them`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (number, other) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let known = [3, 7].map { step(number, "s\($0)", Int64($0), output: .text("known")) }
            try await executor.commit(known.map { .step($0) })
            var batch: [Command] = (1...9).map { .step(step(number, "s\($0)", 10 + Int64($0))) }
            batch.insert(.deliver(cancel(other)), at: 5)
            batch.insert(.pending(pending(number, "s0")), at: 0)
            batch.append(.suspend(other, due: .max))
            let results = try await executor.commit(batch)
            for (index, command) in batch.enumerated() {
                if case .step(let row, _, _) = command, let known = known.first(where: { $0.key == row.key }) {
                    #expect(results[index].recorded == known)
                } else {
                    #expect(results[index].isDone, "\(command)")
                }
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `one key twice in a batch is written once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (number, other) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let rows = [step(number, "a", 1), step(number, "a", 2, output: .text("later")), step(other, "a", 1)]
            let results = try await executor.commit(rows.map { .step($0) })
            #expect(results[0].isSame(as: rows[0]))
            #expect(results[1].recorded == rows[0])
            #expect(results[2].isSame(as: rows[2]))
            #expect(try await fixture.load(number).history == [rows[0]])
            #expect(try await fixture.load(other).history == [rows[2]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `keys are equal only byte by byte`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let keys = ["\u{e9}", "e\u{301}", "E\u{301}", "e", "e ", " e"]
            for (index, key) in keys.enumerated() {
                #expect(try await executor.commit(.step(step(number, key, Int64(index)))).isDone)
            }
            #expect(try await fixture.load(number).history.map { Array($0.key.utf8) } == keys.map { Array($0.utf8) })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a step deletes what it replaces and what it consumes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await fixture.backend.deliver([cancel(number), InboxItem(workflow: number, kind: .childEnded, reference: 77)])
            try await executor.commit([.pending(pending(number, "a")), .pending(pending(number, "b"))])
            let inbox = try await fixture.inbox(number)
            try #require(inbox.count == 2)
            try await executor.commit(.step(step(number, "a", 1), hadPending: true, consumes: inbox[0].sequence))
            let loaded = try await fixture.load(number)
            #expect(loaded.pending == [pending(number, "b")])
            #expect(loaded.inbox == [inbox[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an attempt is written over the earlier one, never over a completed step`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit(.pending(pending(number, "a", attempt: 1)))
            let running = PendingRecord(workflow: number, key: "a", attempt: 2, started: Fixture.moment)
            try await executor.commit(.pending(running))
            #expect(try await fixture.load(number).pending == [running])
            try await executor.commit([.pending(pending(number, "b", attempt: 1)), .pending(pending(number, "b", attempt: 2))])
            #expect(Set(try await fixture.load(number).pending) == [running, pending(number, "b", attempt: 2)])
            try await executor.commit(.step(step(number, "a", 1), hadPending: true))
            try await executor.commit(.pending(pending(number, "a", attempt: 3)))
            #expect(try await fixture.status(number).pending == [pending(number, "b", attempt: 2)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a child and the row that names it, both or neither`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            var children: [WorkflowRecord] = []
            for key in ["a", "b", "a"] {
                var child = try await fixture.record("child")
                child.parent = ParentLink(number: parent, key: key, closePolicy: .terminate)
                children.append(child)
            }
            let rows = [step(parent, "a", 1, kind: .childStart), step(parent, "b", 2, kind: .childStart)]
            #expect(try await executor.commit(.startChild(children[0], owned: true, step: rows[0])).isDone)
            #expect(try await executor.commit(.startChild(children[1], owned: false, step: rows[1])).isDone)
            let late = step(parent, "a", 3, kind: .childStart, output: .text("another"))
            #expect(try await executor.commit(.startChild(children[2], owned: true, step: late)).recorded == rows[0])
            #expect(try await fixture.load(parent).history == rows)
            #expect(try await fixture.status(children[0].number).live == .owned)
            #expect(try await fixture.status(children[1].number).live == .ready)
            #expect(try await fixture.load(children[1].number).record == children[1])
            #expect(try await fixture.backend.status(of: children[2].number) == nil)
            #expect(try await executor.claimReady(["child"]) == [children[1].number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a thousand commands are one batch`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var batch: [Command] = []
            var numbers: [WorkflowNumber] = []
            for _ in 0..<200 {
                let record = try await fixture.record()
                numbers.append(record.number)
                batch.append(.start(record))
                for order in 1...4 { batch.append(.step(step(record.number, "s\(order)", Int64(order)))) }
            }
            #expect(try await executor.commit(batch).allSatisfy(\.isDone))
            let loaded = try await fixture.backend.load(numbers, limit: 10)
            #expect(Set(loaded.map(\.record.number)) == Set(numbers))
            #expect(loaded.allSatisfy { $0.history.map(\.key) == ["s1", "s2", "s3", "s4"] })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a poisoned command fails its batch, and nothing is written`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (number, doomed) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let record = try await fixture.record()
            var poisons = 0
            for key in Keys.poison {
                guard try await kind.refuses(key, fixture) else { continue }
                poisons += 1
                let before = try await Picture(of: [number, doomed, record.number], in: fixture)
                await expect(.rejected) {
                    try await executor.commit([
                        .start(record), .step(step(number, "good", 1)), .pending(pending(number, "attempt")),
                        .step(step(number, key, 2)), .deliver(cancel(number)), .finish(outcome(doomed), parent: number),
                    ])
                }
                #expect(try await Picture(of: [number, doomed, record.number], in: fixture) == before)
            }
            // The connection goes on.
            #expect(try await executor.commit(.step(step(number, "good", 1))).isDone)
            #expect(poisons > 0 || kind == .sqlite)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a number is never taken for a resend of another workflow`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let record = try await fixture.record()
            try await executor.commit(.start(record))
            var other = record
            other.lane.workflow = "something else"
            await expect(.rejected) { try await executor.commit(.start(other)) }
            #expect(try await fixture.load(record.number).record == record)
            #expect(try await fixture.backend.start([(other, IDPolicies())], owner: nil) == [.rejected(StoreError(.rejected, ""))])
            #expect(try await fixture.load(record.number).record == record)
        }
    }
}
