internal import Perdure
internal import Testing

/// What is claimed because something has arrived for it.
@Suite(.timeLimit(.minutes(10))) struct ArrivalClaimTests {
    @Test(arguments: StoreUnderTest.available)
    func `those that wait are woken, and nobody else`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.ownedMany(5, by: one)
            try await one.commit([
                .suspend(numbers[0], due: .max), .suspend(numbers[1], due: Fixture.future), .release(numbers[2]),
                .setAside(numbers[3], reason: "broken", at: Fixture.moment),
            ])
            let unknown = try await fixture.number()
            let claimed = try await two.claimer.claimArrived(numbers + [unknown, numbers[0]])
            #expect(Set(claimed.map(\.number)) == [numbers[0], numbers[1]] && claimed.count == 2)
            #expect(try await one.claimer.claimArrived(numbers) == [])
            #expect(try await two.claimer.claimArrived([]) == [])
            #expect(try await two.claimer.nextDue() == nil)
            #expect(try await one.claimer.owned() == [numbers[4]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is terminated is claimed in whatever state, by whoever comes, unless it has an owner`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.ownedMany(4, by: one)
            let ready = [
                try await fixture.ready("unserved"), try await fixture.ready(lane: Lane(workflow: "flow", version: "unserved")),
                try await fixture.ready(due: Fixture.future),
            ]
            try await one.commit([
                .suspend(numbers[0], due: .max), .release(numbers[1]), .setAside(numbers[2], reason: "broken", at: Fixture.moment),
            ])
            try await fixture.backend.deliver((numbers + ready).map { InboxItem(workflow: $0, kind: .terminate) })
            let claimed = try await two.claimer.claimArrived(numbers + ready)
            #expect(Set(claimed.map(\.number)) == Set(numbers[..<3] + ready))
            // Nor does any of them wait for its moment.
            #expect(claimed.allSatisfy { $0.due == nil && $0.isFresh == ready.contains($0.number) })
            #expect(try await one.claimer.claimArrived(numbers + ready) == [])
            #expect(try await one.claimReady(["flow", "unserved"]) == [])
            #expect(try await one.claimer.owned() == [numbers[3]])
            let status = try await fixture.status(numbers[2])
            #expect(status.live == .owned && status.executor == two.id && status.reason == nil)
            #expect(try await fixture.backend.endings(of: [numbers[2]]).isEmpty)
            // It is like any other that is owned: given back it is there for who serves it.
            try await two.commit([.release(ready[0]), .release(numbers[1])])
            #expect(Set(try await one.claimReady(["flow", "unserved"])) == [ready[0], numbers[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a cancel is reason enough only for what nobody has had`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            let (fresh, untouched) = (try await fixture.ready("unserved"), try await fixture.ready("unserved"))
            try await executor.commit([
                .release(numbers[0]), .setAside(numbers[1], reason: "broken", at: Fixture.moment), .suspend(numbers[2], due: .max),
            ])
            try await fixture.backend.deliver((numbers + [fresh]).map { cancel($0) })
            try await fixture.backend.deliver([InboxItem(workflow: untouched, kind: .childEnded, reference: 7)])
            let claimed = try await executor.claimer.claimArrived(numbers + [fresh, untouched]).sorted { $0.number < $1.number }
            #expect(claimed == [Claimed(number: numbers[2]), Claimed(number: fresh, isFresh: true)].sorted { $0.number < $1.number })
            #expect(try await fixture.status(numbers[1]).reason == "broken")
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a claim says what nobody has had`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.ready(due: Fixture.future)
            func claim() async throws -> [Claimed] {
                try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            }
            #expect(try await claim() == [Claimed(number: number, due: Fixture.future, isFresh: true)])
            #expect(try await executor.claimer.claimDue(now: Fixture.future, limit: 9) == [Claimed(number: number, isFresh: true)])
            try await executor.commit(.release(number))
            #expect(try await claim() == [Claimed(number: number)])
            try await executor.commit(.suspend(number, due: Fixture.future))
            #expect(try await executor.claimer.claimDue(now: Fixture.future, limit: 9) == [Claimed(number: number)])
            try await executor.commit(.setAside(number, reason: "broken", at: Fixture.moment))
            #expect(try await fixture.backend.resume(number))
            #expect(try await claim() == [Claimed(number: number)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is claimed from the middle of a lane leaves the others in their order`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.readyMany(100)
            let taken = stride(from: 1, to: 100, by: 3).map { numbers[$0] }
            try await fixture.backend.deliver(taken.map { InboxItem(workflow: $0, kind: .terminate) })
            #expect(Set(try await executor.claimer.claimArrived(taken).map(\.number)) == Set(taken))
            #expect(try await executor.claimReady() == numbers.filter { !taken.contains($0) })
        }
    }
}
