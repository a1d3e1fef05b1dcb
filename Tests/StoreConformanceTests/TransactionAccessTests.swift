internal import Perdure
internal import Testing

/// What is asked of workflows inside an open transaction.
@Suite(.timeLimit(.minutes(10))) struct TransactionAccessTests {
    @Test(arguments: StoreUnderTest.available, [true, false])
    func `a transaction sees what it has started, and nobody else does`(_ kind: StoreUnderTest, _ commits: Bool) async throws {
        try await withStore(kind) { fixture in
            let (record, unnamed) = (try await fixture.record(id: "inside"), try await fixture.record(due: Fixture.future))
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await transaction.number(ofID: "inside") == nil)
            #expect(try await transaction.status(of: record.number) == nil)
            _ = try await transaction.start([(record, IDPolicies()), (unnamed, IDPolicies())])
            #expect(try await transaction.number(ofID: "inside") == record.number)
            let status = try #require(try await transaction.status(of: record.number))
            #expect(status.record == record && status.live == .ready && status.outcome == nil && status.pending == [])
            #expect(try await transaction.status(of: unnamed.number)?.due == Fixture.future)
            try await transaction.deliver([cancel(record.number)])
            let reader = try await fixture.open()
            #expect(try await reader.number(ofID: "inside") == nil)
            if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
            #expect(try await reader.number(ofID: "inside") == (commits ? record.number : nil))
            #expect(try await reader.inbox(of: [record.number]).map(\.kind) == (commits ? [.cancel] : []))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `a transaction sees what was there before`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let record = try await fixture.record(id: "before")
            _ = try await fixture.backend.start([(record, IDPolicies())], owner: executor.id)
            try await executor.commit(.pending(pending(record.number, "pay")))
            let ended = try await fixture.owned(by: executor)
            try await executor.commit(.finish(outcome(ended, .failed), parent: nil))
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await transaction.number(ofID: "before") == record.number)
            let status = try #require(try await transaction.status(of: record.number))
            #expect(status.live == .owned && status.executor == executor.id && status.pending == [pending(record.number, "pay")])
            #expect(try await transaction.status(of: ended)?.outcome == outcome(ended, .failed))
            await transaction.rollback()
        }
    }

    @Test(arguments: StoreUnderTest.available, [true, false])
    func `what is resumed inside is ready after the commit`(_ kind: StoreUnderTest, _ commits: Bool) async throws {
        try await withStore(kind) { fixture in
            let executor = try await fixture.executor()
            let numbers = try await fixture.ownedMany(2, by: executor)
            try await executor.commit(.setAside(numbers[0], reason: "broken", at: Fixture.moment))
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            #expect(try await transaction.resume(numbers[0]))
            #expect(try await !transaction.resume(numbers[0]), "it is set aside no more")
            #expect(try await !transaction.resume(numbers[1]), "it is not set aside")
            let status = try #require(try await transaction.status(of: numbers[0]))
            #expect(status.live == .ready && status.reason == nil)
            #expect(try await fixture.status(numbers[0]).reason == "broken")
            if commits { _ = try await transaction.commit(nil, hadPending: false) } else { await transaction.rollback() }
            #expect(try await fixture.status(numbers[0]).reason == (commits ? nil : "broken"))
            #expect(try await executor.claimReady() == (commits ? [numbers[0]] : []))
        }
    }

    @Test(arguments: StoreUnderTest.available)
    func `after the end nothing is answered`(_ kind: StoreUnderTest) async throws {
        try await withStore(kind) { fixture in
            let number = try await fixture.ready()
            let transaction = try await fixture.backend.begin(.serializable, for: nil)
            _ = try await transaction.commit(nil, hadPending: false)
            await expect(.rejected) { try await transaction.number(ofID: "x") }
            await expect(.rejected) { try await transaction.status(of: number) }
            await expect(.rejected) { try await transaction.resume(number) }
            await expect(.rejected) { try await transaction.deliver([cancel(number)]) }
        }
    }
}
