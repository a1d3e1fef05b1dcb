import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Runs `body` beside a running engine on an in-memory database.
func withEngine(
    _ database: MemoryDatabase = MemoryDatabase(), configuration: EngineConfiguration = .test, clock: TestClock = TestClock(),
    @RegistrationBuilder workflows: () -> [Registration], _ body: (Engine) async throws -> Void
) async throws {
    let engine = try await Engine(store: .memory(database), configuration: configuration, clock: clock, workflows: workflows)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await engine.run() }
        do {
            try await body(engine)
        } catch {
            group.cancelAll()
            try? await group.waitForAll()
            await engine.close()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
    }
    await engine.close()
}

extension EngineConfiguration {
    /// Short leases, and silence.
    static var test: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.lease = .milliseconds(500)
        configuration.shutdownGrace = .seconds(1)
        configuration.log = { _, _ in }
        return configuration
    }
}
