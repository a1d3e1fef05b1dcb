@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Deed: Workflow {
    let ran: Counter

    func run(_: Void, in context: WorkflowContext) async throws {
        ran.add("begun")
        try await context.step("deed") { ran.add("deed") }
    }
}

private struct Thought: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .milliseconds(1)) }
}

/// No step begins on a lease that may have run out.
@Suite(.timeLimit(.minutes(1)))
struct TenureTests {
    @Test func itHoldsAsLongAsTheLease() async {
        let clock = TestClock()
        let tenure = Tenure(until: clock.instant() + .seconds(10), clock: clock)
        #expect(await tenure.holds())
        tenure.extend(until: clock.instant() + .seconds(20))
        clock.advance(by: .seconds(15))
        #expect(await tenure.holds())
        tenure.end()
        #expect(await !tenure.holds())
    }

    @Test func inDoubtItWaitsForTheAnswer() async throws {
        for isRenewed in [true, false] {
            let clock = TestClock()
            let tenure = Tenure(until: clock.instant(), clock: clock)
            let asked = Lock(false)
            async let holds = {
                asked.withLock { $0 = true }
                return await tenure.holds()
            }()
            try await waitWhile { !asked.withLock({ $0 }) }
            if isRenewed { tenure.extend(until: clock.instant() + .seconds(10)) } else { tenure.end() }
            #expect(await holds == isRenewed)
        }
    }

    /// As after a freeze: the lease is over by the engine's clock, and nobody has said yet whether others have taken over.
    @Test func aStepWaitsUntilAHeartbeatIsAnswered() async throws {
        let database = MemoryDatabase()
        let clock = TestClock()
        let ran = Counter()
        let silent = Counter()
        var configuration = EngineConfiguration.test
        configuration.lease = .seconds(600)
        try await withEngine(store: .memory(database), configuration: configuration, clock: clock) {
            Deed(ran: ran)
            Thought()
        } body: { engine in
            try await engine.start(Deed.self).result()
            database.faults = { operation in
                guard operation.kind == .renew, operation.moment == .before else { return nil }
                silent.add()
                return StoreError(.unavailable, "nobody answers")
            }
            clock.advance(by: .seconds(601))
            let handle = try await engine.start(Deed.self)
            try await waitWhile { ran["begun"] < 2 || silent[] == 0 }
            // Whatever has no body goes on.
            for _ in 0..<20 { try await engine.start(Thought.self).result() }
            #expect(ran["deed"] == 1)
            database.faults = nil
            clock.advance(by: .seconds(300))
            try await handle.result()
            #expect(ran["deed"] == 2)
        }
    }
}
