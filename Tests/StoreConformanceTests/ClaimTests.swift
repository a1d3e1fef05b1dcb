internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct ClaimTests {
    @Test(arguments: StoreUnderTest.available)
    func `only lanes that are served, in the order of arrival`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let first = try await fixture.ready()
            _ = try await fixture.ready("other")
            _ = try await fixture.ready(lane: Lane(workflow: "flow", version: "v2"))
            let second = try await fixture.ready()
            let queued = try await fixture.ready(lane: Lane(queue: "emails", key: "tenant", priority: 5, workflow: "flow"))
            #expect(try await executor.claimReady(["unknown"]) == [])
            #expect(try await executor.claimer.claimReady(workflows: [], versions: [""], limit: 9) == [])
            #expect(try await executor.claimReady() == [first, second])
            #expect(try await executor.claimReady() == [])
            let elsewhere = Repertoire(workflows: ["flow"], versions: [""], queues: ["letters"])
            executor.claimer.reset()
            #expect(try await executor.claimer.claimReady(elsewhere, limit: 9) == [])
            executor.claimer.reset()
            let queue = Repertoire(workflows: ["flow"], versions: [""], queues: ["", "emails"])
            #expect(try await executor.claimer.claimReady(queue, limit: 9).map(\.number) == [queued])
            let versioned = try await executor.claimer.claimReady(workflows: ["flow", "other"], versions: ["v2", "v3"], limit: 9)
            #expect(versioned.count == 1)
            #expect(try await executor.claimReady(["flow", "other"]).count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is claimed is owned, and not more than asked for`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.readyMany(25)
            var all: [WorkflowNumber] = []
            for expected in [10, 10, 5, 0] {
                let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 10)
                #expect(claimed.count == expected)
                #expect(claimed.allSatisfy { $0.crashes == 0 && $0.due == nil })
                all += claimed.map(\.number)
            }
            #expect(all == numbers)
            #expect(Set(try await executor.claimer.owned()) == Set(numbers))
            let status = try await fixture.status(numbers[7])
            #expect(status.live == .owned && status.executor == executor.id)
            #expect(try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 0) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what waited and cannot be run here becomes ready for others`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (owner, stranger) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.ownedMany(2, by: owner)
            let other = try await fixture.owned(by: owner, "other")
            let due = Fixture.moment
            try await owner.commit([.suspend(numbers[0], due: due), .suspend(numbers[1], due: .max), .suspend(other, due: due)])
            let repertoire = Repertoire(workflows: ["other"], versions: [""])
            let found = try await stranger.claimer.claimDue(repertoire, now: due, limit: 9)
            #expect(Set(found.map { "\($0.number) \($0.isServed)" }) == ["\(numbers[0]) false", "\(other) true"])
            #expect(
                try await stranger.claimer.claimArrived([numbers[1]], repertoire) == [Claimed(number: numbers[1], isServed: false)])
            let seen = try await fixture.statuses(numbers + [other])
            #expect(seen.map(\.live) == [.ready, .ready, .owned])
            #expect(seen.map(\.due) == [nil, nil, nil])
            #expect(Set(try await owner.claimReady()) == Set(numbers))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `returned work comes first`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.readyMany(6)
            #expect(try await executor.claimReady(limit: 2) == Array(numbers[..<2]))
            try await executor.commit([.release(numbers[1])])
            #expect(try await executor.claimReady(limit: 2) == [numbers[1], numbers[2]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `concurrent claimers get each workflow once`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executors = try await withThrowingTaskGroup(of: TestExecutor.self) { group in
                for _ in 0..<3 { group.addTask { try await fixture.executor(on: try await fixture.open()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let numbers = try await fixture.readyMany(150)
            let counted = Counter()
            let claimed = try await withThrowingTaskGroup(of: [WorkflowNumber].self) { group in
                for executor in executors {
                    group.addTask {
                        var mine: [WorkflowNumber] = []
                        try await eventually("all are claimed") {
                            let got = try await retrying { try await executor.claimReady(limit: 7) }
                            mine += got
                            if got.isEmpty { executor.claimer.reset() }
                            return counted.add(got.count) >= numbers.count
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.sorted() == numbers.sorted())
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what starts while others claim is found`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let started = try await withThrowingTaskGroup(of: [WorkflowNumber].self) { group in
                for _ in 0..<3 {
                    var records: [WorkflowRecord] = []
                    for _ in 0..<20 { records.append(try await fixture.record()) }
                    let (mine, backend) = (records, try await fixture.open())
                    group.addTask {
                        for record in mine { _ = try await retrying { try await backend.start([(record, IDPolicies())], owner: nil) } }
                        return mine.map(\.number)
                    }
                }
                var claimed: [WorkflowNumber] = []
                try await eventually("all are claimed") {
                    let got = try await retrying { try await executor.claimReady(limit: 5) }
                    claimed += got
                    if got.isEmpty { executor.claimer.reset() }
                    return claimed.count >= 60
                }
                #expect(Set(claimed).count == claimed.count)
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(try await executor.claimer.owned()) == Set(started))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what commits later than what was claimed is found`(_ kind: StoreUnderTest) async throws {
        // An open transaction keeps every other writer of an SQLite file out.
        guard kind != .sqlite else { return }
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            var expected: Set<WorkflowNumber> = []
            var open: [any OpenTransaction] = []
            for _ in 0..<3 {
                let record = try await fixture.record()
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                #expect(try await transaction.start([(record, IDPolicies())]) == [.started(owned: false)])
                expected.insert(record.number)
                open.append(transaction)
                let committed = try await fixture.ready()
                #expect(try await executor.claimReady() == [committed])
            }
            for transaction in open.reversed() { #expect(try await transaction.commit(nil, hadPending: false).isDone) }
            #expect(Set(try await executor.claimReady()) == expected)
            #expect(try await executor.claimReady() == [])
            executor.claimer.reset()
            #expect(try await executor.claimReady() == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what comes back is found again, without a reset`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.readyMany(3)
            for _ in 0..<5 {
                #expect(Set(try await executor.claimReady()) == Set(numbers))
                try await executor.commit(numbers.map { .release($0) })
            }
            executor.claimer.reset()
            #expect(Set(try await executor.claimReady()) == Set(numbers))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `who is due, in the order of moments`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(5, by: executor)
            #expect(try await executor.claimer.nextDue() == nil)
            try await executor.commit([
                .suspend(numbers[0], due: 3000), .suspend(numbers[1], due: 1000), .suspend(numbers[2], due: 2000),
                .suspend(numbers[3], due: .max), .suspend(numbers[4], due: Fixture.future),
            ])
            #expect(try await executor.claimer.nextDue() == 1000)
            #expect(try await executor.claimer.claimDue(now: 999, limit: 9) == [])
            let first = try await executor.claimer.claimDue(now: 5000, limit: 2)
            #expect(Set(first.map(\.number)) == [numbers[1], numbers[2]])
            #expect(try await executor.claimer.nextDue() == 3000)
            #expect(try await executor.claimer.claimDue(now: 3000, limit: 9).map(\.number) == [numbers[0]])
            #expect(try await executor.claimer.nextDue() == Fixture.future)
            #expect(Set(try await executor.claimer.owned()) == [numbers[0], numbers[1], numbers[2]])
            #expect(try await fixture.status(numbers[1]).live == .owned)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an earlier moment that comes later is found`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            try await executor.commit(.suspend(numbers[0], due: 2000))
            #expect(try await executor.claimer.claimDue(now: 5000, limit: 9).map(\.number) == [numbers[0]])
            try await executor.commit([.suspend(numbers[1], due: 1000), .suspend(numbers[0], due: 500)])
            executor.claimer.reset()
            #expect(Set(try await executor.claimer.claimDue(now: 5000, limit: 9).map(\.number)) == [numbers[0], numbers[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what was woken early does not wait again after a hand-back`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit(.suspend(number, due: Fixture.future))
            #expect(try await executor.claimer.claimArrived([number]).map(\.number) == [number])
            try await executor.commit(.release(number))
            // Only a delayed start comes with a moment: this one has something to do now.
            let claimed = try await executor.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed == [Claimed(number: number, crashes: 0, due: nil)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a delayed start is nobody's until it is due`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (doomed, other) = (try await fixture.executor(), try await fixture.executor())
            let number = try await fixture.ready(due: Fixture.future)
            let claimed = try await doomed.claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9)
            #expect(claimed == [Claimed(number: number, due: Fixture.future, isFresh: true)])
            #expect(try await doomed.claimer.owned() == [])
            let status = try await fixture.status(number)
            #expect(status.live == .waiting && status.due == Fixture.future && status.executor == nil)
            try await fixture.backend.retire(doomed.id)
            #expect(try await other.claimReady() == [])
            #expect(try await other.claimer.nextDue() == Fixture.future)
            #expect(try await other.claimer.claimDue(now: Fixture.future - 1, limit: 9) == [])
            #expect(try await other.claimer.claimDue(now: Fixture.future, limit: 9) == [Claimed(number: number, isFresh: true)])
            #expect(try await fixture.status(number).due == nil)
        }
    }
}

/// Counts over several tasks.
final class Counter: Sendable {
    private let count = Lock(0)

    func add(_ more: Int) -> Int {
        count.withLock { count in
            count += more
            return count
        }
    }
}
