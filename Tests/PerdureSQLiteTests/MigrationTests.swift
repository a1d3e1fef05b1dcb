internal import Perdure
internal import PerdureSQLite
internal import Testing

@Suite struct MigrationTests {
    @Test func `sixteen open an empty file at once`() async throws {
        let scratch = try Scratch()
        let path = scratch.file
        let versions = try await withThrowingTaskGroup(of: (SQLiteStore, SchemaVersion, WorkflowNumber).self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let store = try await SQLiteStore.open(path, options: SQLiteOptions(), settings: StoreSettings())
                    return (store, try await store.schemaVersion(), try await store.numberBlock().first)
                }
            }
            var all: [(SQLiteStore, SchemaVersion, WorkflowNumber)] = []
            for try await one in group { all.append(one) }
            return all
        }
        #expect(versions.allSatisfy { $0.1 == SchemaVersion(version: 3, minimumReader: 3) })
        #expect(Set(versions.map(\.2)).count == 16)
        for (store, _, _) in versions { await store.close() }
    }

    @Test func `the user's own tables stay`() async throws {
        let scratch = try Scratch()
        try Stranger(scratch.file).run("CREATE TABLE workflows (id); INSERT INTO workflows VALUES (1)")
        #expect(await openingError(scratch.file) == nil)
        #expect(try Stranger(scratch.file).value("SELECT count(*) FROM workflows") == "1")
    }

    @Test(arguments: [1, 2], [true, false]) func `tables from before the first release are refused`(_ version: Int, _ migrate: Bool)
        async throws
    {
        let scratch = try Scratch()
        #expect(await openingError(scratch.file) == nil)
        try Stranger(scratch.file).run("UPDATE perdure_meta SET value = \(version) WHERE key IN ('version', 'minimum_reader')")
        let error = await openingError(scratch.file, settings: StoreSettings(migrate: migrate))
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("before its first release: use another file, or delete the tables") == true)
    }

    @Test func `tables of a newer library are not touched`() async throws {
        let scratch = try Scratch()
        #expect(await openingError(scratch.file) == nil)
        try Stranger(scratch.file).run("UPDATE perdure_meta SET value = 9")
        let error = await openingError(scratch.file)
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains("Update Perdure in this program") == true)
    }

    @Test func `newer tables that this library may use are used`() async throws {
        let scratch = try Scratch()
        #expect(await openingError(scratch.file) == nil)
        try Stranger(scratch.file).run("UPDATE perdure_meta SET value = 9 WHERE key = 'version'")
        #expect(await openingError(scratch.file, settings: StoreSettings(migrate: false)) == nil)
    }

    @Test(arguments: ["DELETE FROM perdure_meta WHERE key = 'version'", "UPDATE perdure_meta SET value = 'new'"])
    func `a version that is none is an error`(_ vandalism: String) async throws {
        let scratch = try Scratch()
        #expect(await openingError(scratch.file) == nil)
        try Stranger(scratch.file).run(vandalism)
        #expect(await openingError(scratch.file)?.code == .misconfigured)
    }

    @Test(arguments: [true, false]) func `without migrate nothing is made`(_ exists: Bool) async throws {
        let scratch = try Scratch()
        if exists { try Stranger(scratch.file).run("CREATE TABLE mine (id)") }
        let error = await openingError(scratch.file, settings: StoreSettings(migrate: false))
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("perdure migrate") == true)
        #expect(scratch.names.contains("test.db") == exists)
    }
}
