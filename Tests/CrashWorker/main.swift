// A worker that brings itself down in the middle of its work: CrashWorker DATABASE FOLDER

import Foundation
import Perdure

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    try? FileHandle.standardError.write(contentsOf: Data("usage: CrashWorker DATABASE FOLDER\n".utf8))
    exit(2)
}
let engine = try await Engine(store: store(at: arguments[1]), configuration: configuration()) {
    Victim(diary: Diary(folder: arguments[2]))
}
try await engine.run(gracefulShutdownSignals: [.sigterm])
