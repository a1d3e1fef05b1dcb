internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

@Suite(Server.isThere, .timeLimit(.minutes(5))) struct OpeningTests {
    private func refusal(_ url: String, schema: String = "perdure_refused", migrate: Bool = true) async -> StoreError? {
        do {
            let store = try await PostgresStore.open(
                url, schema: schema, options: Server.options, settings: StoreSettings(migrate: migrate))
            await store.close()
            return nil
        } catch {
            return error
        }
    }

    @Test func `an address that is none says how one looks`() async throws {
        let mysql = try #require(await refusal("mysql://root:secret@localhost/shop"))
        #expect(mysql.code == .misconfigured && mysql.message.contains("postgresql://") && !mysql.message.contains("secret"))
        let port = try #require(await refusal("postgresql://me:hunter22@localhost:port/shop"))
        #expect(port.code == .misconfigured && !port.message.contains("hunter22"), "\(port)")
        let option = try #require(await refusal("postgresql://me:hunter22@localhost/shop?colour=red"))
        #expect(option.code == .misconfigured && option.message.contains("colour") && !option.message.contains("hunter22"))
    }

    @Test func `no server`() async throws {
        let error = try #require(await refusal("postgresql://me:hunter22@127.0.0.1:1/shop?connect_timeout=3"))
        #expect(error.code == .unavailable && error.message.contains("127.0.0.1:1"), "\(error)")
        #expect(!error.message.contains("hunter22"))
    }

    @Test func `an unescaped password is in no message`() async throws {
        for url in [
            "postgresql://me:p@ssw0rd@127.0.0.1:1/shop", "host=127.0.0.1 port=1 password=p@ssw0rd", "postgresql://me:p/ssw0rd@host/x",
        ] {
            let error = try #require(await refusal(url))
            #expect(!error.message.contains("ssw0rd"), "\(error)")
            #expect(!Store.postgres(url).description.contains("ssw0rd"))
        }
    }

    @Test func `a database or a user that does not exist`() async throws {
        let database = try #require(await refusal(Server.url(database: "no_such_database")))
        #expect(database.code == .misconfigured && database.message.contains("createdb"), "\(database)")
        let user = try #require(await refusal(Server.url(user: "no_such_user", password: "hunter22")))
        #expect(user.code == .misconfigured && !user.message.contains("hunter22"), "\(user)")
    }

    @Test func `a user without rights`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN PASSWORD 'hunter22'")
            let url = try Server.url(user: role, password: "hunter22")
            let error = try #require(await refusal(url, schema: Server.freshName()))
            #expect(error.code == .misconfigured && error.message.contains("GRANT CREATE"), "\(error)")
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }

    /// What is set for a role holds for sessions that begin afterwards, and a pooler keeps its own.
    @Test(Server.isDirect) func `commits that may be forgotten are refused unless asked for`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN SUPERUSER PASSWORD 'hunter22'")
            try await fixture.sql("ALTER ROLE \(identifier: role) SET synchronous_commit = off")
            let url = try Server.url(user: role, password: "hunter22")
            let error = try #require(await refusal(url, schema: fixture.schema))
            #expect(error.code == .misconfigured && error.message.contains("allowAsynchronousCommit"))
            var options = Server.options
            options.allowAsynchronousCommit = true
            let store = try await PostgresStore.open(url, schema: fixture.schema, options: options, settings: StoreSettings())
            await store.close()
            try await fixture.sql("ALTER ROLE \(identifier: role) RESET synchronous_commit")
            try await fixture.sql("ALTER ROLE \(identifier: role) SET default_transaction_read_only = on")
            let readOnly = try #require(await refusal(url, schema: fixture.schema))
            #expect(readOnly.code == .misconfigured && readOnly.message.contains("primary"), "\(readOnly)")
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }

    @Test func `a role that defaults to another isolation level works`() async throws {
        try await withStore { fixture in
            let role = Server.freshName("role")
            try await fixture.sql("CREATE ROLE \(identifier: role) LOGIN SUPERUSER PASSWORD 'hunter22'")
            try await fixture.sql("ALTER ROLE \(identifier: role) SET default_transaction_isolation = 'serializable'")
            let store = try await PostgresStore.open(
                Server.url(user: role, password: "hunter22"), schema: fixture.schema, options: Server.options, settings: StoreSettings())
            let executor = try await fixture.executor(on: store)
            let number = try await executor.owned(fixture)
            #expect(try await executor.writer.commit([.step(step(number, "a"))]).count == 1)
            await store.close()
            try await fixture.sql("DROP ROLE \(identifier: role)")
        }
    }

    @Test func `a server that is too old, or not encoded in UTF-8`() async throws {
        try await withStore { fixture in
            let database = Server.freshName("latin")
            let session = Session(Session.Settings(address: ServerAddress(fixture.url), log: { _, _ in }))
            try session.simple("CREATE DATABASE \(database) ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
            let error = try #require(await refusal(Server.url(database: database)))
            #expect(error.code == .misconfigured && error.message.contains("UTF8"), "\(error)")
            try session.simple("DROP DATABASE \(database) WITH (FORCE)")
            session.disconnect()
        }
    }

    @Test(arguments: ["My Shop", "select", "naïve \"quotes\" 'n more", "ünï.cödé; DROP TABLE x"])
    func `any name of a schema works`(_ name: String) async throws {
        try await withStore(schema: name + Server.freshName(" ")) { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            _ = try await executor.writer.commit([.step(step(number, "a")), .release(number)])
            let claimer = try await fixture.store.claimer(for: executor.id)
            #expect(try await claimer.claimReady(workflows: ["flow"], versions: [""], limit: 9).map(\.number) == [number])
            #expect(try await fixture.store.reap(limit: 10) == ReapReport())
            try await fixture.store.retire(executor.id)
            #expect(try await fixture.sql("SELECT state FROM \(unsafeRaw: fixture.s).workflow_status") == [[.text("queued")]])
            await fixture.store.notify([.ready])
            await claimer.close()
        }
    }

    @Test(arguments: ["", "a\0b", String(repeating: "ä", count: 32), "pg_mine"])
    func `a name that cannot be one is refused`(_ name: String) async throws {
        let url = try #require(Server.url)
        let error = try #require(await refusal(url, schema: name))
        #expect(error.code == .misconfigured, "\(error)")
    }

    @Test func `sixteen open a new schema at once`() async throws {
        try await withStore { fixture in
            try await fixture.sql("DROP SCHEMA \(identifier: fixture.schema) CASCADE")
            try await withThrowingTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask {
                        let store = try await fixture.open()
                        #expect(try await store.schemaVersion() == SchemaVersion(version: 3, minimumReader: 3))
                        await store.close()
                    }
                }
                try await group.waitForAll()
            }
            let version = try await fixture.sql("SELECT value FROM \(unsafeRaw: fixture.s).meta WHERE key = 'version'")
            #expect(version == [[.text("3")]])
        }
    }

    @Test func `tables of a newer version are left alone`() async throws {
        try await withStore { fixture in
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).meta SET value = '9' WHERE key = 'version'")
            let readable = try await fixture.open()
            await readable.close()
            try await fixture.sql("UPDATE \(unsafeRaw: fixture.s).meta SET value = '9' WHERE key = 'minimum_reader'")
            #expect(await refusal(fixture.url, schema: fixture.schema)?.code == .newerSchema)
            let missing = try #require(await refusal(fixture.url, schema: Server.freshName(), migrate: false))
            #expect(missing.code == .misconfigured && missing.message.contains("perdure migrate"))
        }
    }

    @Test func `numbers lie in this month's partition`() async throws {
        try await withStore { fixture in
            let executor = try await fixture.executor()
            let number = try await executor.owned(fixture)
            let table = try await fixture.sql(
                "SELECT tableoid::regclass::text FROM \(unsafeRaw: fixture.s).workflows WHERE number = \(number)")
            let name = try #require(table.first?.first)
            #expect("\(name)".contains("workflows_20"), "\(name)")
            let other = try await fixture.store.numberBlock()
            #expect(other.count == 1024 && other.first > number && other.first % 1024 == 0)
        }
    }
}
