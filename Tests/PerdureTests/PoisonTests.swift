import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Makes progress with every step.
private struct Busy: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        var sum = 0
        for index in 0..<3 { sum += try await context.step("step", id: index) { number } }
        return sum
    }
}

/// Does nothing but wait.
private struct Idle: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .days(30)) }
}

/// Is in the same step for as long as the test likes.
private struct Long: Workflow {
    let gate: Gate

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("long") {
            await gate.wait()
            try Task.checkCancellation()
            return number
        }
    }
}

/// Takes its engine down whenever it is run, until it is told not to.
private struct Deadly: Workflow {
    let isHarmless: Lock<Bool>
    let takeDown: @Sendable () async throws -> Void

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        try await context.step("boom") {
            if isHarmless.withLock({ $0 }) { return }
            try await takeDown()
            throw CancellationError()
        }
        return "survived"
    }
}

@Suite(.timeLimit(.minutes(2)))
struct PoisonTests {
    private static let configuration: EngineConfiguration = {
        var configuration = EngineConfiguration.test
        // Longer than a busy machine keeps a thread waiting: a suspect is watched for so long.
        configuration.crashBackoff = .milliseconds(100)
        return configuration
    }()

    /// What is left of an engine whose process has died: nothing, until somebody reaps it.
    @Sendable private static func kill(_ engine: Engine?) async throws {
        guard let id = engine?.client.core.incarnation.withLock({ $0?.id }), let store = engine?.client.core.store else { return }
        do {
            try await waitWhile {
                // Fenced: it has died before, or another was faster.
                try await store.renew(id, lease: .zero)
                return try await !store.reap(ReapRules(limit: 1_000, crashes: configuration.crashes)).executors.contains(id)
            }
        } catch let error as StoreError where error.code == .fenced {}
    }

    /// One of several hundred takes its engine down: it alone is set aside, whatever the others are doing.
    @Test func onlyThePoisonIsSetAside() async throws {
        let (gate, isHarmless) = (Gate(), Lock(false))
        let victim = Lock<Engine?>(nil)
        try await withEngine(store: .memory(), configuration: Self.configuration) {
            Busy()
            Idle()
            Long(gate: gate)
            Deadly(isHarmless: isHarmless) { try await Self.kill(victim.withLock { $0 }) }
        } body: { engine in
            victim.withLock { $0 = engine }
            defer { victim.withLock { $0 = nil } }
            var idle: [WorkflowHandle<Void>] = []
            var long: [WorkflowHandle<Int>] = []
            var busy: [WorkflowHandle<Int>] = []
            for number in 0..<30 {
                idle.append(try await engine.start(Idle.self))
                long.append(try await engine.start(Long.self, number))
            }
            let poison = try await engine.start(Deadly.self)
            for number in 0..<100 { busy.append(try await engine.start(Busy.self, number)) }

            let error = await #expect(throws: WorkflowError.self) { try await poison.result() }
            #expect(error?.code == .setAside)
            let status = try await poison.status()
            #expect(status.state == .setAside && status.crashes == 5)
            #expect(status.reason?.contains("5 times without progress") == true)

            for (number, handle) in busy.enumerated() { #expect(try await handle.result() == 3 * number) }
            gate.open()
            for (number, handle) in long.enumerated() { #expect(try await handle.result() == number) }
            for handle in idle { #expect(try await !handle.status().state.isClosed) }

            isHarmless.withLock { $0 = true }
            #expect(try await poison.resume())
            #expect(try await poison.result() == "survived")
        }
    }

    /// Process after process is killed, and it is nobody's fault: who only waits is never a suspect.
    @Test func whoWaitsIsNotBlamed() async throws {
        try await withEngine(store: .memory(), configuration: Self.configuration) {
            Idle()
        } body: { engine in
            let handle = try await engine.start(Idle.self)
            for _ in 0..<8 {
                // Until it has come to its wait again.
                try await waitWhile {
                    let status = try await handle.status()
                    return status.state != .running || status.crashes > 0
                }
                try await Self.kill(engine)
            }
            #expect(try await handle.status().state != .setAside)
        }
    }
}
