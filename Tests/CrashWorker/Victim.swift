import Foundation
import Perdure
import PerdurePostgres
import PerdureSQLite

func store(at address: String) -> Store {
    address.contains("://") ? .postgres(address) : .sqlite(address, transactionLimit: .milliseconds(300))
}

func configuration() -> EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.lease = .seconds(1)
    configuration.crashBackoff = .milliseconds(100)
    // The machine may be busy with other things.
    configuration.shutdownGrace = .seconds(100)
    return configuration
}

/// Is brought down where its input says so: "kill step", "stop transaction"; "always kill step" each time; "linger" stays in its step until
/// there is a file `go`; "sleep" does nothing but sleep; "spare" is an ordinary one.
struct Victim: Workflow {
    let diary: Diary

    func run(_ fate: String, in context: WorkflowContext) async throws -> String {
        if fate == "sleep" { try await context.sleep(for: .days(1)) }
        try await context.step("first") { try diary.write("first") }
        try await context.step("body") { step in
            try diary.write("body \(step.attempt) \(step.idempotencyKey)")
            if fate == "linger" { diary.linger() }
            try diary.comeDown(fate, at: "step")
        }
        try await context.transaction("pay") { db in
            try await db.execute("INSERT INTO payments (workflow) VALUES (\(context.workflowID))")
            try diary.write("transaction")
            try diary.comeDown(fate, at: "transaction")
        }
        try await context.step("last") { try diary.write("last") }
        return "done"
    }
}

/// What was done, outside of the database.
struct Diary: Sendable {
    let folder: String

    func write(_ line: String) throws {
        let url = URL(filePath: "\(folder)/diary")
        if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
        let file = try FileHandle(forWritingTo: url)
        try file.seekToEnd()
        try file.write(contentsOf: Data("\(line)\n".utf8))
        try file.close()
    }

    /// Blocks its thread, as bodies do that call what knows no concurrency.
    func linger() {
        while !FileManager.default.fileExists(atPath: "\(folder)/go") { Thread.sleep(forTimeInterval: 0.01) }
    }

    /// Once, if not always: whoever does the work again gets through.
    func comeDown(_ fate: String, at place: String) throws {
        guard fate.hasSuffix(" \(place)") else { return }
        if !fate.hasPrefix("always") {
            do {
                try Data().write(to: URL(filePath: "\(folder)/came-down"), options: .withoutOverwriting)
            } catch {
                return
            }
        }
        kill(getpid(), fate.hasPrefix("stop") ? SIGSTOP : SIGKILL)
        // The signal is for the process: this thread may be let on for a moment before it takes effect.
        Thread.sleep(forTimeInterval: 0.05)
    }
}
