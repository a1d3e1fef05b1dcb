internal import Perdure
internal import Testing

/// What becomes of workflows whose executors die.
@Suite(.timeLimit(.minutes(10))) struct CrashCountTests {
    /// No pause to wait for; with it `rules.limit` crashes are too many.
    private let rules = CrashRules(limit: 4, backoff: .zero)

    /// Reaps an executor, and all that it had.
    private func reap(_ executor: TestExecutor, _ fixture: Fixture, _ rules: CrashRules? = nil) async throws -> [WorkflowNumber: String] {
        var setAside: [WorkflowNumber: String] = [:]
        try await fixture.reap(executor)
        try await eventually("all is returned") {
            let report = try await fixture.backend.reap(ReapRules(limit: 10, crashes: rules ?? self.rules))
            setAside.merge(report.setAside) { $1 }
            return !report.more
        }
        return setAside
    }

    /// Makes `number`, which is ready or a suspect, a suspect with so many crashes.
    private func crash(_ number: WorkflowNumber, times: Int, _ fixture: Fixture) async throws {
        for crashes in 0..<times {
            let doomed = try await fixture.executor(lease: .milliseconds(30))
            let claimed =
                crashes < CrashRules.suspicion
                ? try await doomed.claimer.claimReady(.flow, limit: 9)
                : try await doomed.claimer.claimSuspects(
                    .flow, crashes: crashes, now: .max, limit: 9, probation: .seconds(600), acquitted: [])
            #expect(claimed == [Claimed(number: number, crashes: crashes, isFresh: crashes == 0)])
            _ = try await reap(doomed, fixture)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the first crash costs nothing, the second makes a suspect, the last sets aside`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            for crashes in 0..<4 {
                let doomed = try await fixture.executor(lease: .milliseconds(30))
                if crashes < 2 {
                    #expect(try await doomed.claimer.nextSuspect(.flow) == nil)
                    #expect(
                        try await doomed.claimer.claimReady(.flow, limit: 9) == [
                            Claimed(number: number, crashes: crashes, isFresh: crashes == 0)
                        ])
                } else {
                    #expect(try await doomed.claimer.claimReady(.flow, limit: 9) == [])
                    #expect(try await doomed.claimer.claimArrived([number], .flow) == [])
                    #expect(try await doomed.claimer.claimDue(.flow, now: .max, limit: 9) == [])
                    #expect(try await doomed.claimer.nextSuspect(.flow)?.crashes == crashes)
                    let claim: (Int, Int) async throws -> [Claimed] = { crashes, limit in
                        try await doomed.claimer.claimSuspects(
                            .flow, crashes: crashes, now: .max, limit: limit, probation: .zero, acquitted: [])
                    }
                    #expect(try await claim(crashes + 1, 9) == [])
                    #expect(try await claim(crashes, 0) == [])
                    #expect(try await claim(crashes, 9) == [Claimed(number: number, crashes: crashes, isFresh: crashes == 0)])
                    #expect(try await claim(crashes, 9) == [])
                }
                let setAside = try await reap(doomed, fixture)
                #expect(setAside.keys.sorted() == (crashes == 3 ? [number] : []))
                let status = try await fixture.status(number)
                #expect(status.live == [.ready, .suspect, .suspect, .setAside][crashes])
                #expect(status.crashes == crashes + 1 && status.executor == nil)
            }
            let reason = try await fixture.status(number).reason
            #expect(reason?.contains("4 times") == true && reason?.contains("process test") == true)
            guard case .setAside(number, reason)? = try await fixture.backend.endings(of: [number]).first else {
                return #expect(Bool(false), "it has not ended for those who wait")
            }
            #expect(try await fixture.backend.resume(number))
            let heir = try await fixture.executor()
            #expect(try await heir.claimer.claimReady(.flow, limit: 9) == [Claimed(number: number, crashes: 0)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a suspect waits, twice as long with each crash`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            try await crash(number, times: 2, fixture)
            var last: Microseconds = 0
            for crashes in 2..<4 {
                let doomed = try await fixture.executor(lease: .milliseconds(30))
                #expect(
                    try await doomed.claimer.claimSuspects(.flow, crashes: crashes, now: .max, limit: 9, probation: .zero, acquitted: [])
                        .count == 1)
                #expect(try await fixture.status(number).due == nil)
                _ = try await reap(doomed, fixture, CrashRules(limit: 9, backoff: .seconds(60)))
                let suspect = try #require(try await doomed.claimer.nextSuspect(.flow))
                #expect(try await fixture.status(number).due == suspect.due)
                // Two minutes and a half at most after the third crash, four at least after the fourth.
                #expect(suspect.due > last + 90_000_000)
                last = suspect.due
                let early = try await fixture.executor()
                let claimed = try await early.claimer.claimSuspects(
                    .flow, crashes: crashes + 1, now: suspect.due - 1, limit: 9, probation: .zero, acquitted: [])
                #expect(claimed == [])
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of the suspects only those on probation are to blame`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let doomed = try await fixture.executor()
            _ = try await fixture.readyMany(4)
            for _ in 0..<2 {
                let first = try await fixture.executor(lease: .milliseconds(30))
                #expect(try await first.claimer.claimReady(.flow, limit: 9).count == 4)
                _ = try await reap(first, fixture)
            }
            let plain = try await fixture.owned(by: doomed)
            func claim(_ probation: Duration, acquitting acquitted: [WorkflowNumber] = []) async throws -> WorkflowNumber {
                let claimed = try await doomed.claimer.claimSuspects(
                    .flow, crashes: 2, now: .max, limit: 1, probation: probation, acquitted: acquitted)
                return try #require(claimed.first).number
            }
            // The time of the first is over, the second was acquitted when the next was claimed; one came to a wait, one is watched.
            let over = try await claim(.zero)
            let acquitted = try await claim(.seconds(600))
            let waiting = try await claim(.seconds(600), acquitting: [acquitted])
            try await doomed.commit(.forgive(waiting))
            let watched = try await claim(.seconds(600), acquitting: [waiting])
            try await fixture.backend.renew(doomed.id, lease: .milliseconds(30))
            _ = try await reap(doomed, fixture)
            let seen = try await fixture.statuses([over, acquitted, watched, waiting, plain])
            #expect(seen.map(\.crashes) == [2, 2, 3, 1, 1])
            #expect(seen.map(\.live) == [.suspect, .suspect, .suspect, .ready, .ready])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `where nobody is on probation all are to blame`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            try await crash(number, times: 2, fixture)
            let doomed = try await fixture.executor(lease: .milliseconds(30))
            _ = try await doomed.claimer.claimSuspects(.flow, crashes: 2, now: .max, limit: 1, probation: .zero, acquitted: [])
            try await fixture.backend.renew(doomed.id, lease: .milliseconds(30))
            _ = try await reap(doomed, fixture)
            #expect(try await fixture.status(number).crashes == 3)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is handed back by an executor that lives counts no crash, and a suspect remains one`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            try await crash(number, times: 2, fixture)
            let leaving = try await fixture.executor()
            for hasRetired in [false, true] {
                #expect(
                    try await leaving.claimer.claimSuspects(.flow, crashes: 2, now: .max, limit: 1, probation: .seconds(600), acquitted: [])
                        .count == 1)
                if hasRetired {
                    try await fixture.backend.retire(leaving.id)
                } else {
                    try await leaving.commit(.release(number))
                }
                let status = try await fixture.status(number)
                #expect(status.live == .suspect && status.crashes == 2)
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `progress and waits clear the count`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let numbers = try await fixture.readyMany(4)
            for _ in 0..<2 {
                let doomed = try await fixture.executor(lease: .milliseconds(30))
                #expect(try await doomed.claimer.claimReady(.flow, limit: 9).count == 4)
                _ = try await reap(doomed, fixture)
            }
            let executor = try await fixture.executor()
            _ = try await executor.claimer.claimSuspects(.flow, crashes: 2, now: .max, limit: 9, probation: .zero, acquitted: [])
            try await executor.commit([
                .step(step(numbers[0], "a", 1)), .forgive(numbers[1]), .suspend(numbers[2], due: .max), .pending(pending(numbers[3], "a")),
            ])
            let seen = try await fixture.statuses(numbers)
            #expect(seen.map(\.crashes) == [0, 0, 0, 2])
            #expect(seen.map(\.live) == [.owned, .owned, .waiting, .owned])
            // Whose it is not changes nothing.
            let other = try await fixture.executor()
            try await other.commit(.forgive(numbers[3]))
            #expect(try await fixture.status(numbers[3]).crashes == 2)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `suspects are for those who can run them`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            try await crash(number, times: 2, fixture)
            let stranger = try await fixture.executor()
            for repertoire in [Repertoire(workflows: ["other"], versions: [""]), Repertoire(workflows: ["flow"], versions: ["2"])] {
                #expect(try await stranger.claimer.nextSuspect(repertoire) == nil)
                let claimed = try await stranger.claimer.claimSuspects(
                    repertoire, crashes: 2, now: .max, limit: 9, probation: .zero, acquitted: [])
                #expect(claimed == [])
            }
        }
    }
}
