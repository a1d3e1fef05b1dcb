internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct PostgresTransactionTests {
    @Test func `values of every type go in and come out`() async throws {
        try await withStore { fixture in
            let table = "\(fixture.s).types"
            try await fixture.sql(
                """
                CREATE TABLE \(unsafeRaw: table) (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, t text, y bytea,
                    u uuid, d date, ts timestamptz, j json, a int4[])
                """)
            let uuid = try #require(UUID(uuidString: "9E3779B9-7F4A-4C15-9E37-79B97F4A7C15"))
            let date = Date(timeIntervalSince1970: 1_763_629_200.5)
            let bytes: [UInt8] = [0, 1, 0x5C, 0xFF]
            let transaction = try await fixture.store.begin(.serializable, for: nil)
            let inserted = try await transaction.execute(
                """
                INSERT INTO \(unsafeRaw: table) VALUES (\(true), \(Int16(-2)), \(4), \(Int64.max), \(Float(0.5)), \(1.0e-300), \("12.50"),
                    \("é \\ ' \" $1"), \(bytes), \(uuid), \("2025-11-20"), \(date), \("{\"a\": 1}"), \("{1,2}"))
                """)
            #expect(inserted == 1)
            let rows = try await transaction.query("SELECT * FROM \(unsafeRaw: table) WHERE i4 = \(4) AND y = \(bytes) AND ts = \(date)")
            #expect(rows.columns == ["b", "i2", "i4", "i8", "f4", "f8", "n", "t", "y", "u", "d", "ts", "j", "a"])
            let row = try #require(rows.rows.first)
            #expect(row[0] == .bool(true) && row[1] == .int(-2) && row[2] == .int(4) && row[3] == .int(.max))
            #expect(row[4] == .double(0.5) && row[5] == .double(1.0e-300) && row[6] == .text("12.50") && row[7] == .text("é \\ ' \" $1"))
            #expect(row[8] == .bytes(bytes) && row[9] == .text("9e3779b9-7f4a-4c15-9e37-79b97f4a7c15") && row[10] == .text("2025-11-20"))
            #expect(row[12] == .text("{\"a\": 1}") && row[13] == .text("{1,2}"))
            let (none, gone): (Int?, String?) = (nil, nil)
            #expect(
                try await transaction.execute(
                    "UPDATE \(unsafeRaw: table) SET i4 = \(none), t = \(gone), y = \([UInt8]()), f8 = \(-Double.infinity)") == 1)
            #expect(
                try await transaction.query("SELECT i4, t, y, f8 FROM \(unsafeRaw: table)").rows == [
                    [.null, .null, .bytes([]), .double(-.infinity)]
                ])
            _ = try await transaction.execute("SET LOCAL bytea_output = 'escape'")
            #expect(try await transaction.query("SELECT \(bytes)::bytea").rows == [[.bytes(bytes)]])
            _ = try await transaction.commit(nil, hadPending: false)
        }
    }

    @Test func `the body neither begins nor ends its transaction`() async throws {
        try await withStore { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).mine (a int4)")
            let transaction = try await fixture.store.begin(.readCommitted, for: nil)
            for text: SQL in [
                "COMMIT", "  /* a */ -- b\n ROLLBACK", "begin", "ABORT", "END", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
                "START TRANSACTION",
                "PREPARE TRANSACTION 'x'",
            ] {
                let error = await expect(.rejected) { _ = try await transaction.execute(text) }
                #expect(error?.message.contains("neither begins nor ends") == true)
            }
            // Savepoints are theirs, and the transaction is as it was.
            _ = try await transaction.execute("SAVEPOINT a")
            #expect(await expect(.rejected) { _ = try await transaction.execute("INSERT INTO nowhere VALUES (1)") } != nil)
            _ = try await transaction.execute("ROLLBACK TO SAVEPOINT a")
            let two = await expect(.rejected) { _ = try await transaction.execute("SELECT 1; SELECT 2") }
            #expect(two?.message.contains("one statement") == true)
            await transaction.rollback()
        }
    }

    @Test func `after a failed statement nothing is committed, even if the body went on`() async throws {
        try await withStore { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).mine (a int4 PRIMARY KEY)")
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let transaction = try await fixture.store.begin(.readCommitted, for: executor.id)
            _ = try await transaction.execute("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (\(1))")
            _ = try? await transaction.execute("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (\(1))")
            let error = await expect(.rejected) {
                _ = try await transaction.commit(step(number, "pay", kind: .transaction), hadPending: false)
            }
            #expect(error?.nativeCode == "23505")
            #expect(try await fixture.store.load([number], limit: 9).first?.history == [])
            #expect(try await fixture.sql("SELECT * FROM \(unsafeRaw: fixture.s).mine") == [])
        }
    }

    @Test func `a constraint of the user's that fails at the commit is not taken for a recorded checkpoint`() async throws {
        try await withStore { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).mine (a int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let transaction = try await fixture.store.begin(.readCommitted, for: executor.id)
            for _ in 0..<2 { _ = try await transaction.execute("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (\(1))") }
            let error = await expect(.rejected) {
                _ = try await transaction.commit(step(number, "pay", kind: .transaction), hadPending: false)
            }
            #expect(error?.nativeCode == "23505")
            #expect(try await fixture.store.load([number], limit: 9).first?.history == [])
        }
    }

    @Test func `a serialization failure is transient`() async throws {
        try await withStore { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).mine (a int4)")
            try await fixture.sql("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (1)")
            let (one, two) = (
                try await fixture.store.begin(.serializable, for: nil), try await fixture.store.begin(.serializable, for: nil)
            )
            for transaction in [one, two] { _ = try await transaction.query("SELECT sum(a) FROM \(unsafeRaw: fixture.s).mine") }
            for transaction in [one, two] { _ = try await transaction.execute("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (2)") }
            _ = try await one.commit(nil, hadPending: false)
            let error = await expect(.transient) { _ = try await two.commit(nil, hadPending: false) }
            #expect(error?.nativeCode == "40001")
        }
    }

    @Test func `one connection serves many, in their order`() async throws {
        var options = Server.options
        options.transactionConnections = 1
        try await withStore(options: options) { fixture in
            try await fixture.sql("CREATE TABLE \(unsafeRaw: fixture.s).mine (a int4)")
            try await withThrowingTaskGroup { group in
                for index in 0..<20 {
                    group.addTask { try await fixture.sql("INSERT INTO \(unsafeRaw: fixture.s).mine VALUES (\(index))") }
                }
                for try await _ in group {}
            }
            #expect(try await fixture.sql("SELECT count(*) FROM \(unsafeRaw: fixture.s).mine") == [[.int(20)]])
        }
    }

    @Test func `a connection that dies inside rolls back, and the next transaction works`() async throws {
        var options = Server.options
        options.transactionConnections = 1
        try await withStore(options: options) { fixture in
            let other = try await fixture.open()
            let transaction = try await fixture.store.begin(.readCommitted, for: nil)
            let pid = try #require(try await transaction.query("SELECT pg_backend_pid()").rows.first?.first)
            let killer = try await other.begin(.readCommitted, for: nil)
            _ = try await killer.query("SELECT pg_terminate_backend(\(pid))")
            await killer.rollback()
            await other.close()
            #expect(await expect(.unavailable) { _ = try await transaction.execute("SELECT 1") } != nil)
            #expect(await expect(.unavailable) { _ = try await transaction.commit(nil, hadPending: false) } != nil)
            #expect(try await fixture.sql("SELECT 1") == [[.int(1)]])
        }
    }

    @Test func `checkpoints in another database`() async throws {
        try await withStore { fixture in
            let schema = Server.freshName("checkpoints ")
            let database = try CheckpointDatabase(url: fixture.url, schema: schema)
            let row = step(7, "pay", kind: .transaction)
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        let transaction = try await database.begin(.readCommitted, for: "one")
                        _ = try await transaction.recorded(7, "none")
                        await transaction.rollback()
                    }
                }
                try await group.waitForAll()
            }
            let first = try await database.begin(.serializable, for: "one")
            _ = try await first.execute("CREATE TABLE \(identifier: schema).mine (a int4)")
            #expect(try await first.recorded(7, "pay") == nil)
            _ = try await first.commit(row, hadPending: true)
            let second = try await database.begin(.serializable, for: "one")
            #expect(try await second.recorded(7, "pay") == row)
            _ = try await second.execute("INSERT INTO \(identifier: schema).mine VALUES (\(1))")
            #expect(await expect(.rejected) { try await second.deliver([InboxItem(workflow: 7, kind: .cancel)]) } != nil)
            if case .recorded(row) = try await second.commit(step(7, "pay", output: "2"), hadPending: false) {
            } else {
                Issue.record("not recorded")
            }
            #expect(try await fixture.sql("SELECT * FROM \(identifier: schema).mine") == [])
            // A workflow of another store may have the same number.
            let third = try await database.begin(.serializable, for: "another")
            #expect(try await third.recorded(7, "pay") == nil)
            guard case .done = try await third.commit(step(7, "pay", output: "3"), hadPending: false) else {
                Issue.record("not done")
                return
            }
            await database.close()
            try await fixture.sql("DROP SCHEMA \(identifier: schema) CASCADE")
        }
    }
}
