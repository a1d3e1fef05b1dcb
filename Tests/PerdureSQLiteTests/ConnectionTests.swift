internal import Perdure
internal import PerdureSQLite
internal import Testing

/// What the connections are set to, and how much of SQLite a user's statement may use.
@Suite struct ConnectionTests {
    @Test(arguments: [
        ("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "0"), ("busy_timeout", "7000"),
    ])
    func `the settings are in force`(_ pragma: String, _ expected: String) async throws {
        try await withStore(SQLiteOptions(busyTimeout: .seconds(7))) { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            let rows = try await transaction.query("PRAGMA \(unsafeRaw: pragma)").rows
            await transaction.rollback()
            #expect(rows == [[expected == "wal" ? .text(expected) : .int(Int64(expected) ?? -1)]])
        }
    }

    @Test func `every table is strict and prefixed`() async throws {
        try await withStore { _, scratch in
            let tables = try Stranger(scratch.file).rows(
                "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
            #expect(tables.count >= 14)
            for table in tables where table[0]?.hasPrefix("sqlite_") == false {
                #expect(table[0]?.hasPrefix("perdure_") == true)
                #expect(table[1] == "1")
            }
            let others = try Stranger(scratch.file).rows(
                "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'perdure\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
            #expect(others.isEmpty)
        }
    }

    @Test func `the hot queries use their indexes`() async throws {
        try await withStore { _, scratch in
            let stranger = try Stranger(scratch.file)
            for (query, index) in [
                ("SELECT lane FROM perdure_live WHERE state = 0 AND lane > 1 ORDER BY lane LIMIT 1", "perdure_live_ready"),
                ("SELECT number FROM perdure_live WHERE state = 0 AND lane = 1 AND turn > 1 ORDER BY turn LIMIT 9", "perdure_live_ready"),
                ("SELECT min(expires) FROM perdure_live WHERE expires <= 1", "perdure_live_expiring"),
                ("SELECT 1 FROM perdure_slots WHERE workflow = 1", "perdure_slots_workflow"),
                ("SELECT 1 FROM perdure_slots WHERE executor = 1 AND workflow IS NULL", "perdure_slots_executor"),
                ("SELECT number FROM perdure_live WHERE state = 1 AND executor = 1 ORDER BY number", "perdure_live_owned"),
                ("SELECT number FROM perdure_live WHERE state = 2 AND due <= 1 ORDER BY due, number LIMIT 9", "perdure_live_due"),
                ("SELECT min(due) FROM perdure_live WHERE state = 2", "perdure_live_due"),
            ] {
                let plan = try stranger.rows("EXPLAIN QUERY PLAN \(query)").compactMap { $0[3] }
                #expect(plan.count == 1 && plan[0].contains(index), "\(query): \(plan)")
            }
        }
    }

    @Test(arguments: [
        "BEGIN", "COMMIT", "END", "ROLLBACK", "ATTACH 'x.db' AS x", "DETACH main", "PRAGMA query_only = ON", "PRAGMA busy_timeout = 0",
        "PRAGMA wal_checkpoint", "SELECT 1; SELECT 2", "SELECT 1; rubbish", "", " -- nothing", "SELECT ?1", "not SQL", "VACUUM",
    ])
    func `what would end or change the transaction is refused, and it goes on`(_ sql: String) async throws {
        try await withStore { store, scratch in
            let transaction = try await store.begin(.serializable, for: nil)
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT)")
            let error = await #expect(throws: StoreError.self) { _ = try await transaction.query("\(unsafeRaw: sql)") }
            #expect(error?.code == .rejected)
            #expect(try await transaction.execute("INSERT INTO stock VALUES (\("a"))") == 1)
            _ = try await transaction.commit(nil, hadPending: false)
            #expect(try Stranger(scratch.file).rows("SELECT sku FROM stock") == [["a"]])
        }
    }

    @Test func `space, semicolons and comments behind a statement are no second one`() async throws {
        try await withStore { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            #expect(try await transaction.query("SELECT \(1); ; -- that was all\n /* really */ ").rows == [[.int(1)]])
            await transaction.rollback()
        }
    }

    @Test func `values of every type come back as they were`() async throws {
        try await withStore { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            let (text, bytes) = ("a\u{0}b \u{1F600}", [UInt8]([0, 255, 1]))
            let none: Int? = nil
            let rows = try await transaction.query(
                "SELECT \(text) AS t, \(bytes) AS b, \([UInt8]()) AS e, \(Int.min) AS i, \(1.5) AS d, \(true) AS y, \(none) AS n, \("") AS s"
            )
            #expect(rows.columns == ["t", "b", "e", "i", "d", "y", "n", "s"])
            #expect(rows.rows == [[.text(text), .bytes(bytes), .bytes([]), .int(.min), .double(1.5), .int(1), .null, .text("")]])
            await transaction.rollback()
        }
    }

    @Test func `two spellings of one text are two statements`() async throws {
        try await withStore { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            let lengths = try await [
                transaction.query("SELECT length('\u{E9}')").rows, transaction.query("SELECT length('e\u{301}')").rows,
            ]
            #expect(lengths == [[[.int(1)]], [[.int(2)]]])
            await transaction.rollback()
        }
    }

    @Test func `a broken constraint is rejected with SQLite's own words and code`() async throws {
        try await withStore { store, _ in
            let transaction = try await store.begin(.serializable, for: nil)
            _ = try await transaction.execute("CREATE TABLE stock (sku TEXT UNIQUE)")
            _ = try await transaction.execute("INSERT INTO stock VALUES ('a')")
            let error = await #expect(throws: StoreError.self) { _ = try await transaction.execute("INSERT INTO stock VALUES ('a')") }
            #expect(error?.description == "UNIQUE constraint failed: stock.sku [rejected, 2067]")
            await transaction.rollback()
        }
    }
}
