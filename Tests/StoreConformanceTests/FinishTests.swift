internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct FinishTests {
    @Test(arguments: StoreUnderTest.available, [OutcomeStatus.completed, .failed, .cancelled, .terminated, .timedOut])
    func `the end deletes what is alive and writes the outcome`(_ kind: StoreUnderTest, _ status: OutcomeStatus) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit([.pending(pending(number, "a")), .step(step(number, "b", 1))])
            try await fixture.backend.deliver([cancel(number)])
            #expect(try await executor.commit(.finish(outcome(number, status), parent: nil)).isDone)
            let seen = try await fixture.status(number)
            #expect(seen.live == nil && seen.executor == nil && seen.pending == [] && seen.reason == nil)
            #expect(seen.outcome == outcome(number, status))
            let loaded = try await fixture.load(number)
            #expect(loaded.pending == [] && loaded.inbox == [] && loaded.history == [step(number, "b", 1)])
            #expect(try await executor.claimer.owned() == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only the owner finishes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (owner, other) = (try await fixture.executor(), try await fixture.executor())
            let (number, parent) = (try await fixture.owned(by: owner), try await fixture.owned(by: other))
            let (waiting, ready) = (try await fixture.owned(by: owner), try await fixture.ready())
            try await owner.commit([.suspend(waiting, due: .max), .pending(pending(number, "a"))])
            let numbers = [number, parent, waiting, ready]
            let before = try await Picture(of: numbers, in: fixture)
            for target in [number, waiting, ready] {
                try await other.commit(.finish(outcome(target), parent: parent, inbox: [cancel(parent)]))
            }
            #expect(try await Picture(of: numbers, in: fixture) == before)
            try await owner.commit(.finish(outcome(number), parent: parent))
            #expect(try await fixture.status(number).outcome == outcome(number))
            // And an end is final, whoever writes.
            try await owner.commit(.finish(outcome(number, .failed), parent: parent))
            #expect(try await fixture.status(number).outcome == outcome(number))
            #expect(try await fixture.inbox(parent).count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only the owner hands back, suspends or sets aside`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (owner, other) = (try await fixture.executor(), try await fixture.executor())
            let number = try await fixture.owned(by: owner)
            let before = try await Picture(of: [number], in: fixture)
            try await other.commit([
                .suspend(number, due: .max), .release(number), .setAside(number, reason: "mine", at: Fixture.moment),
            ])
            #expect(try await Picture(of: [number], in: fixture) == before)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the end tells the parent and the children that are still open`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (parent, number) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let (open, ended) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            let unknown = try await fixture.number()
            try await executor.commit(.finish(outcome(ended), parent: nil))
            let terminate = InboxItem(workflow: ended, kind: .terminate)
            try await executor.commit(
                .finish(outcome(number), parent: parent, inbox: [cancel(open), terminate, cancel(unknown)]))
            let told = try await fixture.inbox(parent)
            #expect(told.map(\.kind) == [.childEnded] && told.map(\.reference) == [number])
            #expect(try await fixture.inbox(open).map(\.kind) == [.cancel])
            #expect(try await fixture.inbox(open).first?.payload == cancel(open).payload)
            #expect(try await fixture.backend.inbox(of: [ended, unknown, number]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a parent that has ended is told nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (parent, child) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            try await executor.commit(.finish(outcome(parent), parent: nil))
            try await executor.commit(.finish(outcome(child), parent: parent))
            #expect(try await fixture.status(child).outcome == outcome(child))
            #expect(try await fixture.inbox(parent) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `parent and child end in one batch`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (parent, child) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            try await executor.commit([
                .finish(outcome(child), parent: parent), .finish(outcome(parent), parent: nil, inbox: [cancel(child)]),
            ])
            #expect(try await fixture.status(child).outcome == outcome(child))
            #expect(try await fixture.status(parent).outcome == outcome(parent))
            #expect(try await fixture.backend.inbox(of: [parent, child]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `suspending, handing back and setting aside`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(4, by: executor)
            try await executor.commit([
                .suspend(numbers[0], due: Fixture.future), .suspend(numbers[1], due: .max), .release(numbers[2]),
                .setAside(numbers[3], reason: "it broke ✂︎", at: Fixture.moment),
            ])
            let seen = try await fixture.statuses(numbers)
            #expect(seen.map(\.live) == [.waiting, .waiting, .ready, .setAside])
            #expect(seen.allSatisfy { $0.executor == nil && $0.crashes == 0 && $0.outcome == nil })
            #expect(seen[0].due == Fixture.future)
            #expect(seen.map(\.reason) == [nil, nil, nil, "it broke ✂︎"])
            #expect(try await executor.claimer.owned() == [])
        }
    }
}
