public import Perdure

/// Runs `body` beside an engine that runs workflows, and ends the engine afterwards, whatever becomes of the body.
///
/// ```swift
/// @Test func aReminderIsSentAfterAMonth() async throws {
///     let clock = TestClock()
///     try await withEngine(store: .memory(), clock: clock) {
///         Reminder(mailer: mailer)
///     } body: { engine in
///         let reminder = try await engine.start(Reminder.self, "order-1")
///         clock.advance(by: .days(30))
///         try await reminder.result()
///     }
/// }
/// ```
///
/// What is unfinished stays in the store: a second call with the same store goes on with it, as another process would.
///
/// - Parameters:
///   - store: Where the workflows are kept.
///   - configuration: How the engine behaves. With a short `shutdownGrace` a test does not wait for bodies that it leaves running.
///   - clock: What the workflows' timers, timeouts and back-offs go by.
///   - workflows: What the engine runs.
///   - body: The test.
/// - Throws: What the body throws, or what opening or running the engine does.
public func withEngine(
    store: Store, configuration: EngineConfiguration = EngineConfiguration(), clock: TestClock = TestClock(),
    @DeclarationBuilder workflows: () -> [Declaration], body: (Engine) async throws -> Void
) async throws {
    let engine = try await Engine(store: store, configuration: configuration, clock: clock, workflows: workflows)
    try await withEngine(engine, body: body)
}

/// Runs `body` beside an engine that was made beforehand; see ``withEngine(store:configuration:clock:workflows:body:)``.
///
/// Nothing may be asked of the engine afterwards: it is closed.
public func withEngine(_ engine: Engine, body: (Engine) async throws -> Void) async throws {
    let error: (any Error)? = await withTaskGroup(of: (any Error)?.self) { group in
        group.addTask { await failure(of: { try await engine.run() }) }
        let failed = await failure(of: { try await body(engine) })
        group.cancelAll()
        // An engine that did not run explains more than a body that got nowhere.
        return await group.next().flatMap(\.self) ?? failed
    }
    await engine.close()
    if let error { throw error }
}

private func failure(of body: () async throws -> Void) async -> (any Error)? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}
