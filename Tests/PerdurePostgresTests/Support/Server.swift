internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

/// The server that these tests run against.
enum Server {
    /// A libpq URL of a user who may make schemas, roles and databases.
    static let url = ProcessInfo.processInfo.environment["PERDURE_TEST_POSTGRES"]

    /// Says why nothing is tested where there is no server.
    static let isThere: ConditionTrait = .enabled(
        if: url != nil, "needs a server: run the tests with `./run test`, or set PERDURE_TEST_POSTGRES")

    /// For what no pooler lets through: notifications, and what belongs to a session.
    static let isDirect: ConditionTrait = .enabled("needs a connection to Postgres itself") {
        guard let url else { return false }
        let session = Session(Session.Settings(address: ServerAddress(url), log: { _, _ in }))
        defer { session.disconnect() }
        try session.ready()
        return !session.isPooled
    }

    /// For what is about notifications.
    static let isHeard: ConditionTrait = .enabled(
        if: ["PERDURE_TEST_SILENT", "PERDURE_TEST_POOLED"].allSatisfy { ProcessInfo.processInfo.environment[$0] == nil },
        "PERDURE_TEST_SILENT or PERDURE_TEST_POOLED says that no notifications are heard")

    /// As the environment asks.
    static var options: PostgresOptions {
        var options = PostgresOptions()
        options.notifications = ProcessInfo.processInfo.environment["PERDURE_TEST_SILENT"] == nil
        return options
    }

    static func freshName(_ kind: String = "p") -> String { "\(kind)\(UInt64.random(in: .min ... .max))" }

    /// The URL with another user, password or database.
    static func url(user: String? = nil, password: String? = nil, database: String? = nil, query: String? = nil) throws -> String {
        let url = try #require(url)
        var parts = try #require(URLComponents(string: url))
        if let user { (parts.user, parts.password) = (user, password) }
        if let database { parts.path = "/" + database }
        if let query { parts.query = query }
        return try #require(parts.string)
    }
}

/// A store in a schema of its own, with a writer's executor where one is asked for.
struct Fixture: Sendable {
    let store: PostgresStore
    let url: String
    let schema: String
    let logged: Lock<[String]>

    /// In SQL: the schema, quoted.
    var s: String { "\"" + schema.replacing("\"", with: "\"\"") + "\"" }

    func open(options: PostgresOptions = Server.options) async throws -> PostgresStore {
        try await PostgresStore.open(url, schema: schema, options: options, settings: StoreSettings())
    }

    /// With `silence` its process is watched: while this one lives, it does not count as dead.
    func executor(
        lease: Duration = .seconds(600), silence: Duration? = nil, on other: PostgresStore? = nil
    ) async throws -> Executor {
        let id = ExecutorID.random(in: 1 ... .max)
        let store = other ?? store
        try await store.register(id, ExecutorDescription(label: "test", terms: LeaseTerms(lease: lease, silence: silence)))
        return Executor(id: id, store: store, writer: try await store.writer(0, for: id))
    }

    func record(_ name: String = "flow", id: String? = nil, due: Microseconds? = nil) async throws -> WorkflowRecord {
        let number = try await store.numberBlock().first
        return WorkflowRecord(
            number: number, id: id, lane: Lane(workflow: name), input: EncodedPayload(codec: 1, bytes: Array("{}".utf8)), created: moment,
            due: due)
    }

    /// One statement of the test's own, committed.
    @discardableResult
    func sql(_ sql: SQL) async throws -> [[SQLValue]] {
        let transaction = try await store.begin(.readCommitted, for: nil)
        do {
            let rows = try await transaction.query(sql)
            _ = try await transaction.commit(nil, hadPending: false)
            return rows.rows
        } catch {
            await transaction.rollback()
            throw error
        }
    }
}

struct Executor: Sendable {
    let id: ExecutorID
    let store: PostgresStore
    let writer: any JournalWriter

    /// A workflow that is its own.
    func owned(_ fixture: Fixture) async throws -> WorkflowNumber {
        let record = try await fixture.record()
        _ = try await writer.commit([.start(record)])
        return record.number
    }
}

let moment: Microseconds = 1_763_629_200_000_000

func step(_ workflow: WorkflowNumber, _ key: String, _ order: Int64? = 1, output: String = "1", kind: StepKind = .step) -> StepRecord {
    StepRecord(
        workflow: workflow, key: key, order: order, kind: kind, output: EncodedPayload(codec: 1, bytes: Array(output.utf8)),
        started: moment,
        finished: moment + 5)
}

/// Runs a test in a schema of its own, which is dropped in the end.
func withStore(
    schema: String = Server.freshName(), options: PostgresOptions = Server.options, _ body: (Fixture) async throws -> Void
) async throws {
    let url = try #require(Server.url)
    let logged = Lock<[String]>([])
    let store = try await PostgresStore.open(
        url, schema: schema, options: options,
        settings: StoreSettings(log: { level, message in if level > .debug { logged.withLock { $0.append(message) } } }))
    let fixture = Fixture(store: store, url: url, schema: schema, logged: logged)
    var failure: (any Error)?
    do { try await body(fixture) } catch { failure = error }
    try await fixture.sql("DROP SCHEMA \(identifier: schema) CASCADE")
    await store.close()
    if let failure { throw failure }
}

/// Looks again and again until it is so, at most a few seconds.
func eventually(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    while clock.now < end {
        if try await isSo() { return }
        try await clock.sleep(for: .milliseconds(10))
    }
    Issue.record("not so in time: \(what)")
}

/// The error of a store that is expected.
func expect(_ code: StoreError.Code, _ body: () async throws -> Void) async -> StoreError? {
    do {
        try await body()
        Issue.record("expected an error: \(code)")
        return nil
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)")
        return error
    } catch {
        Issue.record("\(error)")
        return nil
    }
}

extension Claimer {
    func claimReady(workflows: Set<String>, versions: Set<String>, limit: Int) async throws(StoreError) -> [Claimed] {
        try await claimReady(Repertoire(workflows: workflows, versions: versions), limit: limit)
    }

    func claimDue(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed] {
        try await claimDue(.flow, now: now, limit: limit)
    }

    func claimArrived(_ numbers: [WorkflowNumber]) async throws(StoreError) -> [Claimed] { try await claimArrived(numbers, .flow) }
}

extension Repertoire {
    /// What nearly all tests start.
    static let flow = Repertoire(workflows: ["flow"], versions: [""])
}
