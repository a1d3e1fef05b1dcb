import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// What is durable of a step before it has ended.
@Suite(.timeLimit(.minutes(1)))
struct PendingRowTests {
    /// While nothing can be written, what is to be written does not pile up.
    @Test func progressIsKeptOnceWhileTheDatabaseIsAway() async throws {
        let (database, clock, written) = (MemoryDatabase(), TestClock(), Counter())
        let isAway = Lock(false)
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            Act { context in
                try await context.step("long") { step in
                    isAway.withLock { $0 = true }
                    for index in 0..<100 {
                        try step.heartbeat(index)
                        clock.advance(by: .seconds(2))
                    }
                    isAway.withLock { $0 = false }
                    return "done"
                }
            }
        } body: { engine in
            database.faults = { operation in
                guard operation.kind == .commit, operation.moment == .before else { return nil }
                if isAway.withLock({ $0 }) { return StoreError(.unavailable, "away") }
                for case .pending in operation.commands { written.add() }
                return nil
            }
            let turning = Task {
                while !Task.isCancelled {
                    clock.advance(by: .seconds(1))
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            defer { turning.cancel() }
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "done")
            #expect((1...3).contains(written[]))
        }
    }

    /// The time for all attempts goes on when the process dies in the first.
    @Test func theTotalTimeoutOutlivesTheProcess() async throws {
        let (database, clock, ran) = (MemoryDatabase(), TestClock(), Counter())
        let gate = Gate()
        let act = Act { context in
            do {
                return try await context.step("long", totalTimeout: .hours(1)) {
                    ran.add()
                    await gate.wait()
                    try Task.checkCancellation()
                    return "done"
                }
            } catch let error as WorkflowError {
                return error.code.rawValue
            }
        }
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            act
        } body: { engine in
            let handle = try await engine.start(Act.self, "", id: "act")
            try await waitWhile { ran[] == 0 }
            try await waitWhile { try await handle.status().pendingSteps.isEmpty }
            clock.advance(by: .minutes(50))
        }
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            act
        } body: { engine in
            let handle = try await engine.handle(of: Act.self, id: "act")
            try await waitWhile { ran[] < 2 }
            clock.advance(by: .minutes(11))
            #expect(try await handle.result() == "timedOut")
        }
    }
}
