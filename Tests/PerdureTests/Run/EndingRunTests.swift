@testable import Perdure
import PerdureMemory
import PerdureTesting
import ReplayPrograms
import Testing

/// Runs that leave memory, and bodies that outlive them.
@Suite(.timeLimit(.minutes(1)))
struct EndingRunTests {
    /// An engine that is to end does not wait for what a step waits for, and begins no other attempt.
    @Test func aBackoffHoldsUpNoEnd() async throws {
        let ran = Counter()
        let clock = TestClock()
        var configuration = EngineConfiguration.patient
        configuration.shutdownGrace = .days(1)
        try await withEngine(store: .memory(), configuration: configuration, clock: clock) {
            Act { context in
                try await context.step("call", retry: .fixed(attempts: 2, interval: .hours(1))) {
                    ran.add()
                    throw Unlisted(code: 1)
                }
                return ""
            }
        } body: { engine in
            let handle = try await engine.start(Act.self, "")
            try await waitWhile { try await handle.status().pendingSteps.isEmpty }
        }
        #expect(ran[] == 1)
    }

    /// What was being started when the engine was told to end begins nothing, although the engine still waits for a body.
    @Test func whatArrivesAtTheEndBeginsNothing() async throws {
        let database = MemoryDatabase()
        let (begun, gate, held, reply, ran) = (Gate(), Gate(), Gate(), Blocker(), Counter())
        var configuration = EngineConfiguration.patient
        configuration.shutdownGrace = .days(1)
        let engine = try await Engine(store: .memory(database), configuration: configuration, clock: TestClock()) {
            Act { context in
                if context.workflowID == "first" {
                    try await context.step("wait") {
                        begun.open()
                        await Task { await gate.wait() }.value
                    }
                } else {
                    try await context.step("late") { ran.add() }
                }
                return ""
            }
        }
        let running = Task { try await engine.run() }
        let incarnation = try await engine.registered()
        _ = try await engine.start(Act.self, "", id: "first")
        await begun.wait()
        database.faults = { operation in
            let starts = operation.commands.contains { if case .start = $0 { true } else { false } }
            if starts, operation.moment == .after {
                held.open()
                reply.wait()
            }
            return nil
        }
        let starting = Task { try await engine.start(Act.self, "") }
        await held.wait()
        running.cancel()
        try await waitWhile { !incarnation.isEnding }
        reply.open()
        _ = try await starting.value
        try await waitWhile { engine.statistics.started < 2 }
        gate.open()
        try await running.value
        #expect(ran[] == 0)
        await engine.close()
    }

    /// The pool of threads was busy: when it comes to the next attempt, its run has left.
    @Test(arguments: ["first", "second"])
    func noAttemptBeginsWhenItsRunHasLeft(attempt: String) async throws {
        let (ran, clock, bodies) = (Counter(), TestClock(), HoldingExecutor())
        var environment = EngineEnvironment.system(flowThreads: 1)
        environment.clock = clock
        environment.stepExecutor = bodies
        let engine = try await Engine(store: .memory(), configuration: .patient, environment: environment) {
            Act { context in
                try await context.step("call", retry: .fixed(attempts: 2, interval: .hours(1))) {
                    ran.add()
                    throw Unlisted(code: 1)
                }
                return ""
            }
        }
        try await withEngine(engine) { engine in
            if attempt == "first" { bodies.hold() }
            let incarnation = try await engine.registered()
            let handle = try await engine.start(Act.self, "")
            if attempt == "second" {
                try await waitWhile { try await handle.status().pendingSteps.isEmpty }
                bodies.hold()
            }
            try await waitWhile {
                clock.advance(by: .hours(1))
                return bodies.held == 0
            }
            let run = try #require(incarnation.residency.withLock { $0.runs[handle.number] })
            run.drop()
            // Unwound: the body's task is cancelled.
            try await waitWhile { run.state.withLock({ $0.rootResult == nil }) }
            bodies.letGo()
            #expect(ran[] == (attempt == "first" ? 0 : 1))
        }
    }

    /// A run whose code has returned when its history turns out to be another's is let go of.
    @Test func aRunThatIsSetAsideAfterItsCodeHasReturnedIsFreed() async throws {
        let database = MemoryDatabase()
        let number = Lock<WorkflowNumber>(0)
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in
                try await context.step("gone") {}
                return ""
            }
        } body: { engine in
            let handle = try await engine.start(Act.self, "")
            _ = try await handle.result()
            number.withLock { $0 = handle.number }
        }
        let recorded = try #require(database.copy(of: number.withLock { $0 }))
        let second = MemoryDatabase()
        second.insert(recorded.reopened(keeping: 1))
        let seen = WeakRun()
        try await withEngine(store: .memory(second), configuration: .patient) {
            Act { context in
                seen.run.withLock { $0.value = context.run }
                return ""
            }
        } body: { engine in
            let handle = try await engine.handle(of: Act.self, id: Names.publicID(recorded.record.number))
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
            try await waitWhile { seen.run.withLock({ $0.value != nil }) }
        }
    }
}

private final class WeakRun: Sendable {
    struct Reference { weak var value: Run? }
    let run = Lock(Reference())
}

/// Runs the bodies of steps at once, or when it is told.
private final class HoldingExecutor: TaskExecutor {
    private struct State {
        var holds = false
        var jobs: [UnownedJob] = []
    }
    private let state = Lock(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isHeld = state.withLock { state in
            if state.holds { state.jobs.append(job) }
            return state.holds
        }
        if !isHeld { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    func hold() { state.withLock { $0.holds = true } }
    var held: Int { state.withLock { $0.jobs.count } }

    /// Returns when all that was held has run, up to where it waits again.
    func letGo() {
        let jobs = state.withLock { state in
            state.holds = false
            return state.jobs
        }
        for job in jobs { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
