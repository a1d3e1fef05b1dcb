internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct StatusTests {
    @Test(arguments: StoreUnderTest.available)
    func `status in every state`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.ready(due: Fixture.moment)
            func expectStatus(_ live: LiveState?, due: Microseconds?, reason: String? = nil, outcome: Outcome? = nil) async throws {
                let status = try await fixture.status(number)
                #expect(status.live == live)
                #expect(status.executor == (live == .owned ? executor.id : nil))
                if live == .ready || live == .waiting { #expect(status.due == due) }
                #expect(status.reason == reason && status.outcome == outcome && status.crashes == 0)
            }
            try await expectStatus(.ready, due: Fixture.moment)
            #expect(try await executor.claimReady() == [number])
            try await expectStatus(.waiting, due: Fixture.moment)
            #expect(try await executor.claimer.claimDue(now: Fixture.moment, limit: 9).map(\.number) == [number])
            try await expectStatus(.owned, due: nil)
            try await executor.commit(.suspend(number, due: Fixture.future))
            try await expectStatus(.waiting, due: Fixture.future)
            #expect(try await executor.claimer.claimArrived([number]).count == 1)
            try await executor.commit(.setAside(number, reason: "broken", at: Fixture.moment))
            try await expectStatus(.setAside, due: nil, reason: "broken")
            #expect(try await fixture.backend.resume(number))
            try await expectStatus(.ready, due: nil)
            #expect(try await executor.claimReady() == [number])
            try await executor.commit(.finish(outcome(number), parent: nil))
            try await expectStatus(nil, due: nil, outcome: outcome(number))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what nobody can run is seen to wait for them`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let numbers = [
                try await fixture.ready(), try await fixture.ready(lane: Lane(workflow: "flow", version: "2")),
                try await fixture.ready("other"),
            ]
            func served() async throws -> [Bool?] { try await fixture.statuses(numbers).map(\.isServed) }
            #expect(try await served() == [false, false, false])
            let id = ExecutorID.random(in: 1...ExecutorID.max)
            let terms = LeaseTerms(lease: .seconds(600))
            let repertoire = Repertoire(workflows: ["flow", "unheard of"], versions: ["", "1"])
            try await fixture.backend.register(id, ExecutorDescription(label: "test", terms: terms, repertoire: repertoire))
            #expect(try await served() == [true, false, false])
            let two = ExecutorDescription(label: "test", terms: terms, repertoire: Repertoire(workflows: ["flow"], versions: ["2"]))
            try await fixture.backend.register(id - 1, two)
            #expect(try await served() == [true, true, false])
            // A lease that has ended serves nobody; nor does one that was given back.
            try await fixture.backend.renew(id, lease: .microseconds(1))
            try await eventually("the lease has ended") { try await served() == [false, true, false] }
            try await fixture.backend.retire(id - 1)
            #expect(try await served() == [false, false, false])
            let executor = try await fixture.executor()
            let ended = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(ended), parent: nil))
            #expect(try await fixture.status(ended).isServed == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is unknown has no status`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.number()
            #expect(try await fixture.backend.status(of: number) == nil)
            #expect(try await fixture.backend.number(ofID: "nobody") == nil)
            #expect(try await fixture.backend.endings(of: [number]).isEmpty)
            #expect(try await fixture.backend.endings(of: []).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `endings are of those that ended or were set aside`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(6, by: executor)
            try await executor.commit([
                .finish(outcome(numbers[0]), parent: nil), .finish(outcome(numbers[1], .failed), parent: nil),
                .setAside(numbers[2], reason: "broken", at: Fixture.moment), .suspend(numbers[3], due: .max), .release(numbers[4]),
            ])
            let endings = try await fixture.backend.endings(of: numbers + [try await fixture.number()])
            #expect(Set(endings.map(\.workflow)) == Set(numbers[..<3]) && endings.count == 3)
            for ending in endings {
                switch ending {
                case .outcome(let seen):
                    #expect(seen == (seen.workflow == numbers[0] ? outcome(numbers[0]) : outcome(numbers[1], .failed)))
                case .setAside(let number, let reason): #expect(number == numbers[2] && reason == "broken")
                }
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an end is seen by all who have opened`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (executor, other) = (try await fixture.executor(), try await fixture.open())
            let record = try await fixture.record(id: "seen")
            _ = try await other.start([(record, IDPolicies())], owner: nil)
            #expect(try await executor.claimReady() == [record.number])
            #expect(try await other.status(of: record.number)?.executor == executor.id)
            try await executor.commit(.finish(outcome(record.number), parent: nil))
            #expect(try await other.endings(of: [record.number]).map(\.workflow) == [record.number])
            #expect(try await other.number(ofID: "seen") == record.number)
        }
    }
}
