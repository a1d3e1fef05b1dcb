import Foundation
import Perdure
import PerdurePostgres

/// An engine in this process: what takes over from those that are struck.
final class Rescuer: Sendable {
    private let engine: Engine
    private let running: Task<Void, any Error>

    /// - Parameter scribe: nil for an engine that has no workflows: it only finds the dead.
    init(_ place: Place, _ scribe: Scribe?, maximumInMemory: Int = 20_000) async throws {
        var configuration = EngineConfiguration()
        // It may reap when it has lived for so long.
        configuration.lease = .milliseconds(400)
        configuration.shutdownGrace = .milliseconds(100)
        configuration.maximumInMemory = maximumInMemory
        configuration.log = { _, _ in }
        configuration.flowThreads = 1
        var options = PostgresOptions()
        options.reaperPatience = 200
        let store = Store.postgres(place.url, schema: place.schema, options: options)
        let engine = try await Engine(store: store, configuration: configuration) {
            if let scribe { Ordeal(scribe: scribe) }
        }
        self.engine = engine
        running = Task { try await engine.run() }
    }

    func end() async {
        running.cancel()
        _ = try? await running.value
        await engine.close()
    }
}
