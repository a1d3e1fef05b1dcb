import Foundation

/// A Postgres server of the torture's own, in a folder that is removed in the end.
final class PostgresServer: Sendable {
    let folder: String
    let port: Int
    private var data: String { folder + "/data" }

    private init(folder: String, port: Int) {
        self.folder = folder
        self.port = port
    }

    var url: String { "postgresql://postgres@127.0.0.1:\(port)/postgres?sslmode=disable&gssencmode=disable" }

    /// A running server with an empty database.
    static func make(_ name: String, in workshop: Workshop, settings: [String] = []) async throws -> PostgresServer {
        let server = PostgresServer(folder: workshop.folder + "/" + name, port: try workshop.freePort())
        try await workshop.makeFolder(server.folder)
        try await Tool.run(workshop.asServer(["cp", "-a", template(in: workshop), server.data]))
        try server.configure(settings)
        try await server.start(workshop)
        return server
    }

    /// What all servers are copies of; to be made before the first of them.
    static func makeTemplate(in workshop: Workshop) async throws {
        try await Tool.run(
            workshop.asServer([
                "\(workshop.programs)/initdb", "-D", template(in: workshop), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A",
                "trust",
            ]))
    }

    private static func template(in workshop: Workshop) -> String { workshop.folder + "/template" }

    /// A running standby that follows another server.
    static func makeStandby(_ name: String, of primary: PostgresServer, in workshop: Workshop, port: Int) async throws -> PostgresServer {
        let server = PostgresServer(folder: workshop.folder + "/" + name, port: port)
        try await workshop.makeFolder(server.folder)
        try await Tool.run(
            workshop.asServer([
                "\(workshop.programs)/pg_basebackup", "-D", server.data, "-X", "stream", "-c", "fast", "-R", "-d",
                "host=127.0.0.1 port=\(primary.port) user=postgres application_name=standby",
            ]))
        try await server.start(workshop)
        return server
    }

    private func configure(_ settings: [String]) throws {
        let lines =
            [
                "unix_socket_directories = ''", "listen_addresses = '127.0.0.1'", "max_connections = 400", "shared_buffers = 128MB",
                "max_wal_size = 1GB", "log_line_prefix = '%m [%p] %e '", "log_min_error_statement = panic", "log_checkpoints = off",
                // Nothing here takes the power away.
                "fsync = off",
            ] + settings
        let file = try FileHandle(forWritingTo: URL(filePath: data + "/postgresql.conf"))
        try file.seekToEnd()
        try file.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        try file.close()
    }

    private func control(_ workshop: Workshop, _ arguments: [String]) async throws {
        try await Tool.run(workshop.asServer(["\(workshop.programs)/pg_ctl", "-D", data, "-s", "-w"] + arguments))
    }

    func start(_ workshop: Workshop) async throws {
        try await control(workshop, ["-o", "-p \(port)", "-l", folder + "/log", "start"])
        workshop.running(data)
    }

    /// As a crash: no checkpoint, no word to anybody.
    func crash(_ workshop: Workshop) async throws { try await control(workshop, ["-m", "immediate", "stop"]) }

    func promote(_ workshop: Workshop) async throws { try await control(workshop, ["promote"]) }

    /// Ends it, and removes what it left, unless somebody will want to look at it.
    func remove(_ workshop: Workshop, after tally: Tally) async {
        _ = try? await crash(workshop)
        if tally.violations.isEmpty { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// The process that receives the log of a primary on a standby.
    func signalReceiver(_ signal: Int32) async throws {
        let output = try await Tool.run(["ps", "-eo", "pid,ppid,args"])
        let pid = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8).prefix { $0 != "\n" }
        for line in output.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
            if fields.count == 3, fields[1] == pid, fields[2].contains("walreceiver"), let receiver = Int32(fields[0]) {
                kill(receiver, signal)
            }
        }
    }

    /// How often the server has raised an error of this SQLSTATE.
    func count(ofState state: String) -> Int {
        guard let log = try? Data(contentsOf: URL(filePath: folder + "/log")) else { return 0 }
        return String(decoding: log, as: UTF8.self).split(separator: "\n").filter { $0.contains("] \(state) ") && !$0.contains("CONTEXT:") }
            .count
    }
}
