internal import Perdure
internal import PerdureSQLite
internal import Testing

/// A transaction of the user's has the only write lock of the file.
@Suite(.timeLimit(.minutes(1))) struct UserTransactionTests {
    @Test func `one that takes too long is rolled back, and the next writer goes on`() async throws {
        try await withStore(SQLiteOptions(transactionLimit: .milliseconds(30))) { store, scratch in
            let transaction = try await store.begin(.serializable, for: nil)
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT)")
            // Waits in line until the limit has passed.
            _ = try await store.numberBlock()
            let error = await #expect(throws: StoreError.self) { _ = try await transaction.execute("SELECT 1") }
            #expect(error?.message.contains("the transaction took longer than 30 ms and was rolled back") == true)
            #expect(error?.code == .misconfigured)
            await #expect(throws: StoreError.self) { _ = try await transaction.commit(nil, hadPending: false) }
            await transaction.rollback()
            #expect(try Stranger(scratch.file).rows("SELECT 1 FROM sqlite_schema WHERE name = 'stock'").isEmpty)
        }
    }

    @Test func `a statement that takes too long is interrupted`() async throws {
        try await withStore(SQLiteOptions(transactionLimit: .milliseconds(30))) { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            let error = await #expect(throws: StoreError.self) {
                _ = try await transaction.query(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
            }
            #expect(error?.message.contains("took longer than 30 ms") == true)
            _ = try await store.numberBlock()
        }
    }

    @Test func `it may take a third of the lease at most`() async throws {
        try await withStore { store, _ in
            _ = try await store.registered(7, lease: .milliseconds(90))
            let transaction = try await store.begin(.serializable, for: 7)
            _ = try await store.numberBlock()
            let error = await #expect(throws: StoreError.self) { _ = try await transaction.execute("SELECT 1") }
            #expect(error?.message.contains("took longer than 30 ms") == true)
        }
    }

    @Test func `reads do not wait for it, and writers wait in order`() async throws {
        try await withStore { store, _ in
            let writer = try await store.registered(7)
            _ = try await writer.commit([.start(workflow(1)), .step(step(1, "a", order: 1))])
            let transaction = try await store.begin(.serializable, for: 7)
            _ = try await transaction.start([(workflow(2, id: "two"), IDPolicies())])
            #expect(try await store.load([1], limit: 9).first?.history.count == 1)
            #expect(try await store.number(ofID: "two") == nil)
            #expect(try await store.endings(of: [1]).isEmpty)
            async let later = writer.commit([.step(step(1, "b", order: 2))])
            _ = try await transaction.commit(step(1, "t", order: nil), hadPending: false)
            _ = try await later
            #expect(try await store.number(ofID: "two") == 2)
            #expect(try await store.load([1], limit: 9).first?.history.map(\.key) == ["a", "b"])
        }
    }

    @Test func `many at once take turns`() async throws {
        try await withStore { store, scratch in
            let first = try await store.begin(.serializable, for: nil)
            _ = try await first.execute("CREATE TABLE counter (n INTEGER)")
            _ = try await first.execute("INSERT INTO counter VALUES (0)")
            _ = try await first.commit(nil, hadPending: false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let transaction = try await store.begin(.serializable, for: nil)
                        let rows = try await transaction.query("SELECT n FROM counter").rows
                        guard case .int(let n) = rows[0][0] else { return }
                        await Task.yield()
                        _ = try await transaction.execute("UPDATE counter SET n = \(n + 1)")
                        _ = try await transaction.commit(nil, hadPending: false)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try Stranger(scratch.file).value("SELECT n FROM counter") == "50")
        }
    }

    @Test func `a statement that rolls all back ends it`() async throws {
        try await withStore { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT UNIQUE)")
            _ = try await transaction.execute("INSERT INTO stock VALUES ('a')")
            await #expect(throws: StoreError.self) { _ = try await transaction.execute("INSERT OR ROLLBACK INTO stock VALUES ('a')") }
            let error = await #expect(throws: StoreError.self) { _ = try await transaction.execute("CREATE TABLE other (id)") }
            #expect(error?.message.contains("the transaction is over") == true)
            // The lock is free.
            _ = try await store.numberBlock()
        }
    }

    @Test func `a checkpoint that is there already takes the user's writes back`() async throws {
        try await withStore { store, scratch in
            let writer = try await store.registered(7)
            _ = try await writer.commit([.start(workflow(1)), .step(step(1, "pay", order: 1, output: "1"))])
            let transaction = try await store.begin(.serializable, for: 7)
            _ = try await transaction.execute("CREATE TABLE payments (id)")
            let result = try await transaction.commit(step(1, "pay", order: nil, output: "2"), hadPending: false)
            guard case .recorded(let row) = result else { throw StoreError(.rejected, "not recorded") }
            #expect(row.output == json("1"))
            #expect(try Stranger(scratch.file).rows("SELECT 1 FROM sqlite_schema WHERE name = 'payments'").isEmpty)
        }
    }

    @Test func `a savepoint is the user's own`() async throws {
        try await withStore { store, scratch in
            let transaction = try await store.begin(.serializable, for: nil)
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT)")
            _ = try await transaction.execute("SAVEPOINT mine")
            _ = try await transaction.execute("INSERT INTO stock VALUES ('a')")
            _ = try await transaction.execute("ROLLBACK TO mine")
            _ = try await transaction.execute("RELEASE mine")
            _ = try await transaction.commit(nil, hadPending: false)
            #expect(try Stranger(scratch.file).value("SELECT count(*) FROM stock") == "0")
        }
    }
}
