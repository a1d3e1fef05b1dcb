import Perdure

/// Leaves a workflow of `steps` completed steps behind that is not finished.
func record(_ store: Store, steps: Int) async throws {
    let (reached, signal) = AsyncStream.makeStream(of: Void.self)
    try await withEngine(store) {
        StepsThenSleep { signal.finish() }
        ManySteps()
    } _: { engine in
        _ = try await engine.start(StepsThenSleep.self, steps, id: "long")
        for await _ in reached {}
    }
}

/// Seconds from the start of a new engine until it has replayed that workflow up to the first call that is not recorded.
func secondsToReplay(_ store: Store) async throws -> Double {
    let (reached, signal) = AsyncStream.makeStream(of: Void.self)
    let engine = try await Engine(store: store) {
        StepsThenSleep { signal.finish() }
    }
    return try await secondsOf(engine, until: reached)
}

/// Seconds from the start of an engine until that stream has ended; then the engine is closed.
func secondsOf(_ engine: Engine, until reached: AsyncStream<Void>) async throws -> Double {
    let elapsed = try await withThrowingTaskGroup(of: Void.self) { group in
        let elapsed = await seconds {
            group.addTask { try await engine.run() }
            for await _ in reached {}
        }
        group.cancelAll()
        try await group.waitForAll()
        return elapsed
    }
    await engine.close()
    return elapsed
}
