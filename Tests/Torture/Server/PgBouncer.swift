import Foundation

/// A pooler before a server, which shares server connections out by transaction.
final class PgBouncer: Sendable {
    let url: String
    private let process: Child

    private init(_ process: Child, port: Int) {
        self.process = process
        url = "postgresql://postgres@127.0.0.1:\(port)/postgres?sslmode=disable&gssencmode=disable"
    }

    static var program: String? {
        Workshop.folderInPath(of: "pgbouncer").map { $0 + "/pgbouncer" }
            ?? ["/usr/sbin/pgbouncer"].first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static func start(before server: PostgresServer, in workshop: Workshop) async throws -> PgBouncer {
        guard let program else { throw Workshop.Missing(what: "pgbouncer") }
        let (folder, port) = (server.folder + "/pgbouncer", try workshop.freePort())
        try await workshop.makeFolder(folder)
        let settings = """
            [databases]
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
        try settings.write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
        try "\"postgres\" \"\"\n".write(toFile: folder + "/users", atomically: true, encoding: .utf8)
        let process = try Child(workshop.asServer([program, "-q", folder + "/ini"]), output: server.folder + "/pgbouncer.log")
        let bouncer = PgBouncer(process, port: port)
        try await eventually("the pooler listens") {
            try await Tool.attempt(["\(workshop.programs)/pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(port)"]).status == 0
        }
        return bouncer
    }

    func stop() async { await process.killAtOnce() }
}
