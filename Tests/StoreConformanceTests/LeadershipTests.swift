internal import Perdure
internal import Testing

/// What one executor does for all.
@Suite(.timeLimit(.minutes(10))) struct LeadershipTests {
    @Test(arguments: StoreUnderTest.available)
    func `one leads while its term lasts`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            func leads(_ executor: TestExecutor, for term: Duration) async throws -> Bool {
                try await fixture.backend.lead(.tidying, executor.id, for: term)
            }
            #expect(try await leads(one, for: .seconds(600)))
            #expect(try await !leads(two, for: .seconds(600)))
            // Again, and shorter: the term ends, and it is the other's turn.
            #expect(try await leads(one, for: .milliseconds(1)))
            try await eventually("the term has ended") { try await leads(two, for: .seconds(600)) }
            #expect(try await !leads(one, for: .seconds(600)))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `of many who ask at once one leads`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            var executors: [TestExecutor] = []
            for _ in 0..<6 { executors.append(try await fixture.executor()) }
            let leaders = try await withThrowingTaskGroup(of: Bool.self) { [executors] group in
                for executor in executors {
                    group.addTask { try await retrying { try await fixture.backend.lead(.tidying, executor.id, for: .seconds(600)) } }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(leaders == 1)
        }
    }

    @Test(arguments: StoreUnderTest.available, [true, false])
    func `whoever has no lease leads no more`(_ kind: StoreUnderTest, isReaped: Bool) async throws {
        try await withStore(kind) { fixture in
            let (one, two) = (try await fixture.executor(), try await fixture.executor())
            #expect(try await fixture.backend.lead(.tidying, one.id, for: .seconds(600)))
            if isReaped {
                try await fixture.backend.renew(one.id, lease: .microseconds(1))
                try await fixture.reap(one)
            } else {
                try await fixture.backend.retire(one.id)
            }
            #expect(try await fixture.backend.lead(.tidying, two.id, for: .seconds(600)))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `tidying deletes what came for those that have ended, and nothing else`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let (open, ended) = (try await fixture.owned(by: executor), try await fixture.owned(by: executor))
            try await executor.commit(.finish(outcome(ended), parent: nil))
            try await fixture.backend.deliver([cancel(open)])
            // As if a delivery and the end had not seen each other.
            if let view = fixture.viewPrefix {
                let rows = "(\(ended), 1), (\(ended), 1)"
                let transaction = try await fixture.backend.begin(.readCommitted, for: nil)
                _ = try await transaction.execute("INSERT INTO \(unsafeRaw: view)inbox (workflow, kind) VALUES \(unsafeRaw: rows)")
                _ = try await transaction.commit(nil, hadPending: false)
                #expect(try await fixture.inbox(ended).count == 2)
                // A row at a time, each behind the one before, to the end and then from the beginning again.
                var (next, deleted, looks): (Int64?, Int, Int) = (.min, 0, 0)
                while let after = next, looks < 9 {
                    let tidied = try await fixture.backend.tidy(after: after, limit: 1)
                    (next, deleted, looks) = (tidied.next, deleted + tidied.deleted, looks + 1)
                }
                #expect((deleted, looks) == (2, 4))
            }
            #expect(try await fixture.backend.tidy(after: .min, limit: 9) == Tidied())
            #expect(try await fixture.inbox(ended).isEmpty)
            #expect(try await fixture.inbox(open).count == 1)
        }
    }
}
