import Foundation

/// Runs programs of the system's and waits for them.
enum Tool {
    struct Failed: Error, CustomStringConvertible {
        let command: [String]
        let status: Int32
        let output: String

        var description: String { "'\(command.joined(separator: " "))' ended with \(status):\n\(output)" }
    }

    /// Runs a program whose success is taken for granted.
    @discardableResult
    static func run(_ command: [String], environment: [String: String] = [:]) async throws -> String {
        let (status, output) = try await attempt(command, environment: environment)
        guard status == 0 else { throw Failed(command: command, status: status, output: output) }
        return output
    }

    /// Runs a program and returns how it ended and what it said.
    ///
    /// What it says goes through a file: a server that it leaves behind keeps a pipe open for ever.
    static func attempt(_ command: [String], environment: [String: String] = [:]) async throws -> (status: Int32, output: String) {
        let log = FileManager.default.temporaryDirectory.appending(path: "perdure-torture-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: log) }
        let child = try Child(command, output: log.path(), environment: environment)
        let status = await child.exit()
        return (status, (try? String(contentsOf: log, encoding: .utf8)) ?? "")
    }
}
