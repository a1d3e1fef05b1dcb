import Foundation
import Perdure

/// Where all servers of a run are kept, and how they are run.
final class Workshop: Sendable {
    let folder: String
    /// Where initdb, pg_ctl and the others are.
    let programs: String
    private let firstPort: Int?
    private let state = Lock((ports: 0, data: Set<String>()))

    init(folder: String, firstPort: Int?) throws {
        self.folder = folder
        self.firstPort = firstPort
        let installed = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = installed.compactMap(Int.init).max().map { "/usr/lib/postgresql/\($0)/bin" }
        guard let programs = newest ?? Self.folderInPath(of: "initdb") else {
            throw Missing(what: "Postgres's own programs (initdb, pg_ctl)")
        }
        self.programs = programs
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0 { try give(folder) }
    }

    struct Missing: Error, CustomStringConvertible {
        let what: String
        var description: String { "missing: \(what)" }
    }

    static func folderInPath(of program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map(String.init).first { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    /// The server refuses to run as root.
    func asServer(_ command: [String]) -> [String] {
        getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + command : command
    }

    private func give(_ path: String) throws {
        try FileManager.default.setAttributes([.ownerAccountName: "postgres", .groupOwnerAccountName: "postgres"], ofItemAtPath: path)
    }

    func makeFolder(_ path: String) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        if getuid() == 0 { try give(path) }
    }

    /// A port that nobody listens on.
    func freePort() throws -> Int {
        guard let firstPort else { return try Listening.freePort() }
        for _ in 0..<20 {
            let port = state.withLock { state in
                defer { state.ports += 1 }
                return firstPort + state.ports % 20
            }
            if Listening.isFree(port) { return port }
        }
        throw Missing(what: "a free port from \(firstPort) to \(firstPort + 19)")
    }

    func running(_ data: String) { _ = state.withLock { $0.data.insert(data) } }

    /// Ends all servers that were started, whatever state they are in.
    func close() {
        for data in state.withLock({ $0.data }) {
            let pid = (try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8))?.split(separator: "\n").first
            if let pid = pid.flatMap({ Int32($0) }) { kill(pid, SIGQUIT) }
        }
    }
}
