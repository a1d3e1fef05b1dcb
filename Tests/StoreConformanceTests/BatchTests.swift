internal import Foundation
internal import Perdure
internal import Testing

/// Items that become workflows.
@Suite(.timeLimit(.minutes(10))) struct BatchTests {
    private static let hour: Microseconds = 3_600_000_000

    private func now() -> Microseconds { Microseconds(Date().timeIntervalSince1970 * 1_000_000) }

    private func items(
        _ texts: [String], key: String = "", priority: Int16 = 0, name: String = "flow", queue: String = Fixture.queue
    ) -> [BatchItem] {
        let lane = Lane(queue: queue, key: key, priority: priority, workflow: name)
        return texts.map { BatchItem(lane: lane, payload: .json($0), created: now()) }
    }

    private func gather(
        _ fixture: Fixture, _ executor: TestExecutor, size: Int = 3, within: Microseconds = BatchTests.hour, queue: String = Fixture.queue
    ) async throws -> (made: Int, next: Microseconds?) {
        try await fixture.backend.gather([BatchWish(queue: queue, size: size, within: within)], by: executor.id, now: now())
    }

    /// What the workflows were given that are ready in a lane, which are claimed.
    private func inputs(_ fixture: Fixture, _ executor: TestExecutor, key: String = "") async throws -> [String] {
        var inputs: [String] = []
        for number in try await executor.claim([try await executor.ask(99, key: key)]).numbers {
            let input = try await fixture.load(number).record.input
            #expect(input.codec == 1)
            inputs.append(String(decoding: input.bytes, as: UTF8.self))
        }
        return inputs
    }

    @Test(arguments: StoreUnderTest.available)
    func `so many make one, in their order`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let none = try await gather(fixture, executor)
            #expect(none.made == 0 && none.next == nil)
            try await fixture.backend.add(items(["1", "{\"a\":[2]}"]))
            let few = try await gather(fixture, executor)
            #expect(few.made == 0)
            let next = try #require(few.next)
            #expect(next > now() + Self.hour / 2 && next < now() + 2 * Self.hour)
            try await fixture.backend.add(items(["\"drei\"", "4", "5", "6", "7"]))
            #expect(try await gather(fixture, executor).made == 2)
            let again = try await gather(fixture, executor)
            #expect(again.made == 0 && again.next != nil)
            #expect(try await inputs(fixture, executor) == ["[1,{\"a\":[2]},\"drei\"]", "[4,5,6]"])
            // What has waited for long enough goes with what there is.
            #expect(try await gather(fixture, executor, within: 1).made == 1)
            #expect(try await inputs(fixture, executor) == ["[7]"])
            let last = try await gather(fixture, executor, within: 1)
            #expect(last.made == 0 && last.next == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `it is a workflow like others`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            try await fixture.backend.add(items(["1"], key: "key", priority: 2))
            let before = now()
            #expect(try await gather(fixture, executor, size: 1).made == 1)
            let claimed = try await executor.claim([try await executor.ask(9, key: "key")]).answers[0].claimed
            let number = try #require(claimed.first?.number)
            #expect(claimed == [Claimed(number: number, isFresh: true)])
            let record = try await fixture.load(number).record
            #expect(record.lane == Lane(queue: Fixture.queue, key: "key", priority: 2, workflow: "flow"))
            #expect(record.id == nil && record.parent == nil && record.attributes == nil)
            #expect(record.due == nil && record.deadline == nil && record.expires == nil)
            #expect(record.created > before - 60_000_000 && record.created < before + 60_000_000)
            #expect(try await fixture.number() != number)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `only what is of one queue, key, priority and type is together`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for _ in 0..<2 {
                try await fixture.backend.add(
                    items(["1"]) + items(["2"], key: "key") + items(["3"], priority: 1) + items(["4"], name: "other")
                        + items(["5"], queue: "second"))
            }
            #expect(try await gather(fixture, executor).made == 0)
            #expect(try await gather(fixture, executor, size: 2).made == 4)
            #expect(try await inputs(fixture, executor, key: "key") == ["[2,2]"])
            #expect(Set(try await inputs(fixture, executor)) == ["[1,1]", "[3,3]", "[4,4]"])
            #expect(try await gather(fixture, executor, size: 2, queue: "second").made == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a batch is no larger than a mebibyte, unless one item is`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (large, huge) = ("\"" + Keys.random(400_000) + "\"", "\"" + Keys.random(1_200_000) + "\"")
            try await fixture.backend.add(items([large, large, large, huge, large]))
            #expect(try await gather(fixture, executor, size: 9, within: 1).made == 4)
            let sizes = try await inputs(fixture, executor).map(\.utf8.count)
            #expect(sizes == [800_007, 400_004, 1_200_004, 400_004])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a transaction's items are there when it commits`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for commits in [false, true] {
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                try await transaction.add(items(["\(commits)"]))
                if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
            }
            #expect(try await gather(fixture, executor, within: 1).made == 1)
            #expect(try await inputs(fixture, executor) == ["[true]"])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of many who gather each item is in one batch`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executors = try await withThrowingTaskGroup(of: TestExecutor.self) { group in
                for _ in 0..<3 { group.addTask { try await fixture.executor(on: try await fixture.open()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try await fixture.backend.add(items((0..<60).map { "\($0)" }))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for executor in executors {
                    group.addTask {
                        let wishes = [BatchWish(queue: Fixture.queue, size: 7, within: 1)]
                        try await eventually("all are gathered") {
                            try await retrying {
                                try await executor.backend.gather(wishes, by: executor.id, now: self.now()).next == nil
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let batches = try await inputs(fixture, executors[0])
            let found = batches.flatMap { $0.dropFirst().dropLast().split(separator: ",").compactMap { Int($0) } }
            #expect(found.sorted() == Array(0..<60))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a batch expires as its first item would`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let before = now()
            try await fixture.backend.add(items(["1", "2", "3"]))
            let wish = BatchWish(queue: Fixture.queue, size: 3, within: Self.hour, expiry: Self.hour)
            #expect(try await fixture.backend.gather([wish], by: executor.id, now: now()).made == 1)
            #expect(try await executor.claimer.claimExpired(now: before + Self.hour - 1, limit: 9) == [])
            let expired = try await executor.claimer.claimExpired(now: now() + Self.hour, limit: 9).map(\.number)
            #expect(expired.count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what has not been gathered is counted`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            try await fixture.declare()
            #expect(try await fixture.backend.queueCounts(Fixture.queue).items == 0)
            try await fixture.backend.add(items(["1", "2"]) + items(["3"], key: "key") + items(["4"], queue: "second"))
            #expect(try await fixture.backend.queueCounts(Fixture.queue) == QueueCounts(items: 3))
            guard fixture.viewPrefix != nil else { return }
            #expect(try await fixture.rows(of: "queue_status", orderedBy: "name")[0]["items"] == .int(3))
        }
    }

    /// Lane by lane, also where the names of one begin as those of another.
    @Test(arguments: StoreUnderTest.available)
    func `each lane for itself`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            for key in ["", "a", "aa", "b"] {
                for name in ["flow", "other"] {
                    try await fixture.backend.add(items(["\"\(key)\(name)\"", "2", "3"], key: key, name: name))
                }
                try await fixture.backend.add(items(["1", "2"], key: key, priority: 1))
            }
            #expect(try await gather(fixture, executor).made == 8)
            #expect(try await gather(fixture, executor).made == 0)
            #expect(try await gather(fixture, executor, within: 1).made == 4)
            #expect(try await fixture.backend.queueCounts(Fixture.queue).items == 0)
        }
    }
}
