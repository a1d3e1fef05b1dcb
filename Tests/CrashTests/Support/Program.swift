internal import Foundation

/// One of the built executables, running.
final class Program {
    private let process = Process()
    private let log: URL

    /// - Parameter folder: Its output goes into a file there.
    init(_ name: String, _ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws {
        log = folder.appending(path: "\(name)-\(UUID().uuidString).log")
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        process.executableURL = Self.folder.appending(path: name)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    deinit { if process.isRunning { send(SIGKILL) } }

    /// Executables are built beside the tests.
    private static let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    var isRunning: Bool { process.isRunning }
    var status: Int32 { process.terminationStatus }
    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    func waitForExit() async throws {
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    }

    func killAndWait() async throws {
        send(SIGKILL)
        try await waitForExit()
    }

    /// `T` when it is stopped, as in proc(5).
    var isStopped: Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8),
            let name = stat.lastIndex(of: ")")
        else { return false }
        return stat[name...].dropFirst(2).first == "T"
    }
}

/// Looks every few milliseconds; other processes cannot be waited for in any other way.
func wait(for limit: Duration = .seconds(60), until isTrue: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while try await !isTrue() {
        guard ContinuousClock.now < end else { throw TookTooLong() }
        try await Task.sleep(for: .milliseconds(10))
    }
}

struct TookTooLong: Error {}
