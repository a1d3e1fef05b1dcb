internal import Perdure
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
    @Test(arguments: StoreUnderTest.available, [IsolationLevel.readCommitted, .repeatableRead, .serializable])
    func `a checkpoint commits`(_ kind: StoreUnderTest, _ isolation: IsolationLevel) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            try await executor.commit([.pending(pending(number, "pay")), .pending(pending(number, "other"))])
            let row = step(number, "pay", 1, kind: .transaction)
            let transaction = try await fixture.backend.begin(isolation, for: executor.id)
            #expect(try await transaction.commit(row, hadPending: true).isDone)
            let loaded = try await fixture.load(number)
            #expect(loaded.history == [row] && loaded.pending == [pending(number, "other")])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a row that is there rolls everything back and wins`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let first = step(number, "pay", 1, kind: .transaction, output: .text("first"))
            try await executor.commit(.step(first))
            let record = try await fixture.record(id: "inside")
            let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
            #expect(try await transaction.start([(record, IDPolicies())]) == [.started(owned: false)])
            try await transaction.deliver([cancel(number)])
            let late = step(number, "pay", 2, kind: .transaction, output: .text("late"))
            #expect(try await transaction.commit(late, hadPending: false).recorded == first)
            #expect(try await fixture.load(number).history == [first])
            #expect(try await fixture.inbox(number) == [])
            #expect(try await fixture.backend.status(of: record.number) == nil)
            #expect(try await fixture.backend.number(ofID: "inside") == nil)
        }
    }

    /// On SQLite an open transaction has the write lock, so that nobody else can have written the row.
    @Test(arguments: StoreUnderTest.available.filter { $0 != .sqlite })
    func `who has lost the lease does not go on from another's row`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor(lease: .milliseconds(50))
            let number = try await fixture.owned(by: executor)
            let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
            let row = step(number, "pay", nil, kind: .transaction)
            try await fixture.reap(executor)
            let other = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await other.commit(row, hadPending: false).isDone)
            let error = await #expect(throws: StoreError.self) { try await transaction.commit(row, hadPending: false) }
            // Where the reaper found its session open, that is ended.
            #expect([.fenced, .unavailable].contains(error?.code))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a rollback leaves nothing`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let record = try await fixture.record(id: "inside")
            let transaction = try await fixture.backend.begin(.serializable, for: executor.id)
            #expect(try await transaction.start([(record, IDPolicies())]) == [.started(owned: false)])
            try await transaction.deliver([cancel(number)])
            await transaction.rollback()
            #expect(try await fixture.inbox(number) == [])
            #expect(try await fixture.backend.status(of: record.number) == nil)
            #expect(try await executor.claimReady() == [])
            // The id is free.
            #expect(try await fixture.backend.start([(record, IDPolicies())], owner: nil) == [.started(owned: false)])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `what is started and delivered inside is seen after the commit`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let records = [
                try await fixture.record(id: "inside"), try await fixture.record(), try await fixture.record(id: "inside"),
                try await fixture.record("other", id: "inside"), try await fixture.record(due: Fixture.future),
            ]
            let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
            #expect(
                try await transaction.start(records[..<2].map { ($0, IDPolicies()) }) == [.started(owned: false), .started(owned: false)])
            #expect(
                try await transaction.start(records[2...].map { ($0, IDPolicies()) })
                    == [.existing(records[0].number), .otherType("flow"), .started(owned: false)])
            try await transaction.deliver([cancel(number), cancel(records[0].number)])
            // A reader does not wait for it, and does not see it.
            let reader = try await fixture.open()
            #expect(try await reader.status(of: records[0].number) == nil)
            #expect(try await reader.number(ofID: "inside") == nil)
            #expect(try await reader.inbox(of: [number, records[0].number]) == [])
            #expect(try await transaction.commit(nil, hadPending: false).isDone)
            #expect(try await reader.number(ofID: "inside") == records[0].number)
            #expect(try await reader.status(of: records[0].number)?.live == .ready)
            #expect(Set(try await executor.claimer.arrivals()) == [number, records[0].number])
            executor.claimer.reset()
            #expect(Set(try await executor.claimReady()) == [records[0].number, records[1].number, records[4].number])
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `starts inside answer as those outside`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (open, closed) = (try await fixture.record(id: "open"), try await fixture.record(id: "closed"))
            _ = try await fixture.backend.start([(open, IDPolicies()), (closed, IDPolicies())], owner: executor.id)
            try await executor.commit(.finish(outcome(closed.number), parent: nil))
            let failing = IDPolicies(conflict: .fail, reuse: .rejectDuplicate)
            let fresh = try await fixture.record(id: "closed")
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            #expect(
                try await transaction.start([
                    (try await fixture.record(id: "open"), failing), (try await fixture.record(id: "closed"), failing),
                    (try await fixture.record(id: "open"), IDPolicies()), (open, failing),
                    (fresh, IDPolicies(reuse: .allowDuplicate)),
                ]) == [
                    .open(open.number), .closed(closed.number), .existing(open.number), .started(owned: false), .started(owned: false),
                ])
            #expect(try await transaction.commit(nil, hadPending: false).isDone)
            #expect(try await fixture.backend.number(ofID: "closed") == fresh.number)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a checkpoint in another database`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            // The workflow is unknown there, and nobody has a lease.
            let row = step(try await fixture.number(), "pay", 1, kind: .transaction)
            let first = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await first.recorded(row.workflow, row.key) == nil)
            #expect(try await first.commit(row, hadPending: false).isDone)
            let second = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await second.recorded(row.workflow, row.key) == row)
            #expect(try await second.recorded(row.workflow, "other") == nil)
            await second.rollback()
            let third = try await fixture.backend.begin(.serializable, for: nil)
            var late = row
            late.order = 2
            #expect(try await third.commit(late, hadPending: false).recorded == row)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `one of two transactions with one checkpoint wins`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let number = try await fixture.owned(by: executor)
            let results = try await withThrowingTaskGroup(of: CommandResult.self) { group in
                for index in 0..<2 {
                    let backend = try await fixture.open()
                    let row = step(number, "pay", nil, kind: .transaction, output: .text("\(index)"))
                    group.addTask {
                        try await retrying {
                            let transaction = try await backend.begin(.serializable, for: nil)
                            return try await transaction.commit(row, hadPending: false)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let rows = try await fixture.load(number).unordered
            #expect(rows.count == 1)
            #expect(results.filter(\.isDone).count == 1)
            #expect(results.compactMap(\.recorded) == rows)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `after the end nothing more goes`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let record = try await fixture.record()
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await transaction.commit(nil, hadPending: false).isDone)
            await #expect(throws: StoreError.self) { try await transaction.start([(record, IDPolicies())]) }
            await #expect(throws: StoreError.self) { try await transaction.commit(nil, hadPending: false) }
            await transaction.rollback()
            #expect(try await fixture.backend.status(of: record.number) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `the user's own statements`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            if kind == .memory {
                await expect(.rejected) { try await transaction.execute("SELECT 1") }
                await expect(.rejected) { try await transaction.query("SELECT \(1) AS one") }
            } else {
                let rows = try await transaction.query("SELECT \("é") AS word")
                #expect(rows.columns == ["word"] && rows.rows == [[.text("é")]])
            }
            await transaction.rollback()
        }
    }
}
