import Foundation
import Perdure
import PerdurePostgres
import PerdureSQLite
import PerdureTesting
import Testing

private struct Row: Codable, Sendable, Equatable {
    var id: Int
    var note: String?
    var amount: Double
    var paid: Bool
}

/// Transfers in a transaction, alone and beside others.
private struct Transfer: Workflow {
    let table: String

    func run(_ number: Int, in context: WorkflowContext) async throws -> [Row] {
        let name = table
        // Alone: its place in the order is taken before it commits.
        try await context.transaction("first") { db in
            let note: String? = number.isMultiple(of: 2) ? nil : "it's \"odd\""
            try await db.execute("INSERT INTO \(unsafeRaw: name) VALUES (\(number), \(note), \(0.5), \(true))")
        }
        // Beside each other and a step: their places come after their commits.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 1...3 {
                group.addTask {
                    try await context.transaction("more", id: index, isolation: .readCommitted) { db in
                        try await db.execute(
                            "INSERT INTO \(unsafeRaw: name) VALUES (\(number * 1_000 + index), NULL, \(Double(index)), \(false))")
                    }
                }
            }
            group.addTask { try await context.step("step") {} }
            try await group.waitForAll()
        }
        return try await context.transaction("read") { db in
            try await db.query(
                "SELECT id, note, amount, paid FROM \(unsafeRaw: name) WHERE id = \(number) OR id / 1000 = \(number) ORDER BY id",
                as: Row.self)
        }
    }
}

private struct Failing: Workflow {
    static let errors: [any (Error & Codable & Sendable).Type] = [Broke.self]
    let table: String

    struct Broke: Error, Codable, Equatable { var left: Int }

    func run(_ id: Int, in context: WorkflowContext) async throws {
        let name = table
        try await context.transaction("fails") { db in
            try await db.execute("INSERT INTO \(unsafeRaw: name) VALUES (\(id), NULL, 1, \(true))")
            throw Broke(left: 3)
        }
    }
}

private struct Child: Workflow {
    func run(_ input: String, in context: WorkflowContext) async throws -> String { try await context.step("echo") { input } }
}

private struct Elsewhere: Workflow {
    let database: Database
    let table: String

    func run(_ id: Int, in context: WorkflowContext) async throws -> Int {
        let name = table
        return try await context.transaction("elsewhere", on: database) { db in
            try await db.execute("INSERT INTO \(unsafeRaw: name) VALUES (\(id))")
            return try await db.query("SELECT count(*) FROM \(unsafeRaw: name)", as: Int.self).first ?? 0
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct TransactionTests {
    @Test(arguments: SQLStore.available)
    func writesAndCheckpointsCommitTogether(kind: SQLStore) async throws {
        let (store, table) = kind.make()
        let name = table("transfers")
        try await withEngine(store: store, configuration: .test) {
            Transfer(table: name)
            Failing(table: name)
        } body: { engine in
            try await engine.transaction { db in
                try await db.execute(
                    "CREATE TABLE \(unsafeRaw: name) (id BIGINT PRIMARY KEY, note TEXT, amount DOUBLE PRECISION, paid BOOLEAN)")
            }
            for number in 1...5 {
                let rows = try await engine.start(Transfer.self, number, id: "t\(number)").result()
                #expect(rows.count == 4)
                #expect(rows.first == Row(id: number, note: number.isMultiple(of: 2) ? nil : "it's \"odd\"", amount: 0.5, paid: true))
            }
            await #expect(throws: Failing.Broke(left: 3)) { try await engine.start(Failing.self, 77).result() }
            let rows = try await engine.transaction { db in try await db.query("SELECT count(*) FROM \(unsafeRaw: name)", as: Int.self) }
            #expect(rows == [20], "what a failed transaction wrote is rolled back")
        }
    }

    /// The outbox: what is started in a transaction starts if it commits, and not if it does not.
    @Test(arguments: SQLStore.available)
    func startsInATransactionOfTheUsersOwn(kind: SQLStore) async throws {
        let (store, table) = kind.make()
        let name = table("orders")
        try await withEngine(store: store, configuration: .test) {
            Child()
        } body: { engine in
            struct Abandoned: Error {}
            let handle = try await engine.transaction { db in
                try await db.execute("CREATE TABLE \(unsafeRaw: name) (id BIGINT PRIMARY KEY)")
                try await db.execute("INSERT INTO \(unsafeRaw: name) VALUES (1)")
                return try await engine.start(Child.self, "committed", id: "a", in: db)
            }
            #expect(try await handle.result() == "committed")
            _ = await #expect(throws: Abandoned.self) {
                try await engine.transaction { db in
                    try await engine.start(Child.self, "rolled back", id: "b", in: db)
                    throw Abandoned()
                }
            }
            let error = await #expect(throws: WorkflowError.self) { try await engine.client.status(of: "b") }
            #expect(error?.code == .notFound)
        }
    }

    /// Another client on the same database, as another process would be, waits for results and cancels.
    @Test(arguments: SQLStore.available)
    func handlesWorkFromElsewhere(kind: SQLStore) async throws {
        let (store, _) = kind.make()
        try await withEngine(store: store, configuration: .test) {
            Child()
            Waiting()
        } body: { engine in
            let client = try await Client(store: store)
            _ = try await engine.start(Child.self, "here").result()
            let handle = try await client.start(Child.self, "there", id: "c")
            #expect(try await handle.result() == "there")
            let waiting = try await client.start(Waiting.self)
            while try await waiting.status().state != .running { try await Task.sleep(for: .milliseconds(5)) }
            try await waiting.cancel()
            let error = await #expect(throws: WorkflowError.self) { try await waiting.result() }
            #expect(error?.code == .cancelled)
            await client.close()
        }
    }

    @Test(.enabled(if: SQLStore.postgresURL != nil, "needs a server: run the tests with `./run test`"))
    func anotherDatabaseKeepsItsOwnCheckpoints() async throws {
        let url = SQLStore.postgresURL ?? ""
        // The state is in SQLite; the transactions are in Postgres.
        let (store, _) = SQLStore.sqlite.make()
        let schema = "d\(UInt64.random(in: .min ... .max))"
        let database = try Database.postgres(url, schema: schema)
        let setup = try await Client(store: .postgres(url, schema: schema + "x"))
        let table = "\(schema)x.elsewhere"
        try await setup.transaction { db in try await db.execute("CREATE TABLE \(unsafeRaw: table) (id BIGINT)") }
        try await withEngine(store: store, configuration: .test) {
            Elsewhere(database: database, table: table)
        } body: { engine in
            let counts = [try await engine.start(Elsewhere.self, 1).result(), try await engine.start(Elsewhere.self, 2).result()]
            #expect(counts == [1, 2])
        }
        let checkpoints = try await setup.transaction { db in
            try await db.query("SELECT key FROM \(identifier: schema).checkpoints", as: String.self)
        }
        #expect(checkpoints == ["elsewhere", "elsewhere"])
        await setup.close()
    }
}

private struct Waiting: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .hours(1)) }

    /// Whatever the body makes of an error of the store, a serialization failure is no failure of the transaction.
    @Test(.enabled(if: SQLStore.postgresURL != nil)) func aSerializationFailureInDisguiseIsRetried() async throws {
        let (store, _) = SQLStore.postgres.make()
        let attempts = Lock(0)
        let body: @Sendable (Transaction) async throws -> Int = { db in
            let attempt = attempts.withLock {
                $0 += 1; return $0
            }
            do {
                if attempt % 3 != 0 { try await db.execute("DO 'BEGIN RAISE serialization_failure; END'") }
            } catch {
                throw Failing.Broke(left: attempt)
            }
            return attempt
        }
        try await withEngine(store: store, configuration: .test) {
            Bodied(body: body)
        } body: { engine in
            let (inside, outside) = (try await engine.start(Bodied.self).result(), try await engine.transaction(body))
            #expect(inside == 3 && outside == 6)
        }
    }

    /// A row that nobody understands is news for those who wait for it, and for nobody else.
    @Test func anOutcomeThatCannotBeReadDisturbsNobody() async throws {
        let (store, table) = SQLStore.sqlite.make()
        try await withEngine(store: store, configuration: .test) {
            Bodied { _ in 7 }
        } body: { engine in
            let (odd, fine) = (try await engine.start(Bodied.self), try await engine.start(Bodied.self))
            #expect(try await odd.result() == 7)
            #expect(try await fine.result() == 7)
            // Known beforehand: only the wait for their ends is asked for below.
            let client = try await Client(store: store)
            let first = try await client.handle(of: Bodied.self, id: odd.id)
            let second = try await client.handle(of: Bodied.self, id: fine.id)
            try await engine.transaction { db in
                try await db.execute("UPDATE \(unsafeRaw: table("perdure_outcomes")) SET status = 99 WHERE workflow = \(odd.number)")
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let result = try await second.result()
                        #expect(result == 7)
                    }
                    group.addTask {
                        await #expect(throws: StoreError.self) { try await first.result() }
                    }
                }
                try await group.waitForAll()
            }
            await client.close()
        }
    }
}

private struct Bodied: Workflow {
    let body: @Sendable (Transaction) async throws -> Int

    func run(_: Void, in context: WorkflowContext) async throws -> Int { try await context.transaction("body") { try await body($0) } }
}
