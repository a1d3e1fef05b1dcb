import Perdure
import PerdurePostgres
import PerdureSQLite
import Foundation
let arguments = CommandLine.arguments
func temporary() -> Store {
    if let url = ProcessInfo.processInfo.environment["PG"] { return .postgres(url, schema: "b\(Int.random(in: 0..<1000000))") };
    return .sqlite("/tmp/bench\(getpid())-\(Int.random(in: 0..<1000000)).db")
}
if arguments.contains("steps") { print(try await stepsPerSecond(temporary(), workflows: 20000), "steps/s") }
if let i = arguments.firstIndex(of: "seq") {
    print(try await secondsPerSequentialStep(temporary(), steps: Int(arguments[i + 1])!) * 1e6, "us")
}
if arguments.contains("replay") { print(try await secondsToReplay(temporary(), steps: 50000), "s") }
if arguments.contains("sleepers") {
    print(
        try await memoryOfSleepers(
            temporary(), count: 100_000, queued: "SELECT count(*) FROM perdure_workflow_status WHERE state = 'queued'"), "MiB")
}
