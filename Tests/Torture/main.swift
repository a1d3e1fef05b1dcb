// Brings misfortune upon workers and servers, and counts what is lost and what is done twice.

import Foundation
import Perdure

// A worker must not outlive this process by a broken pipe's grace, nor end by one.
signal(SIGPIPE, SIG_IGN)

do {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == "worker" {
        let options = try JSONDecoder().decode(WorkerOptions.self, from: Data((arguments.dropFirst().first ?? "").utf8))
        try await WorkerRole(options: options).run()
    } else {
        let settings = try Settings(arguments)
        guard try await Torture(settings).run() else { exit(1) }
    }
} catch let error as Settings.UsageError {
    try? FileHandle.standardError.write(contentsOf: Data("Torture: \(error.message)\n\n\(Settings.usage)\n".utf8))
    exit(2)
} catch {
    try? FileHandle.standardError.write(contentsOf: Data("Torture: \(error)\n".utf8))
    exit(1)
}
