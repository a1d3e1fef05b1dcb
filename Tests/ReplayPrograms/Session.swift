package import Perdure
package import PerdureMemory
internal import PerdureTesting

/// How programs are run.
package struct SessionSettings: Sendable {
    package var rules: FlowRules = .all
    package var losesLeases = false
    package var maximumInMemory = 20_000
    /// So long until what still goes on is called stuck.
    package var patience: Duration = .seconds(60)

    package init() {}
}

/// An engine over a database in memory, for as long as a closure runs.
package struct Session: Sendable {
    package let database: MemoryDatabase
    package let engine: Engine

    package static func run(
        _ database: MemoryDatabase, _ laboratory: Laboratory, _ settings: SessionSettings, _ body: (Session) async throws -> Void
    ) async throws {
        var configuration = EngineConfiguration()
        // Only `crash` takes a lease away; then the next heartbeat, a fifth of the lease later, notices at the latest.
        configuration.lease = settings.losesLeases ? .seconds(2) : .seconds(60)
        configuration.shutdownGrace = .milliseconds(200)
        configuration.maximumInMemory = settings.maximumInMemory
        configuration.log = { _, _ in }
        var environment = EngineEnvironment.system(flowThreads: 2)
        environment.flowRules = settings.rules
        environment.stepExecutor = ShufflingExecutor.shared
        let engine = try await Engine(store: .memory(database), configuration: configuration, environment: environment) {
            ProgramWorkflow(laboratory)
        }
        try await withEngine(engine) { try await body(Session(database: database, engine: $0)) }
    }

    /// Starts each program, and asks some to cancel at a random moment.
    package func start(_ inputs: [ProgramInput]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for input in inputs {
                let handle = try await engine.start(ProgramWorkflow.self, input)
                guard Generator.program(input).isCancelled else { continue }
                group.addTask {
                    try await Task.sleep(for: .microseconds(Int.random(in: 0...6000)))
                    try await handle.cancel()
                }
            }
            try await group.waitForAll()
        }
    }

    /// Asks workflows to cancel while they are being replayed, or soon after.
    package func cancel(_ numbers: [WorkflowNumber]) async throws {
        for number in numbers {
            for _ in 0..<Int.random(in: 0...20) { await Task.yield() }
            try await engine.client.cancel(Names.publicID(number))
        }
    }

    /// Waits until nothing goes on by itself any more; false if that takes too long.
    package func settle(_ patience: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + patience
        while database.openCount > 0 {
            if ContinuousClock.now > deadline { return false }
            try await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    /// Takes the engine's lease: what it has in memory is dropped, and it goes on as another executor.
    package func crash() async {
        guard let incarnation = engine.client.core.incarnation.withLock({ $0 }) else { return }
        try? await engine.client.core.store.retire(incarnation.id)
    }
}
