internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct LeaseTests {
    @Test(arguments: StoreUnderTest.available)
    func `a lease that is renewed is not reaped`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (kept, doomed) = (
                try await fixture.executor(lease: .milliseconds(50)), try await fixture.executor(lease: .milliseconds(50))
            )
            let number = try await fixture.owned(by: kept)
            try await fixture.backend.renew(kept.id, lease: .seconds(600))
            try await fixture.reap(doomed)
            #expect(try await fixture.backend.reap(limit: 9) == ReapReport())
            #expect(try await kept.claimer.owned() == [number])
            #expect(try await kept.commit(.step(step(number, "a", 1))).isDone)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `who has not been alive for a whole lease takes nothing from others`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (young, old) = (try await fixture.executor(), try await fixture.executor(lease: .milliseconds(300)))
            let doomed = try await fixture.executor(lease: .milliseconds(1))
            let number = try await fixture.owned(by: doomed)
            try await eventually("the old one may reap") {
                // It comes into sight when its lease has ended, and the one who looks may take it.
                let look = try await fixture.backend.renew(young.id, LeaseTerms(lease: .seconds(600)))
                #expect(look.map { $0 > .seconds(400) } == true)
                _ = try await fixture.backend.renew(old.id, LeaseTerms(lease: .milliseconds(300)))
                #expect(try await fixture.backend.reap(ReapRules(limit: 9, reaper: young.id)) == ReapReport())
                #expect(try await fixture.backend.reap(ReapRules(limit: 9, reaper: .max)) == ReapReport())
                return try await fixture.backend.reap(ReapRules(limit: 9, reaper: old.id)).executors == [doomed.id]
            }
            #expect(try await fixture.status(number).live == .ready)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a lease can be shortened`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.backend.renew(executor.id, lease: .milliseconds(1))
            try await fixture.reap(executor)
            await expect(.fenced) { try await fixture.backend.renew(executor.id, lease: .seconds(600)) }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what a dead executor owned comes back in chunks, with a crash`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let doomed = try await fixture.executor(lease: .milliseconds(50))
            let numbers = try await fixture.ownedMany(7, by: doomed)
            try await doomed.commit([
                .finish(outcome(numbers[0]), parent: nil), .suspend(numbers[1], due: .max), .pending(pending(numbers[2], "a")),
            ])
            try await fixture.reap(doomed)
            var returned: [Int] = []
            for more in [true, true, false] {
                let report = try await fixture.backend.reap(limit: 2)
                #expect(report.executors == [])
                returned.append(report.returned)
                if report.returned == 1 { #expect(!report.more) } else { #expect(report.more == more) }
            }
            #expect(returned == [2, 2, 1])
            #expect(try await fixture.backend.reap(limit: 2) == ReapReport())
            let seen = try await fixture.statuses(numbers)
            #expect(seen.map(\.live) == [nil, .waiting, .ready, .ready, .ready, .ready, .ready])
            #expect(seen[2...].allSatisfy { $0.crashes == 1 && $0.executor == nil })
            #expect(seen[1].crashes == 0)
            #expect(seen[2].pending == [pending(numbers[2], "a")])
            // Returned work goes before fresh work, and says how often it has crashed.
            let fresh = try await fixture.ready()
            let other = try await fixture.executor()
            let claimed = try await other.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed.last == Claimed(number: fresh, isFresh: true))
            #expect(Set(claimed.dropLast().map(\.number)) == Set(numbers[2...]))
            #expect(claimed.dropLast().allSatisfy { $0.crashes == 1 })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `new progress forgives crashes, replaying old progress does not`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let doomed = try await fixture.executor(lease: .milliseconds(50))
            let number = try await fixture.owned(by: doomed)
            try await doomed.commit(.step(step(number, "a", 1)))
            try await fixture.reap(doomed)
            try await eventually("all is returned") { try await !fixture.backend.reap(limit: 10).more }
            let executor = try await fixture.executor()
            for (key, crashes) in [("a", 1), ("b", 1), ("c", 0)] {
                let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
                #expect(claimed == [Claimed(number: number, crashes: crashes)])
                _ = try await executor.commit([.step(step(number, key, 2))])
                try await executor.commit(.release(number))
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `several reapers return each workflow once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let doomed = try await fixture.executor(lease: .milliseconds(50))
            let numbers = try await fixture.ownedMany(60, by: doomed)
            let reports = try await withThrowingTaskGroup(of: [ReapReport].self) { group in
                for _ in 0..<3 {
                    let backend = try await fixture.open()
                    group.addTask {
                        var reports: [ReapReport] = []
                        try await eventually("all is returned") {
                            reports.append(try await retrying { try await backend.reap(limit: 7) })
                            return try await fixture.statuses(numbers).allSatisfy { $0.live == .ready }
                        }
                        return reports
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(reports.flatMap(\.executors) == [doomed.id])
            #expect(reports.map(\.returned).reduce(0, +) == numbers.count)
            #expect(try await fixture.statuses(numbers).allSatisfy { $0.live == .ready && $0.crashes == 1 })
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `who retires hands back without a crash`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (leaving, staying) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.ownedMany(30, by: leaving)
            let kept = try await fixture.owned(by: staying)
            try await fixture.backend.retire(leaving.id)
            #expect(try await fixture.backend.reap(limit: 9) == ReapReport())
            let seen = try await fixture.statuses(numbers)
            #expect(seen.allSatisfy { $0.live == .ready && $0.crashes == 0 && $0.executor == nil })
            #expect(Set(try await staying.claimReady()) == Set(numbers))
            #expect(try await fixture.status(kept).executor == staying.id)
            // Once more does no harm.
            try await fixture.backend.retire(leaving.id)
            #expect(Set(try await staying.claimer.owned()) == Set(numbers + [kept]))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what was set aside is resumed by hand`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            try await executor.commit([.setAside(numbers[0], reason: "broken", at: Fixture.moment), .suspend(numbers[1], due: .max)])
            #expect(try await executor.claimReady() == [])
            #expect(try await fixture.backend.resume(numbers[0]))
            #expect(try await !fixture.backend.resume(numbers[0]))
            for number in [numbers[1], numbers[2], try await fixture.number()] { #expect(try await !fixture.backend.resume(number)) }
            let status = try await fixture.status(numbers[0])
            #expect(status.live == .ready && status.reason == nil)
            #expect(try await fixture.backend.endings(of: numbers).isEmpty)
            #expect(try await executor.claimReady() == [numbers[0]])
            try await executor.commit(.finish(outcome(numbers[0]), parent: nil))
            #expect(try await !fixture.backend.resume(numbers[0]))
        }
    }
}
