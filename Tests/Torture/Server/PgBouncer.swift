import Foundation

/// A pooler before a server, which shares server connections out by transaction.
final class PgBouncer: Sendable {
    let url: String
    private let process: Child
    private let folder: String
    private let port: Int

    private init(_ process: Child, folder: String, port: Int) {
        self.process = process
        self.folder = folder
        self.port = port
        url = "postgresql://postgres@127.0.0.1:\(port)/postgres?sslmode=disable&gssencmode=disable"
    }

    static var program: String? {
        Workshop.folderInPath(of: "pgbouncer").map { $0 + "/pgbouncer" }
            ?? ["/usr/sbin/pgbouncer"].first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// - Parameter folder: Its own; beside the server's data if nil.
    static func start(before server: PostgresServer, in workshop: Workshop, folder: String? = nil) async throws -> PgBouncer {
        guard let program else { throw Workshop.Missing(what: "pgbouncer") }
        let (folder, port) = (folder ?? server.folder + "/pgbouncer", try workshop.freePort())
        try await workshop.makeFolder(folder)
        try settings(server, folder: folder, port: port).write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
        try "\"postgres\" \"\"\n".write(toFile: folder + "/users", atomically: true, encoding: .utf8)
        let process = try Child(workshop.asServer([program, "-q", folder + "/ini"]), output: folder + "/log")
        let bouncer = PgBouncer(process, folder: folder, port: port)
        try await eventually("the pooler listens") {
            try await Tool.attempt(["\(workshop.programs)/pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(port)"]).status == 0
        }
        return bouncer
    }

    /// New server connections go to another server; clients keep theirs.
    func lead(to server: PostgresServer) throws {
        try Self.settings(server, folder: folder, port: port).write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
        process.send(SIGHUP)
    }

    /// By its name besides: what `*` once meant for a database, the pooler keeps for an hour.
    private static func settings(_ server: PostgresServer, folder: String, port: Int) -> String {
        """
        [databases]
        postgres = host=127.0.0.1 port=\(server.port)
        * = host=127.0.0.1 port=\(server.port)
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = trust
        auth_file = \(folder)/users
        auth_user = postgres
        auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
        pool_mode = transaction
        default_pool_size = 100
        max_client_conn = 2000

        """
    }

    func stop() async { await process.killAtOnce() }
}
