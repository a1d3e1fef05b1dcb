internal import Perdure
internal import Testing

/// An executor whose lease is gone cannot write one more row, whatever it tries.
@Suite(.timeLimit(.minutes(10))) struct FenceTests {
    enum Gone: String, CaseIterable { case retired, reaped }

    @Test(arguments: StoreUnderTest.available, Gone.allCases)
    func `every write of one that is gone is refused`(_ kind: StoreUnderTest, _ gone: Gone) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor(lease: gone == .reaped ? .milliseconds(200) : .seconds(600))
            let heir = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            try await executor.commit(.suspend(numbers[2], due: 1000))
            _ = try await fixture.ready()
            // An open one holds SQLite's only write lock, so there it can only begin afterwards.
            let opened = kind == .sqlite ? nil : try await fixture.backend.begin(.serializable, for: executor.id)
            let fresh = (try await fixture.record(), try await fixture.record())
            switch gone {
            case .retired: try await fixture.backend.retire(executor.id)
            case .reaped: try await fixture.reap(executor)
            }
            let all = numbers + [fresh.0.number, fresh.1.number]
            let before = try await Picture(of: all, in: fixture)
            await expect(.fenced, "renew") { try await fixture.backend.renew(executor.id, lease: .seconds(600)) }
            if let opened {
                let error = await #expect(throws: StoreError.self) {
                    try await opened.commit(step(numbers[0], "t", 1, kind: .transaction), hadPending: false)
                }
                // Where the reaper found its session open, that is ended.
                #expect([.fenced, .unavailable].contains(error?.code))
            }
            await expect(.fenced, "transaction") {
                let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
                return try await transaction.commit(step(numbers[0], "t", 1, kind: .transaction), hadPending: false)
            }
            for command in commands(numbers[0], numbers[1], fresh.0, fresh.1) {
                await expect(.fenced, "\(command)") { try await executor.commit(command) }
            }
            await expect(.fenced, "all") { try await executor.commit(commands(numbers[0], numbers[1], fresh.0, fresh.1)) }
            await expect(.fenced, "start") { try await fixture.backend.start([(fresh.0, IDPolicies())], owner: executor.id) }
            // Also what it would not own: open, it would hold an id for ever.
            await expect(.fenced, "start of what others run") {
                try await fixture.backend.start([(fresh.0, IDPolicies())], by: executor.id, isOwned: false)
            }
            await expect(.fenced, "ready") { try await executor.claimReady() }
            await expect(.fenced, "due") { try await executor.claimer.claimDue(now: 2000, limit: 9) }
            await expect(.fenced, "waiting") { try await executor.claimer.claimArrived([numbers[2]]) }
            #expect(try await Picture(of: all, in: fixture) == before)
            try await eventually("all is returned") { try await !fixture.backend.reap(limit: 100).more }
            #expect(try await heir.claimReady().count == 3)
            #expect(try await heir.claimer.claimDue(now: 2000, limit: 9).map(\.number) == [numbers[2]])
        }
    }

    private func commands(
        _ number: WorkflowNumber, _ other: WorkflowNumber, _ fresh: WorkflowRecord, _ child: WorkflowRecord
    ) -> [Command] {
        [
            .start(fresh), .startChild(child, owned: true, step: step(number, "child", 1, kind: .childStart)),
            .step(step(number, "a", 2)), .pending(pending(number, "b")), .deliver(cancel(other)), .suspend(other, due: .max),
            .release(other), .setAside(other, reason: "broken", at: Fixture.moment), .finish(outcome(number), parent: other),
        ]
    }

    @Test(arguments: StoreUnderTest.available)
    func `an executor that never was is fenced too`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let unknown = ExecutorID.random(in: 1...ExecutorID.max)
            let record = try await fixture.record()
            await expect(.fenced) { try await fixture.backend.renew(unknown, lease: .seconds(600)) }
            await expect(.fenced) { try await fixture.backend.start([(record, IDPolicies())], owner: unknown) }
            #expect(try await fixture.backend.status(of: record.number) == nil)
            try await fixture.backend.retire(unknown)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `even a batch that would change nothing is refused`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit(.step(step(number, "a", 1)))
            try await fixture.backend.retire(executor.id)
            await expect(.fenced) { try await executor.commit(.step(step(number, "a", 1))) }
            await expect(.fenced) { try await executor.commit(.release(number)) }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a lease that has run out may still write until it is reaped`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor(lease: .milliseconds(1))
            let number = try await fixture.owned(by: executor)
            #expect(try await executor.commit(.step(step(number, "a", 1))).isDone)
            try await fixture.backend.renew(executor.id, lease: .seconds(600))
            #expect(try await fixture.backend.reap(limit: 9) == ReapReport())
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a batch is before or after the reaper, never half`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let heir = try await fixture.executor()
            for _ in 0..<5 {
                let executor = try await fixture.executor()
                var accepted: [WorkflowNumber] = []
                let records = try await withThrowingTaskGroup(of: [WorkflowNumber].self) { group in
                    var records: [WorkflowRecord] = []
                    for _ in 0..<200 { records.append(try await fixture.record()) }
                    let mine = records
                    group.addTask {
                        var done: [WorkflowNumber] = []
                        do {
                            for record in mine {
                                _ = try await retrying { try await executor.commit(.start(record)) }
                                done.append(record.number)
                            }
                        } catch let error as StoreError where error.code == .fenced {}
                        return done
                    }
                    try await retrying { try await fixture.backend.retire(executor.id) }
                    accepted = try await group.reduce(into: []) { $0 += $1 }
                    return mine.map(\.number)
                }
                // What was accepted is ready again, what was refused is not there.
                for number in records {
                    let status = try await fixture.backend.status(of: number)
                    #expect(status?.live == (accepted.contains(number) ? .ready : nil))
                }
                #expect(Set(try await heir.claimReady(limit: 1000)) == Set(accepted))
            }
        }
    }
}
