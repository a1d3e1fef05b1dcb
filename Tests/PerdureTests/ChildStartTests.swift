import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Guarded: Workflow {
    let ran: Counter
    let gate: Gate

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        ran.add("run")
        return try await context.step("body") {
            ran.add("body")
            await gate.wait()
            return number * 2
        }
    }
}

private struct Guardian: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> Int { try await context.child(Guarded.self, 21, id: "ward") }
}

/// Starts of children whose replies are lost.
@Suite(.timeLimit(.minutes(1)))
struct ChildStartTests {
    /// When it asks again, it asks for the same: a start that differed would be taken for a stranger's.
    @Test func aStartWhoseReplyWasLostIsRecognized() async throws {
        let database = MemoryDatabase()
        let (ran, gate, lost) = (Counter(), Gate(), Counter())
        gate.open()
        try await withEngine(store: .memory(database), configuration: .test) {
            Guardian()
            Guarded(ran: ran, gate: gate)
        } body: { engine in
            let handle = try await engine.start(Guardian.self)
            database.faults = { operation in
                guard operation.kind == .start, operation.moment == .after, lost.add() <= 3 else { return nil }
                return StoreError(.unavailable, "lost")
            }
            #expect(try await handle.result() == 42)
        }
        #expect(lost[] > 3)
    }

    /// The parent ends while nobody knows whether its child has been started; it has, and follows its policy.
    @Test func theChildOfAParentThatHasEndedMeanwhileIsEnded() async throws {
        let database = MemoryDatabase()
        let (ran, gate, lost) = (Counter(), Gate(), Counter())
        try await withEngine(store: .memory(database), configuration: .patient) {
            Guardian()
            Guarded(ran: ran, gate: gate)
        } body: { engine in
            let handle = try await engine.start(Guardian.self)
            database.faults = { operation in
                guard operation.kind == .start, operation.moment == .after else { return nil }
                lost.add()
                return StoreError(.unavailable, "lost")
            }
            try await waitWhile { lost[] == 0 }
            try await handle.terminate()
            try await waitWhile { try await !handle.status().state.isClosed }
            let child = try await engine.handle(of: Guarded.self, id: "ward")
            try await waitWhile { try await !child.status().state.isClosed }
            gate.open()
        }
    }

    @Test func onlyWhatFollowsItsParentHasItsDeadline() async throws {
        let gate = Gate()
        let parent = Act { context in
            let follower = try await context.startChild(Guarded.self, 1, id: "follower")
            _ = try await context.startChild(Guarded.self, 2, id: "survivor", onClose: .abandon)
            return try await follower.result().description
        }
        try await withEngine(store: .memory(), configuration: .patient) {
            parent
            Guarded(ran: Counter(), gate: gate)
        } body: { engine in
            let handle = try await engine.start(Act.self, "", options: StartOptions(timeout: .hours(1)))
            let deadline = try await handle.status().deadlineAt
            #expect(deadline != nil)
            for (id, expected) in [("follower", deadline), ("survivor", nil)] {
                try await waitWhile { await (try? engine.client.status(of: id)) == nil }
                let status = try await engine.client.status(of: id)
                #expect(status.deadlineAt == expected)
            }
            gate.open()
            #expect(try await handle.result() == "2")
        }
    }

    /// The first start's reply is lost, so a sweep finds the child and runs it; it has ended when the reply to the second comes.
    @Test func aChildThatHasEndedBeforeItsStartIsKnownDoesNotRunAgain() async throws {
        let database = MemoryDatabase()
        let (ran, gate, asked) = (Counter(), Gate(), Counter())
        try await withEngine(store: .memory(database), configuration: .test) {
            Guardian()
            Guarded(ran: ran, gate: gate)
        } body: { engine in
            let residents: @Sendable () -> Int = {
                engine.client.core.incarnation.withLock { $0 }?.residency.withLock { $0.runs.count } ?? 0
            }
            database.faults = { operation in
                guard operation.kind == .start, operation.executor != nil else { return nil }
                switch operation.moment {
                case .before:
                    // Not before the sweep has found what the first attempt had begun.
                    guard asked["after"] > 0, residents() < 2 else { return nil }
                    return StoreError(.unavailable, "not yet")
                case .after:
                    if asked.add("after") == 1 { return StoreError(.unavailable, "lost") }
                    gate.open()
                    while residents() > 1 { Thread.sleep(forTimeInterval: 0.001) }
                    return nil
                }
            }
            let result = try await engine.start(Guardian.self).result()
            #expect(result == 42)
        }
        #expect(ran["run"] == 1)
        #expect(ran["body"] == 1)
    }
}
