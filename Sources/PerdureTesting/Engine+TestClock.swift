public import Perdure

extension Engine {
    /// Opens a store for an engine whose timers, timeouts and back-offs go by a clock that the test turns.
    ///
    /// Leases go by the database's own clock, as always.
    public convenience init(
        store: Store, configuration: EngineConfiguration = EngineConfiguration(), clock: TestClock,
        @DeclarationBuilder workflows: () -> [Declaration]
    ) async throws {
        var environment = EngineEnvironment.system(flowThreads: configuration.flowThreads)
        environment.clock = clock
        try await self.init(store: store, configuration: configuration, environment: environment, workflows: workflows)
    }
}
