import Perdure
import PerdureMemory
import Testing

private struct Working: Workflow {
    let begun: Gate
    let gate: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        let result = try await context.step("work") {
            begun.open()
            await gate.wait()
            return "worked"
        }
        try await context.step("more") {}
        return result
    }
}

private struct Idle: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .days(30)) }
}

@Suite(.timeLimit(.minutes(2)))
struct ShutdownTests {
    private func engine(_ database: MemoryDatabase, grace: Duration, _ begun: Gate, _ gate: Gate) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.lease = .seconds(600)
        configuration.shutdownGrace = grace
        return try await Engine(store: .memory(database), configuration: configuration) {
            Working(begun: begun, gate: gate)
            Idle()
        }
    }

    /// While a body runs, what only waits goes to others; the body's result is kept.
    @Test func whatWaitsIsHandedBackWhileABodyRuns() async throws {
        let (database, begun, gate) = (MemoryDatabase(), Gate(), Gate())
        let engine = try await engine(database, grace: .seconds(600), begun, gate)
        let client = try await Client(store: .memory(database))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            let busy = try await engine.start(Working.self, id: "busy")
            let idle = try await engine.start(Idle.self)
            await begun.wait()
            engine.gracefulShutdown()
            try await waitWhile { try await idle.status().state != .queued }
            #expect(try await busy.status().state == .running)
            gate.open()
            try await group.waitForAll()
        }
        await engine.close()
        // The step is recorded, and the next did not begin.
        let number = try #require(try await client.core.store.number(ofID: "busy"))
        let loaded = try await client.core.store.load([number], limit: 9)
        #expect(loaded.first?.history.map(\.key) == ["work"])
        #expect(try await client.status(of: "busy").state == .queued)
        await client.close()
    }

    @Test func aSecondRequestEndsTheGracePeriod() async throws {
        let (database, begun, gate) = (MemoryDatabase(), Gate(), Gate())
        let engine = try await engine(database, grace: .seconds(600), begun, gate)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            let busy = try await engine.start(Working.self, id: "busy")
            await begun.wait()
            engine.gracefulShutdown()
            engine.gracefulShutdown()
            try await group.waitForAll()
            let status = try await busy.status()
            #expect(status.state == .queued && status.crashes == 0)
        }
        gate.open()
        await engine.close()
    }

    @Test func aRequestBeforeTheRunCountsOnce() async throws {
        let (database, begun, gate) = (MemoryDatabase(), Gate(), Gate())
        gate.open()
        let engine = try await engine(database, grace: .seconds(600), begun, gate)
        engine.gracefulShutdown()
        try await engine.run()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            #expect(try await engine.start(Working.self).result() == "worked")
            engine.gracefulShutdown()
            try await group.waitForAll()
        }
        await engine.close()
    }

    /// Each time it cannot register it waits longer; a request does not wait with it.
    @Test func anEngineThatCannotRegisterEnds() async throws {
        let (database, begun, gate) = (MemoryDatabase(), Gate(), Gate())
        let engine = try await engine(database, grace: .seconds(600), begun, gate)
        let tried = Gate()
        database.faults = { operation in
            guard operation.kind == .register else { return nil }
            tried.open()
            return StoreError(.unavailable, "injected")
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await tried.wait()
            engine.gracefulShutdown()
            try await group.waitForAll()
        }
        await engine.close()
    }
}
