@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// What goes wrong again and again is said, and not each time.
@Suite(.timeLimit(.minutes(1)))
struct ComplaintTests {
    @Test(arguments: [StoreError.Code.transient, .unavailable, .full])
    func aCommitThatIsSentAgainIsLogged(code: StoreError.Code) async throws {
        let (failed, database, clock) = (Counter(), MemoryDatabase(), TestClock())
        let said = Lock<[String]>([])
        var configuration = EngineConfiguration.patient
        configuration.log = { level, message in
            if level == .warning { said.withLock { $0.append(message) } }
        }
        try await withEngine(store: .memory(database), configuration: configuration, clock: clock) {
            Act { context in try await context.step("step") { "done" } }
        } body: { engine in
            database.faults = { operation in
                guard operation.kind == .commit, operation.moment == .before, failed.add() <= 6 else { return nil }
                // Half of the failures come within a moment, the others later.
                if failed[] == 4 { clock.advance(by: .minutes(1)) }
                return StoreError(code, "injected")
            }
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "done")
        }
        let commits = said.withLock { $0.filter { $0.contains("a commit of 1 commands waits and is sent again: injected") } }
        #expect(commits.count == 2, "\(commits)")
        #expect(commits.last?.contains("2 times more") == true, "\(commits)")
    }

    @Test func eachKindOfComplaintHasItsOwnTurn() {
        var throttle = LogThrottle<String>()
        let now = ContinuousClock.now
        let admitted = [
            throttle.admit("a", at: now), throttle.admit("b", at: now + .seconds(1)), throttle.admit("a", at: now + .seconds(2)),
            throttle.admit("a", at: now + .seconds(9)), throttle.admit("b", at: now + .seconds(10)),
            throttle.admit("a", at: now + .seconds(10)),
            throttle.admit("a", at: now + .seconds(11)), throttle.admit("a", at: now + .seconds(90)),
        ]
        #expect(admitted == [0, 0, nil, nil, nil, 2, nil, 1])
    }

    /// Also the loops that claim, renew and reap.
    @Test func aClaimThatFailsForAMomentIsLogged() async throws {
        let database = MemoryDatabase()
        let said = Counter()
        var configuration = EngineConfiguration.patient
        configuration.log = { _, message in
            if message.contains("workflows could not be claimed") { said.add() }
        }
        try await withEngine(store: .memory(database), configuration: configuration) {
            Act { _ in "" }
        } body: { engine in
            database.faults = { operation in
                operation.kind == .scout && operation.moment == .before ? StoreError(.transient, "injected") : nil
            }
            let client = try await Client(store: .memory(database), configuration: configuration)
            let handle = try await client.start(Act.self, "")
            try await waitWhile { said[] == 0 }
            database.faults = nil
            _ = try await handle.result()
            #expect(said[] == 1)
            await client.close()
        }
    }
}
