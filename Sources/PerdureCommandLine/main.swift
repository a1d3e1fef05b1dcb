// The `perdure` command. It ends with 0; with 1 when the database says no; with 2 when it was not understood.

internal import Foundation
internal import Perdure
internal import PerdureCommand

let libraryVersion = "0.1.0"

/// Opens the store and says which version its tables have.
func report(_ address: StoreAddress, migrate: Bool) async throws {
    let store = address.store
    let backend = try await store.open(
        StoreSettings(migrate: migrate, readsOnly: !migrate) { level, message in
            if level >= .warning { write("perdure: \(message)\n", to: .standardError) }
        })
    let version: SchemaVersion
    do {
        version = try await backend.schemaVersion()
    } catch {
        await backend.close()
        throw error
    }
    await backend.close()
    write("\(store): tables of version \(version.version), for libraries that know version \(version.minimumReader) or newer\n")
}

do {
    switch try Request(Array(CommandLine.arguments.dropFirst())) {
    case .help: write(Request.usage)
    case .version(nil): write("perdure \(libraryVersion)\n")
    case .version(let address?):
        write("perdure \(libraryVersion)\n")
        try await report(address, migrate: false)
    case .migrate(let address): try await report(address, migrate: true)
    case .list(let address, let options): try await list(address, options)
    case .bulk(let address, let options): if try await !bulk(address, options) { exit(1) }
    }
} catch let error as Request.UsageError {
    write("perdure: \(error.message)\n\n\(Request.usage)", to: .standardError)
    exit(2)
} catch {
    write("perdure: \(error)\n", to: .standardError)
    exit(1)
}
