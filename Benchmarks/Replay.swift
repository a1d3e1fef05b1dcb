import Perdure

/// Seconds until a new engine has replayed a workflow of `steps` completed steps, from its claim to the first call that is not recorded.
func secondsToReplay(_ store: Store, steps: Int) async throws -> Double {
    let (first, reachedFirst) = AsyncStream.makeStream(of: Void.self)
    try await withEngine(store) {
        StepsThenSleep { reachedFirst.finish() }
        ManySteps()
    } _: { engine in
        _ = try await engine.start(StepsThenSleep.self, steps, id: "long")
        for await _ in first {}
    }
    let (second, reachedSecond) = AsyncStream.makeStream(of: Void.self)
    let engine = try await Engine(store: store) {
        StepsThenSleep { reachedSecond.finish() }
    }
    let elapsed = try await withThrowingTaskGroup(of: Void.self) { group in
        let elapsed = await seconds {
            group.addTask { try await engine.run() }
            for await _ in second {}
        }
        group.cancelAll()
        try await group.waitForAll()
        return elapsed
    }
    await engine.close()
    return elapsed
}
