internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct InboxTests {
    @Test(arguments: StoreUnderTest.available)
    func `rows come in the order of arrival`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor)
            for round in 0..<5 {
                let items = numbers.map { InboxItem(workflow: $0, kind: .childEnded, reference: Int64(round)) }
                try await fixture.backend.deliver(items)
            }
            let all = try await fixture.backend.inbox(of: numbers)
            #expect(all.count == 15)
            #expect(all.map(\.sequence) == all.map(\.sequence).sorted())
            #expect(Set(all.map(\.sequence)).count == 15 && all.allSatisfy { $0.sequence > 0 })
            for number in numbers {
                let own = try await fixture.load(number).inbox
                #expect(own.map(\.reference) == [0, 1, 2, 3, 4])
                #expect(own == all.filter { $0.workflow == number })
            }
            #expect(try await fixture.backend.inbox(of: []) == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `every column comes back as it was`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            var items = [
                InboxItem(workflow: number, kind: .cancel, payload: .text("why")),
                InboxItem(workflow: number, kind: .terminate, reference: .max, payload: .void),
                InboxItem(workflow: number, kind: .childEnded, reference: 1),
            ]
            try await fixture.backend.deliver(items)
            let seen = try await fixture.inbox(number)
            for index in seen.indices { items[index].sequence = seen[index].sequence }
            #expect(seen == items)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `nothing is delivered to who has ended or never was`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(2, by: executor)
            let unknown = try await fixture.number()
            try await executor.commit(.finish(outcome(numbers[0]), parent: nil))
            try await fixture.backend.deliver([cancel(numbers[0]), cancel(unknown), cancel(numbers[1])])
            try await executor.commit([.deliver(cancel(numbers[0])), .deliver(cancel(unknown))])
            let all = try await fixture.backend.inbox(of: numbers + [unknown])
            #expect(all.map(\.workflow) == [numbers[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `every state but the end takes deliveries`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(3, by: executor) + [try await fixture.ready()]
            try await executor.commit([
                .suspend(numbers[0], due: .max), .setAside(numbers[1], reason: "broken", at: Fixture.moment),
            ])
            try await fixture.backend.deliver(numbers.map { cancel($0) })
            #expect(try await fixture.backend.inbox(of: numbers).map(\.workflow) == numbers)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `each arrival is reported to each claimer, and again after a reset`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            let numbers = try await fixture.ownedMany(4, by: one)
            #expect(try await one.claimer.arrivals() == [])
            try await fixture.backend.deliver([cancel(numbers[0]), cancel(numbers[1]), cancel(numbers[0])])
            #expect(Set(try await one.claimer.arrivals()) == [numbers[0], numbers[1]])
            try await one.commit(.deliver(cancel(numbers[2])))
            try await one.commit(.finish(outcome(numbers[3]), parent: numbers[1]))
            #expect(Set(try await one.claimer.arrivals()).isSuperset(of: [numbers[2], numbers[1]]))
            try await fixture.quiet(one)
            #expect(Set(try await two.claimer.arrivals()) == [numbers[0], numbers[1], numbers[2]])
            one.claimer.reset()
            #expect(Set(try await one.claimer.arrivals()) == [numbers[0], numbers[1], numbers[2]])
            try await fixture.quiet(one)
            // A claimer that comes later sees what is still there.
            let three = try await fixture.executor()
            #expect(Set(try await three.claimer.arrivals()) == [numbers[0], numbers[1], numbers[2]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `an arrival that commits late is reported`(_ kind: StoreUnderTest) async throws {
        // An open transaction keeps every other writer of an SQLite file out.
        guard kind != .sqlite else { return }
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(2, by: executor)
            let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
            try await transaction.deliver([cancel(numbers[0])])
            try await fixture.backend.deliver([cancel(numbers[1])])
            #expect(try await executor.claimer.arrivals() == [numbers[1]])
            #expect(try await transaction.commit(nil, hadPending: false).isDone)
            #expect(Set(try await executor.claimer.arrivals()).contains(numbers[0]))
            try await fixture.quiet(executor)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `no arrival is missed while many deliver`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(60, by: executor)
            try await withThrowingTaskGroup { group in
                for part in 0..<3 {
                    let mine = numbers[(part * 20)..<(part * 20 + 20)]
                    let backend = try await fixture.open()
                    group.addTask {
                        for number in mine { try await retrying { try await backend.deliver([cancel(number)]) } }
                    }
                }
                var seen: Set<WorkflowNumber> = []
                try await eventually("all arrivals are reported") {
                    seen.formUnion(try await executor.claimer.arrivals())
                    return seen.count == numbers.count
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a row that nothing comes of is deleted alone`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(2, by: executor)
            try await fixture.backend.deliver([cancel(numbers[0]), cancel(numbers[0]), cancel(numbers[1]), cancel(numbers[0])])
            let items = try await fixture.backend.inbox(of: numbers)
            try #require(items.count == 4)
            let batch: [Command] = [
                .step(step(numbers[0], "@cancel", 1, kind: .cancel), consumes: items[0].sequence),
                .consume(numbers[0], sequence: items[1].sequence),
                // Another's row.
                .consume(numbers[0], sequence: items[2].sequence),
            ]
            // Also when it is sent again.
            for _ in 0..<2 {
                try await executor.commit(batch)
                #expect(try await fixture.backend.inbox(of: numbers) == [items[2], items[3]])
            }
            try await executor.commit([.consume(numbers[0], sequence: items[3].sequence), .suspend(numbers[0], due: .max)])
            executor.claimer.reset()
            #expect(Set(try await executor.claimer.arrivals()) == [numbers[1]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a long inbox is consumed from the front`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await fixture.backend.deliver((0..<300).map { InboxItem(workflow: number, kind: .childEnded, reference: $0) })
            let items = try await fixture.inbox(number)
            try #require(items.count == 300)
            try await executor.commit(
                items[..<250].enumerated().map { index, item in
                    .step(step(number, "r\(index)", Int64(index), kind: .receive), consumes: item.sequence)
                })
            #expect(try await fixture.inbox(number) == Array(items[250...]))
            try await executor.commit(.step(step(number, "out of turn", 999), consumes: items[270].sequence))
            #expect(try await fixture.inbox(number).map(\.reference) == (Int64(250)..<300).filter { $0 != 270 })
        }
    }
}

extension Fixture {
    /// Some stores may name a workflow again; soon they have nothing more to say.
    fileprivate func quiet(_ executor: TestExecutor) async throws {
        try await eventually("nothing arrives any more") { try await executor.claimer.arrivals().isEmpty }
    }
}

/// Does it again where the store says that the same will do.
func retrying<Value>(_ body: () async throws -> Value) async throws -> Value {
    while true {
        do { return try await body() } catch let error as StoreError where error.code == .transient { await Task.yield() }
    }
}
