internal import Foundation
internal import Perdure

func write(_ text: String, to handle: FileHandle = .standardOutput) {
    try? handle.write(contentsOf: Data(text.utf8))
}

/// A client that leaves the tables as they are; of one that only reads, all of the database.
func withClient<Result: Sendable>(
    _ address: StoreAddress, readsOnly: Bool, _ body: (Client) async throws -> Result
) async throws -> Result {
    var configuration = EngineConfiguration()
    configuration.migrate = false
    configuration.log = { level, message in
        if level >= .warning { write("perdure: \(message)\n", to: .standardError) }
    }
    let client =
        if readsOnly {
            try await Client(reading: address.store, configuration: configuration)
        } else {
            try await Client(store: address.store, configuration: configuration)
        }
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}
