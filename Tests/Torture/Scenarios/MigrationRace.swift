import Foundation
import Perdure

/// Sixteen processes migrate an empty database at once; sometimes one of them is killed in the middle of it.
final class MigrationRace: Scenario {
    let name = "migrations"
    var tally: Tally
    private let workshop: Workshop
    private var random: Seeded
    private var server: PostgresServer?
    /// What one process alone makes.
    private var reference = ""

    init(_ workshop: Workshop, rounds: Int, seed: UInt64) {
        self.workshop = workshop
        random = Seeded(seed)
        tally = Tally(full: rounds)
    }

    func lap() async throws {
        let server = try await prepared()
        for _ in 0..<min(10, tally.full) { try await round(server) }
    }

    private func prepared() async throws -> PostgresServer {
        if let server { return server }
        let server = try await PostgresServer.make(name, in: workshop)
        self.server = server
        try await Tool.run([Self.perdure, "migrate", server.url])
        reference = try await inventory(server, "postgres")
        return server
    }

    func end() async { await server?.remove(workshop, after: tally) }

    private static let perdure = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path() + "perdure"

    private func round(_ server: PostgresServer) async throws {
        let database = "m\(tally.rounds)"
        let url = server.url.replacing("/postgres?", with: "/\(database)?")
        try await Tool.run(["\(workshop.programs)/createdb", "-h", "127.0.0.1", "-p", "\(server.port)", "-U", "postgres", database])
        let log = "\(server.folder)/\(database).log"
        let children = try (0..<16).map { _ in try Child([Self.perdure, "migrate", url], output: log) }
        let victim = tally.rounds.isMultiple(of: 2) ? children.randomElement(using: &random) : nil
        if let victim {
            try await Task.sleep(for: .milliseconds(.random(in: 20...400, using: &random)))
            victim.send(SIGKILL)
            tally.kills += 1
        }
        for child in children {
            let status = await child.exit()
            if child === victim { continue }
            tally.require(status == 0, "a migration ended with \(status): \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
        tally.require(try await inventory(server, database) == reference, "\(database) is not what one process alone makes")
        tally.rounds += 1
    }

    /// All that there is in the schema.
    private func inventory(_ server: PostgresServer, _ database: String) async throws -> String {
        try await Tool.run([
            "psql", "-XAtq", server.url.replacing("/postgres?", with: "/\(database)?"), "-c",
            """
            SELECT c.relkind::text || ' ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'perdure'
            UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = 'perdure'
            UNION ALL SELECT key || ' ' || value FROM perdure.meta WHERE key <> 'store' ORDER BY 1
            """,
        ])
    }
}
