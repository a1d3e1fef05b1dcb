internal import Foundation
internal import Perdure
internal import PerdureMemory
internal import PerdurePostgres
internal import PerdureSQLite
internal import Testing

/// The stores that every test of this suite runs against.
enum StoreUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory
    case sqlite
    case postgres

    var testDescription: String { rawValue }

    /// Those that this build and this machine have.
    static var available: [StoreUnderTest] { allCases.filter { $0.why == nil } }

    /// Those that have wake-ups: PERDURE_TEST_SILENT says that Postgres has none, and PERDURE_TEST_POOLED that nobody hears them, which
    /// costs latency and nothing else.
    static var audible: [StoreUnderTest] {
        available.filter { $0 != .postgres || !(isSilent || isPooled) }
    }

    private static let isPooled = ProcessInfo.processInfo.environment["PERDURE_TEST_POOLED"] != nil

    private static let isSilent = ProcessInfo.processInfo.environment["PERDURE_TEST_SILENT"] != nil

    /// The libpq URL of a server on which schemas may be made and dropped.
    static var postgresURL: String? { ProcessInfo.processInfo.environment["PERDURE_TEST_POSTGRES"] }

    /// Why it is not tested here; nil if it is.
    var why: String? {
        switch self {
        case .memory: nil
        case .sqlite: Self.makeSQLite == nil ? "is not part of this build" : nil
        case .postgres:
            if Self.makePostgres == nil {
                "is not part of this build"
            } else if Self.postgresURL == nil {
                "needs a server: run the tests with `./run test`, or set PERDURE_TEST_POSTGRES"
            } else {
                nil
            }
        }
    }

    // MARK: - The two places to enable

    private static let makeSQLite: (@Sendable (_ path: String) -> Store)? = { .sqlite($0) }
    private static let makePostgres: (@Sendable (_ url: String, _ schema: String) -> Store)? = { url, schema in
        var options = PostgresOptions()
        options.notifications = !isSilent
        return .postgres(url, schema: schema, options: options)
    }

    // MARK: - Fresh databases

    /// The address of a database that nobody else uses, and how it is removed in the end.
    ///
    /// - Parameter isNew: Nobody has made tables in it.
    func makeDatabase(isNew: Bool = false) throws -> TestDatabase {
        switch self {
        case .memory:
            return TestDatabase(store: .memory())
        case .sqlite:
            let makeStore = try #require(Self.makeSQLite)
            let name = "perdure-t\(UInt64.random(in: .min ... .max))"
            let folder = FileManager.default.temporaryDirectory.appending(path: name, directoryHint: .isDirectory)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let store = makeStore(folder.appending(path: "test.db").path())
            return TestDatabase(store: store, viewPrefix: "perdure_") { backend in
                await backend.close()
                try FileManager.default.removeItem(at: folder)
            }
        case .postgres:
            let makeStore = try #require(Self.makePostgres)
            let url = try #require(Self.postgresURL)
            let name = SchemaShelf.take(isNew: isNew)
            let store = makeStore(url, name)
            return TestDatabase(store: store, viewPrefix: "\"\(name)\".") { backend in
                // Closed first: a test that failed may have left a transaction open, and the schema waits for it.
                await backend.close()
                let last = try await store.open(StoreSettings())
                try await SchemaShelf.putBack(name, last)
                await last.close()
            }
        }
    }
}

struct TestDatabase: Sendable {
    var store: Store
    /// What stands before the name of a view; nil where there is no SQL.
    var viewPrefix: String?
    /// Closes the last who has it open, and leaves nothing behind.
    var remove: @Sendable (any StoreBackend) async throws -> Void = { await $0.close() }
}

@Suite struct AvailabilityTests {
    @Test(arguments: StoreUnderTest.allCases)
    func `is tested here, or says why not`(_ kind: StoreUnderTest) {
        guard let why = kind.why else { return }
        Issue.record("the \(kind.rawValue) store is not tested: it \(why)", severity: .warning)
    }
}
