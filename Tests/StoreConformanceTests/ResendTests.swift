internal import Perdure
internal import Testing

/// A batch whose commit is of unknown fate is sent again: the second time changes nothing.
@Suite(.timeLimit(.minutes(10))) struct ResendTests {
    /// Each kind of command, on workflows that exist: `number` is owned, `other` too, `fresh` is not started yet.
    enum Sent: String, CaseIterable {
        case start, startOwnedChild, startReadyChild, step, transaction, consumingStep, pending, pendingThenStep
        case finish, finishAll, suspend, suspendDue, release, setAside, deliver, mixed
    }

    @Test(arguments: StoreUnderTest.available, Sent.allCases)
    func `the same batch twice changes nothing`(_ kind: StoreUnderTest, _ sent: Sent) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (number, other) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let fresh = try await fixture.record()
            try await fixture.backend.deliver([cancel(number)])
            let message = try #require(try await fixture.inbox(number).first)
            let batch = batch(sent, number, other, fresh, message.sequence)
            let results = try await executor.commit(batch)
            let picture = try await Picture(of: [number, other, fresh.number], in: fixture)
            let again = try await executor.commit(batch)
            #expect(try await Picture(of: [number, other, fresh.number], in: fixture) == picture)
            for (index, command) in batch.enumerated() {
                switch command {
                case .step(let row, _, _), .startChild(_, _, let row):
                    #expect(results[index].isSame(as: row))
                    #expect(again[index].isSame(as: row))
                default: #expect(results[index].isDone && again[index].isDone)
                }
            }
        }
    }

    private func batch(
        _ sent: Sent, _ number: WorkflowNumber, _ other: WorkflowNumber, _ fresh: WorkflowRecord, _ message: Int64
    ) -> [Command] {
        let child = step(number, "child", 2, kind: .childStart)
        let life: [Command] = [
            .start(fresh), .pending(pending(fresh.number, "a")), .step(step(fresh.number, "a", 1), hadPending: true),
            .pending(pending(fresh.number, "b")),
        ]
        return switch sent {
        case .start: [.start(fresh)]
        case .startOwnedChild: [.startChild(fresh, owned: true, step: child)]
        case .startReadyChild: [.startChild(fresh, owned: false, step: child)]
        case .step: [.step(step(number, "a", 1)), .step(step(number, "b", 2))]
        case .transaction: [.step(step(number, "@order#1", 1, kind: .order, output: .text("t")))]
        case .consumingStep: [.step(step(number, "a", 1, kind: .receive), consumes: message)]
        case .pending: [.pending(pending(number, "a"))]
        case .pendingThenStep: [.pending(pending(number, "a")), .step(step(number, "a", 1), hadPending: true)]
        case .finish: [.finish(outcome(number), parent: nil)]
        case .finishAll: [.finish(outcome(number, .failed), parent: other, inbox: [cancel(other), cancel(fresh.number)])]
        case .suspend: [.suspend(number, due: .max)]
        case .suspendDue: [.suspend(number, due: Fixture.moment), .suspend(other, due: Fixture.future)]
        case .release: [.release(number)]
        case .setAside: [.setAside(number, reason: "broken", at: Fixture.moment)]
        case .deliver: [.deliver(cancel(other))]
        case .mixed: life + [.suspend(fresh.number, due: .max), .release(other), .finish(outcome(number), parent: fresh.number)]
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nothing comes back after the end`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let (record, child) = (try await fixture.record(), try await fixture.record())
            let number = record.number
            let batches: [[Command]] = [
                [.startChild(record, owned: true, step: step(parent, "child", 1, kind: .childStart))],
                [.pending(pending(number, "a"))],
                [.step(step(number, "a", 1), hadPending: true)],
                [.startChild(child, owned: false, step: step(number, "child", 2, kind: .childStart)), .pending(pending(number, "b"))],
                [.finish(outcome(number), parent: parent, inbox: [cancel(child.number)])],
                [.start(record)],
            ]
            for batch in batches { try await executor.commit(batch) }
            let picture = try await Picture(of: [parent, number, child.number], in: fixture)
            #expect(picture.workflows[number]?.live == nil && picture.workflows[number]?.pending == [])
            #expect(picture.workflows[parent]?.inbox.map(\.reference) == [number])
            #expect(picture.workflows[child.number]?.inbox.map(\.kind) == [.cancel])
            for batch in batches { try await executor.commit(batch) }
            try await executor.commit(batches.flatMap(\.self))
            #expect(try await Picture(of: [parent, number, child.number], in: fixture) == picture)
            #expect(try await executor.claimReady() == [child.number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a whole life in one batch, sent twice`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let record = try await fixture.record()
            let batch: [Command] = [
                .start(record), .pending(pending(record.number, "a")), .step(step(record.number, "a", 1), hadPending: true),
                .finish(outcome(record.number), parent: nil),
            ]
            for _ in 1...2 {
                try await executor.commit(batch)
                let status = try await fixture.status(record.number)
                #expect(status.live == nil && status.executor == nil && status.pending == [])
                #expect(status.outcome == outcome(record.number))
                #expect(try await fixture.load(record.number).history == [step(record.number, "a", 1)])
                #expect(try await executor.claimer.owned() == [])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an old batch of a former owner changes nothing for the new one`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (old, new) = (try await fixture.executor(), try await fixture.executor())
            let record = try await fixture.record()
            let batch: [Command] = [.start(record), .pending(pending(record.number, "a", attempt: 1)), .release(record.number)]
            try await old.commit(batch)
            #expect(try await new.claimReady() == [record.number])
            try await new.commit(.pending(pending(record.number, "a", attempt: 2)))
            let picture = try await Picture(of: [record.number], in: fixture)
            try await old.commit(batch)
            #expect(try await Picture(of: [record.number], in: fixture) == picture)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `starts of clients may be sent again`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let starts = [
                (try await fixture.record(id: "one"), IDPolicies(conflict: .fail, reuse: .rejectDuplicate)),
                (try await fixture.record(), IDPolicies()),
            ]
            for _ in 1...2 {
                #expect(try await fixture.backend.start(starts, owner: executor.id) == [.started(owned: true), .started(owned: true)])
            }
            for (record, _) in starts { try await executor.commit(.finish(outcome(record.number), parent: nil)) }
            #expect(try await fixture.backend.start(starts, owner: executor.id) == [.started(owned: false), .started(owned: false)])
            for (record, _) in starts { #expect(try await fixture.status(record.number).live == nil) }
        }
    }
}
