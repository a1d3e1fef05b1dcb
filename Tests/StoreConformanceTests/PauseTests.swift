internal import Perdure
internal import Testing

/// Workflows that stand still because somebody has said so.
@Suite(.timeLimit(.minutes(10))) struct PauseTests {
    private let ada = Instruction(by: "ada", reason: "stocktaking", at: Fixture.moment)

    private func states(_ numbers: [WorkflowNumber], _ fixture: Fixture) async throws -> [LiveState?] {
        try await fixture.statuses(numbers).map(\.live)
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is nobody's is paused at once, and an owner is told`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(5, by: executor)
            try await executor.commit([
                .release(numbers[0]), .suspend(numbers[1], due: Fixture.moment),
                .setAside(numbers[3], reason: "broken", at: Fixture.moment),
                .finish(outcome(numbers[4]), parent: nil),
            ])
            var results: [PauseResult] = []
            for number in numbers { results.append(try await backend.pause(number, ada)) }
            #expect(results == [.paused, .paused, .accepted, .setAside, .ended])
            #expect(try await states(numbers, fixture) == [.paused, .paused, .owned, .setAside, nil])
            for number in numbers.prefix(3) { #expect(try await backend.pause(number, ada) == .already) }
            let item = try #require(try await fixture.inbox(numbers[2]).first)
            #expect(item.isPause && item.kind == .intervention)
            let status = try await fixture.status(numbers[0])
            #expect(status.pause == ada && status.executor == nil && status.reason == nil)
            #expect(WorkflowStatus(status, now: Fixture.moment).state == .paused)
            // It has not ended, and who waits for that goes on waiting.
            #expect(try await backend.endings(of: numbers).map(\.workflow).sorted() == [numbers[3], numbers[4]])
            #expect(try await backend.interventions(of: numbers[0]).map(\.state) == [.applied])
            #expect(try await backend.interventions(of: numbers[2]).map(\.state) == [.onItsWay])
            #expect(try await backend.interventions(of: numbers[3]) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an owner that has nothing running carries it out, unless it was taken back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(3, by: executor)
            for number in numbers.prefix(2) { #expect(try await backend.pause(number, ada) == .accepted) }
            #expect(try await backend.resume(numbers[1], ada))
            #expect(try await backend.interventions(of: numbers[1]).map(\.state) == [.withoutEffect, .applied])
            let other = try await fixture.executor()
            try await other.commit(numbers.map { .pause($0) })
            #expect(try await states(numbers, fixture) == [.owned, .owned, .owned])
            // The reply was lost: the same again changes nothing.
            for _ in 0..<2 {
                try await executor.commit(numbers.map { .pause($0) })
                #expect(try await states(numbers, fixture) == [.paused, .ready, .ready])
            }
            #expect(try await fixture.inbox(numbers[0]) == [])
            #expect(try await backend.interventions(of: numbers[0]).map(\.state) == [.applied])
            #expect(try await executor.claimReady().sorted() == [numbers[1], numbers[2]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nobody claims it, whatever arrives, but what was cancelled or terminated`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let numbers = try await fixture.ownedMany(3, by: executor)
            try await executor.commit(numbers.map { .suspend($0, due: Fixture.moment) })
            let fresh = [try await fixture.ready(), try await fixture.ready()]
            for number in numbers + fresh { #expect(try await backend.pause(number, ada) == .paused) }
            try await backend.deliver((numbers + fresh).map { InboxItem(workflow: $0, kind: .message, payload: .void, topic: "t") })
            #expect(try await executor.claimReady() == [])
            #expect(try await executor.claimer.claimDue(now: Fixture.future, limit: 9) == [])
            #expect(try await executor.claimer.claimArrived(numbers + fresh) == [])
            try await backend.deliver([
                cancel(numbers[0]), InboxItem(workflow: numbers[1], kind: .terminate), cancel(fresh[0]),
            ])
            let nobody = Repertoire(workflows: ["other"], versions: [""])
            let claimed = try await executor.claimer.claimArrived(numbers + fresh, nobody)
            // A cancel has code to be run, where there is such code; what has not begun ends without.
            #expect(claimed.filter { !$0.isServed }.map(\.number) == [numbers[0]])
            #expect(claimed.filter(\.isServed).map(\.number).sorted() == [numbers[1], fresh[0]].sorted())
            #expect(claimed.first { $0.number == fresh[0] }?.isFresh == true)
            #expect(try await states(numbers + fresh, fixture) == [.ready, .owned, .paused, .owned, .paused])
            // Another that is cancelled, where it is served.
            try await backend.deliver([cancel(numbers[2])])
            #expect(try await executor.claimer.claimArrived(numbers).map(\.number) == [numbers[2]])
            #expect(try await fixture.status(numbers[2]).pause == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `resumed it is as it was before`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (backend, executor) = (fixture.backend, try await fixture.executor())
            let number = try await fixture.owned(by: executor)
            try await executor.commit(.suspend(number, due: Fixture.future))
            let delayed = try await fixture.ready(due: Fixture.future)
            for number in [number, delayed] { #expect(try await backend.pause(number, ada) == .paused) }
            for number in [number, delayed] { #expect(try await backend.resume(number)) }
            for number in [number, delayed] { #expect(try await !backend.resume(number)) }
            #expect(try await states([number, delayed], fixture) == [.ready, .ready])
            // What had begun looks for itself when it is due; what had not is still not to begin.
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed.first { $0.number == number }?.isFresh == false)
            #expect(claimed.first { $0.number == delayed }?.due == Fixture.future)
            #expect(try await states([number, delayed], fixture) == [.owned, .waiting])
            #expect(try await backend.interventions(of: number).map(\.kind) == [.pause])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is rolled back resumes nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            #expect(try await fixture.backend.pause(number, ada) == .paused)
            for commits in [false, true] {
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                #expect(try await transaction.resume(number))
                #expect(try await transaction.status(of: number)?.live == .ready)
                if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
                #expect(try await states([number], fixture) == [commits ? .ready : .paused])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is found, counted and seen`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let numbers = try await fixture.readyMany(2)
            #expect(try await fixture.backend.pause(numbers[0], ada) == .paused)
            let filter = try WorkflowFilter(parsing: "status = 'paused'")
            #expect(try await fixture.backend.count(filter, now: Fixture.moment, upTo: 9) == 1)
            let found = try await fixture.backend.search(SearchRequest(filter, now: Fixture.moment))
            #expect(found.map(\.status.record.number) == [numbers[0]])
            let version = try #require(try await fixture.backend.versions().first)
            #expect(version.open == 2 && version.setAside == 1 && version.queued == 1)
            guard kind != .memory else { return }
            let view = try await fixture.view("workflow_status", where: "workflow_number = \(numbers[0])")
            let row = Dictionary(uniqueKeysWithValues: zip(view.columns, try #require(view.rows.first)))
            #expect(row["state"] == .text("paused") && row["reason"] == .text("stocktaking") && row["executor"] == .null)
        }
    }
}
