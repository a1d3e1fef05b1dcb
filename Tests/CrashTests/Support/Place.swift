internal import Foundation
internal import Perdure
internal import PerdurePostgres
internal import PerdureSQLite

/// The databases that outlive a process.
enum Place: String, CaseIterable, Sendable {
    case sqlite
    case postgres

    private static var server: String? { ProcessInfo.processInfo.environment["PERDURE_TEST_POSTGRES"] }

    static var available: [Place] { server == nil ? [.sqlite] : allCases }

    /// A folder and a database of one test's own.
    func make() async throws -> Scene {
        let name = "crash-\(UUID().uuidString.prefix(8).lowercased())"
        let folder = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard self == .postgres, let server = Self.server, var url = URLComponents(string: server) else {
            return Scene(folder: folder, database: folder.appending(path: "test.db").path(), remove: nil)
        }
        try await Self.psql(server, "CREATE DATABASE \"\(name)\"")
        url.path = "/\(name)"
        return Scene(folder: folder, database: url.string ?? server) {
            try await Self.psql(server, "DROP DATABASE \"\(name)\" WITH (FORCE)")
        }
    }

    /// Databases cannot be made in a transaction, so not by Perdure.
    private static func psql(_ server: String, _ statement: String) async throws {
        guard try await status(of: ["psql", "-q", "-v", "ON_ERROR_STOP=1", server, "-c", statement]) == 0 else { throw PSQLFailed() }
    }

    struct PSQLFailed: Error {}

    /// Runs a tool of the system's, without a word.
    fileprivate static func status(of command: [String]) async throws -> Int32 {
        let tool = Process()
        tool.executableURL = URL(filePath: "/usr/bin/env")
        tool.arguments = command
        tool.standardError = FileHandle.nullDevice
        try tool.run()
        while tool.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return tool.terminationStatus
    }
}

struct Scene: Sendable {
    let folder: URL
    let database: String
    let remove: (@Sendable () async throws -> Void)?

    func worker() throws -> Program { try Program("CrashWorker", [database, folder.path()], in: folder) }

    var diary: [String] {
        let text = (try? String(contentsOf: folder.appending(path: "diary"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// False while another process is inside a transaction on an SQLite file.
    func isWritable() async throws -> Bool {
        if database.contains("://") { return true }
        return try await Place.status(of: ["sqlite3", "-cmd", ".timeout 1000", database, "BEGIN IMMEDIATE; ROLLBACK;"]) == 0
    }

    func clear() async throws {
        try await remove?()
        try FileManager.default.removeItem(at: folder)
    }

    func client() async throws -> Client {
        let store: Store = database.contains("://") ? .postgres(database) : .sqlite(database)
        let client = try await Client(store: store)
        try await client.transaction { db in try await db.execute("CREATE TABLE payments (workflow text NOT NULL)") }
        return client
    }
}

extension Client {
    func payments() async throws -> Int {
        try await transaction { db in try await db.query("SELECT count(*) FROM payments", as: Int.self)[0] }
    }
}
