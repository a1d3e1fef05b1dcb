// A shop whose worker is killed again and again, and which loses nothing by it.

import Foundation
import Perdure

func runShop(_ settings: Settings) async throws -> Bool {
    try FileManager.default.createDirectory(atPath: settings.folder, withIntermediateDirectories: true)
    let start = ContinuousClock.now
    let client = try await Client(store: settings.database.store, configuration: settings.database.configuration)
    try await settings.database.createTables(client)

    write("\(settings.orders) orders come in, and the worker is killed \(settings.kills) times with `kill -9`.\n\n")
    let supervisor = Supervisor(settings, client: client)
    try await supervisor.run()

    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let ledger = try await Ledger(
        settings, client: client, accepted: supervisor.accepted, kills: supervisor.kills, seconds: seconds)
    await client.close()
    write("\n\(ledger.text)\n\n")
    guard ledger.isRight else {
        write("Something is wrong. What the workers said: \(settings.workerLog)\n")
        return false
    }
    // An order that was interrupted while its card was charged is the most worth seeing.
    try showSteps(of: "order-\(ledger.interruptedOrder ?? 1)", settings.database)
    return true
}

/// Everything is in tables: shows the steps of one workflow, by the tool that comes with the database.
func showSteps(of id: String, _ database: ShopDatabase) throws {
    let command = database.command(for: database.stepsQuery(of: id))
    write("What \(id) did, in one query:\n\n")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    try process.run()
    process.waitUntilExit()
    let shown = command.map { $0.contains(" ") ? "\"\($0)\"" : $0 }.joined(separator: " ")
    write("\nTo look again:\n\n  \(shown)\n")
}

do {
    let settings = try Settings(Array(CommandLine.arguments.dropFirst()))
    if settings.isWorker {
        try await Worker(database: settings.database, paymentLog: settings.paymentLog).run()
    } else {
        guard try await runShop(settings) else { exit(1) }
    }
} catch let error as Settings.UsageError {
    try? FileHandle.standardError.write(contentsOf: Data("Shop: \(error.message)\n\n\(Settings.usage)\n".utf8))
    exit(2)
} catch {
    try? FileHandle.standardError.write(contentsOf: Data("Shop: \(error)\n".utf8))
    exit(1)
}
