internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct HistoryTests {
    @Test(arguments: StoreUnderTest.available)
    func `rows come in order, whatever the order of writing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let rows = (1...20).map { step(number, "step#\($0)", Int64($0)) }
            try await executor.commit(rows[10...].reversed().map { .step($0) })
            try await executor.commit(rows[..<10].map { .step($0) })
            let loaded = try await fixture.load(number)
            #expect(loaded.history == rows)
            #expect(loaded.isComplete && loaded.unordered == [])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `children are found by their parent until they end`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let parent = try await fixture.owned(by: executor)
            var children: [OpenChild] = []
            for policy in [StoredClosePolicy.terminate, .cancel, .abandon, .terminate] {
                var record = try await fixture.record()
                record.parent = ParentLink(number: parent, key: "child", closePolicy: policy)
                try await executor.commit(.start(record))
                children.append(OpenChild(number: record.number, closePolicy: policy))
            }
            let ended = children.removeLast()
            try await executor.commit(.finish(outcome(ended.number), parent: parent))
            #expect(try await fixture.backend.openChildren(of: parent) == children)
            let unknown = try await fixture.number()
            for childless in [children[0].number, unknown, -1] {
                #expect(try await fixture.backend.openChildren(of: childless) == [])
            }
            // Of several at once.
            var grandchild = try await fixture.record()
            grandchild.parent = ParentLink(number: children[0].number, key: "child", closePolicy: .cancel)
            try await executor.commit(.start(grandchild))
            let all = try await fixture.backend.openChildren(of: [parent, unknown, children[0].number, children[1].number, parent])
            #expect(all == [parent: children, children[0].number: [OpenChild(number: grandchild.number, closePolicy: .cancel)]])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `long histories come in pages`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let rows = (1...25).map { step(number, "s\($0)", Int64($0) * 3) }
            try await executor.commit(rows.map { .step($0) })
            let first = try #require(try await fixture.backend.load([number], limit: 10).first)
            #expect(first.history == Array(rows[..<10]) && !first.isComplete)
            let second = try await fixture.backend.history(of: number, after: 30, limit: 10)
            #expect(second == Array(rows[10..<20]))
            #expect(try await fixture.backend.history(of: number, after: 59, limit: 10) == Array(rows[19...]))
            #expect(try await fixture.backend.history(of: number, after: 75, limit: 10) == [])
            #expect(try await fixture.backend.history(of: number, after: .max, limit: 10) == [])
            #expect(try await fixture.backend.history(of: number, after: .min, limit: 2) == Array(rows[..<2]))
            let exact = try #require(try await fixture.backend.load([number], limit: 25).first)
            #expect(exact.history == rows && exact.isComplete)
            let none = try #require(try await fixture.backend.load([number], limit: 24).first)
            #expect(!none.isComplete)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `many are loaded at once, each with its own rows`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(30, by: executor)
            var expected: [WorkflowNumber: [StepRecord]] = [:]
            for (index, number) in numbers.enumerated() {
                expected[number] = (0..<index % 7).map { step(number, "s", Int64($0), output: .text("\($0)")).with(key: "s\($0)") }
            }
            try await executor.commit(expected.values.flatMap { $0 }.map { .step($0) })
            try await fixture.backend.deliver(numbers.map { cancel($0) })
            let unknown = try await fixture.number()
            let loaded = try await fixture.backend.load(numbers + [unknown, 0, -1], limit: 4)
            #expect(Set(loaded.map(\.record.number)) == Set(numbers) && loaded.count == numbers.count)
            for workflow in loaded {
                let rows = expected[workflow.record.number] ?? []
                #expect(workflow.history == Array(rows.prefix(4)))
                #expect(workflow.isComplete == (rows.count <= 4))
                #expect(workflow.inbox.map(\.workflow) == [workflow.record.number])
            }
            #expect(try await fixture.backend.load([], limit: 4).isEmpty)
            #expect(try await fixture.backend.load([unknown], limit: 4).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `transactions without a place, and the rows that give them one`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            var unordered: Set<StepRecord> = []
            for key in ["pay", "pay#2"] {
                let row = step(number, key, nil, kind: .transaction)
                unordered.insert(row)
                let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
                #expect(try await transaction.commit(row, hadPending: false).isDone)
            }
            let first = step(number, "s", 1)
            let place = step(number, "@order#2", 2, kind: .order, output: EncodedPayload(codec: 1, bytes: Array("pay#2".utf8)))
            try await executor.commit([.step(first), .step(place)])
            let loaded = try await fixture.load(number)
            #expect(loaded.history == [first, place])
            #expect(Set(loaded.unordered) == unordered && loaded.unordered.count == 2)
            #expect(try await fixture.backend.history(of: number, after: 0, limit: 9) == [first, place])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `every kind and column of a step comes back as it was`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let kinds: [StepKind] = [.step, .transaction, .timer, .receive, .childStart, .childResult, .cancel, .patch, .order]
            var rows = kinds.enumerated().map { index, kind in step(number, "k\(index)", Int64(index), kind: kind) }
            rows[0].output = nil
            rows[0].error = EncodedPayload(codec: 7, bytes: [0, 255])
            rows[0].attempts = 5
            rows[1].output = .void
            rows[2].output = nil
            rows[3].started = 1
            rows[3].finished = Fixture.future
            rows[4].attempts = .max
            rows[5].error = .text("both")
            try await executor.commit(rows.map { .step($0) })
            #expect(try await fixture.load(number).history == rows)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is pending is loaded too`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let rows = [
                pending(number, "a"), PendingRecord(workflow: number, key: "b", attempt: 0, started: 5),
                PendingRecord(workflow: number, key: "c", attempt: 9, started: 5, progress: .void),
            ]
            try await executor.commit(rows.map { .pending($0) })
            #expect(Set(try await fixture.load(number).pending) == Set(rows))
            // It is kept over a suspension, a hand-back and a claim.
            try await executor.commit(.suspend(number, due: .max))
            #expect(try await executor.claimer.claimArrived([number]).map(\.number) == [number])
            try await executor.commit(.release(number))
            #expect(try await executor.claimReady() == [number])
            #expect(Set(try await fixture.load(number).pending) == Set(rows))
        }
    }
}

extension StepRecord {
    fileprivate func with(key: String) -> StepRecord {
        var row = self
        row.key = key
        return row
    }
}
