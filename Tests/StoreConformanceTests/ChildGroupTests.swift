internal import Perdure
internal import Testing

/// Children that are started together, and the rows that say how they have ended.
@Suite(.timeLimit(.minutes(10))) struct ChildGroupTests {
    private static let group = "@children:child"
    private static let start = "@children:child/start"

    private func children(_ count: Int, of parent: WorkflowNumber, _ fixture: Fixture) async throws -> [WorkflowRecord] {
        var records: [WorkflowRecord] = []
        for index in 0..<count {
            var record = try await fixture.record("child")
            record.parent = ParentLink(number: parent, key: Self.start, closePolicy: index == 0 ? .cancel : .terminate)
            records.append(record)
        }
        return records
    }

    private func end(_ child: WorkflowNumber, of parent: WorkflowNumber, _ group: String = group, output: Int = 4) -> Command {
        let outcome = Outcome(
            workflow: child, status: .completed, output: .json(String(repeating: "1", count: output)), finished: Fixture.moment)
        return .finish(
            outcome, parent: nil, inbox: [InboxItem(workflow: parent, kind: .groupEnded, reference: child, topic: group)])
    }

    private func ends(
        _ fixture: Fixture, _ parent: WorkflowNumber, _ group: String = group, limit: Int = 100, bytes: Int = 1_000_000
    ) async throws -> [GroupEnd] {
        try await fixture.backend.groupEnds(of: parent, group, limit: limit, bytes: bytes)
    }

    @Test(arguments: StoreUnderTest.available)
    func `children that are started together and their one row, all or nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let other = try await fixture.owned(by: executor)
            let kept = try await children(3, of: parent, fixture)
            let row = step(parent, Self.start, 1, kind: .childrenStart)
            let left = try await children(2, of: other, fixture)
            let second = step(other, Self.start, 1, kind: .childrenStart)
            let batch: [Command] = [.startChildren(kept, owned: true, step: row), .startChildren(left, owned: false, step: second)]
            for _ in 1...2 {
                for (result, row) in zip(try await executor.commit(batch), [row, second]) { #expect(result.isSame(as: row)) }
            }
            #expect(try await fixture.load(parent).history == [row])
            for child in kept { #expect(try await fixture.status(child.number).live == .owned) }
            for child in left { #expect(try await fixture.load(child.number).record == child) }
            // The row that is there wins, and of those that came with another nothing is left.
            let late = try await children(2, of: parent, fixture)
            let another = step(parent, Self.start, 2, kind: .childrenStart, output: .text("another"))
            #expect(try await executor.commit(.startChildren(late, owned: false, step: another)).recorded == row)
            for child in late { #expect(try await fixture.backend.status(of: child.number) == nil) }
            #expect(Set(try await executor.claimReady(["child"])) == Set(left.map(\.number)))
            #expect(
                try await fixture.backend.openChildren(of: parent)
                    == kept.map { OpenChild(number: $0.number, closePolicy: $0.parent?.closePolicy ?? .abandon) })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a group whose start is sent again after the end brings nobody back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let records = try await children(3, of: parent, fixture)
            let start = Command.startChildren(records, owned: true, step: step(parent, Self.start, 1, kind: .childrenStart))
            try await executor.commit(start)
            try await executor.commit(end(records[0].number, of: parent))
            try await executor.commit(start)
            try await executor.commit(end(records[0].number, of: parent))
            #expect(try await fixture.status(records[0].number).live == nil)
            #expect(try await ends(fixture, parent).map(\.child) == [records[0].number])
            #expect(try await fixture.backend.openChildren(of: parent).map(\.number) == records.dropFirst().map(\.number))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `ends are read by the page, in the order in which they came`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let numbers = try await fixture.ownedMany(5, by: executor)
            try await fixture.backend.deliver([cancel(parent)])
            for number in numbers.reversed() { try await executor.commit(end(number, of: parent)) }
            let stranger = try await fixture.owned(by: executor)
            try await executor.commit(end(stranger, of: parent, "@children:other"))
            let all = try await ends(fixture, parent)
            #expect(all.map(\.child) == numbers.reversed())
            #expect(all.map { $0.outcome?.output } == numbers.map { _ in .json("1111") })
            #expect(try await ends(fixture, parent, limit: 2) == Array(all.prefix(2)))
            // No more bytes than that, but one in any case.
            #expect(try await ends(fixture, parent, bytes: 9) == Array(all.prefix(2)))
            #expect(try await ends(fixture, parent, bytes: 1) == Array(all.prefix(1)))
            #expect(try await ends(fixture, parent, "@children:other").map(\.child) == [stranger])
            // In what is read of the inbox there is one sign of them.
            #expect(try await fixture.inbox(parent).map(\.kind) == [.cancel, .groupEnded])
            #expect(try await fixture.load(parent).inbox == (try await fixture.inbox(parent)))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the row that records ends consumes theirs, once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let numbers = try await fixture.ownedMany(4, by: executor)
            for number in numbers { try await executor.commit(end(number, of: parent)) }
            let sequences = try await ends(fixture, parent).map(\.sequence)
            let row = step(parent, "@children:child/ended", 1, kind: .childrenEnded)
            // Beside rows that consume one, and none.
            try await fixture.backend.deliver([cancel(parent)])
            let cancelled = try #require(try await fixture.inbox(parent).first { $0.kind == .cancel }).sequence
            let batch: [Command] = [
                .step(step(parent, "@cancel", 2, kind: .cancel), consumes: cancelled),
                .childrenEnded(row, consumes: Array(sequences.prefix(3))), .step(step(parent, "a", 3)),
            ]
            for _ in 1...2 {
                try await executor.commit(batch)
                #expect(try await ends(fixture, parent).map(\.child) == [numbers[3]])
                #expect(try await fixture.inbox(parent).map(\.kind) == [.groupEnded])
            }
            // What lost against another row has taken nothing.
            var late = row
            late.order = 9
            #expect(try await executor.commit(.childrenEnded(late, consumes: [sequences[3]])).recorded == row)
            #expect(try await ends(fixture, parent).map(\.child) == [numbers[3]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `ends that nobody waits for wake nobody, and are there when they are asked for`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, other) = (try await fixture.executor(), try await fixture.executor())
            let parent = try await fixture.owned(by: executor)
            let numbers = try await fixture.ownedMany(3, by: executor)
            try await executor.commit(end(numbers[0], of: parent))
            try await executor.commit(end(numbers[1], of: parent, "@children:other"))
            try await executor.commit([.overlook(parent, except: ["@children:other"]), .suspend(parent, due: .max)])
            #expect(try await fixture.inbox(parent).map(\.reference) == [numbers[1]])
            #expect(try await other.claimer.arrivals() == [parent])
            try await executor.commit(.overlook(parent, except: []))
            #expect(try await fixture.inbox(parent) == [])
            other.claimer.reset()
            #expect(try await other.claimer.arrivals() == [])
            #expect(try await ends(fixture, parent).map(\.child) == [numbers[0]])
            try await executor.commit(end(numbers[2], of: parent))
            #expect(try await other.claimer.arrivals() == [parent])
            #expect(try await fixture.inbox(parent).map(\.reference) == [numbers[2]])
            #expect(try await ends(fixture, parent).map(\.child) == [numbers[0], numbers[2]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nobody is told of ends when the parent has ended`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            let numbers = try await fixture.ownedMany(2, by: executor)
            try await executor.commit(end(numbers[0], of: parent))
            try await executor.commit(.finish(outcome(parent), parent: nil))
            try await executor.commit(end(numbers[1], of: parent))
            #expect(try await ends(fixture, parent) == [])
        }
    }
}
