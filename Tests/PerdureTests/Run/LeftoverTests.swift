@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Numbered: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int { number }
}

/// Another engine runs it, in a body that does not listen: whoever waits for it waits, also when cancelled.
private struct Elsewhere: Workflow {
    let gate: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        try await context.step("deaf") { await Task { await gate.wait() }.value }
        return ""
    }
}

/// Rows of `inbox` and `pending` that have served go at once, not with the end of their workflow: an inbox row wakes it again and again.
@Suite(.timeLimit(.minutes(1)))
struct LeftoverTests {
    /// Is cancelled, and works on in a body that does not listen.
    private static func deaf(_ gate: Gate) -> Act {
        Act { context in
            try await context.step("deaf") { await Task { await gate.wait() }.value }
            return "declined"
        }
    }

    @Test func aSecondCancelIsConsumed() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        try await withEngine(store: .memory(database), configuration: .test) {
            Self.deaf(gate)
        } body: { engine in
            // Owned from the first moment: what is cancelled before it has begun ends without running.
            _ = try await engine.registered()
            let handle = try await engine.start(Act.self, "")
            for _ in 0..<3 {
                try await handle.cancel()
                try await waitWhile { database.copy(of: handle.number)?.inbox.isEmpty != true }
                #expect(database.isRecorded("@cancel", of: handle.number))
            }
            gate.open()
            #expect(try await handle.result() == "declined")
            #expect(database.copy(of: handle.number)?.steps.count { $0.kind == .cancel } == 1)
        }
    }

    @Test func aCancelBesideOneThatAnEarlierLifeHasRecordedIsConsumed() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        let parent = Act { context in try await context.child(Elsewhere.self) }
        try await withEngine(store: .memory(database), configuration: .test) {
            Elsewhere(gate: gate)
        } body: { _ in
            try await withEngine(store: .memory(database), configuration: .test) {
                parent
            } body: { engine in
                _ = try await engine.registered()
                let handle = try await engine.start(Act.self, "", id: "act")
                // The child is in its body, so the parent waits for it.
                try await waitWhile { !gate.isReached }
                try await handle.cancel()
                try await waitWhile { !database.isRecorded("@cancel", of: handle.number) }
            }
            try await withEngine(store: .memory(database), configuration: .test) {
                parent
            } body: { engine in
                let handle = try await engine.handle(of: Act.self, id: "act")
                try await handle.cancel()
                try await waitWhile { database.copy(of: handle.number)?.inbox.isEmpty != true }
                let status = try await handle.status()
                #expect(!status.state.isClosed)
                gate.open()
            }
        }
    }

    /// The result of a step that had failed before is refused.
    @Test func aRefusedResultTakesItsPendingRowWithIt() async throws {
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .test) {
            Act { context in
                do {
                    return try await context.step("flaky", retry: .fixed(attempts: 2, interval: .zero)) { step in
                        if step.attempt == 1 { throw Unlisted(code: 1) }
                        return "refused"
                    }
                } catch let error as WorkflowError where error.code == .rejected {
                    let left = try await context.step("look") { database.pending(of: context.run.number).map(\.key) }
                    return "left: \(left)"
                }
            }
        } body: { engine in
            database.faults = Self.refusing { $0.key == "flaky" && $0.error == nil }
            let told = try await engine.start(Act.self, "").result()
            #expect(told == "left: []")
        }
    }

    /// The result of a child, which came into the inbox, is refused.
    @Test func aRefusedResultOfAChildTakesItsInboxRowWithIt() async throws {
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .test) {
            Numbered()
            Act { context in
                do {
                    return "\(try await context.child(Numbered.self, 1))"
                } catch let error as WorkflowError where error.code == .rejected {
                    let left = try await context.step("look") { database.copy(of: context.run.number)?.inbox.count ?? -1 }
                    return "left: \(left)"
                }
            }
        } body: { engine in
            database.faults = Self.refusing { $0.kind == .childResult && $0.error == nil }
            let told = try await engine.start(Act.self, "").result()
            #expect(told == "left: 0")
        }
    }

    private static func refusing(_ isRefused: @escaping @Sendable (StepRecord) -> Bool) -> MemoryFaults {
        { operation in
            let refused = operation.commands.contains { if case .step(let row, _, _) = $0 { isRefused(row) } else { false } }
            return operation.moment == .before && refused ? StoreError(.rejected, "injected") : nil
        }
    }

    /// In its next life a step that was backing off is cancelled by what is recorded, before it could begin.
    @Test func aHeldStepThatIsCancelledTakesItsPendingRowWithIt() async throws {
        let database = MemoryDatabase()
        let act = Act { context in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    try? await context.step("call", retry: .fixed(attempts: 9, interval: .hours(1))) { throw Unlisted(code: 1) }
                }
                group.addTask { try? await context.step("other") {} }
                await group.next()
                group.cancelAll()
            }
            let left = try await context.step("look") { database.pending(of: context.run.number).map(\.key) }
            return "left: \(left)"
        }
        let client = try await Client(store: .memory(database), configuration: .test)
        let number = try await Self.earlierLife(client.core.store)
        try await withEngine(store: .memory(database), configuration: .test) {
            act
        } body: { engine in
            let told = try await engine.handle(of: Act.self, id: Names.publicID(number)).result()
            #expect(told == "left: []")
        }
        let call = try #require(database.copy(of: number)?.steps.first { $0.key == "call" })
        #expect(call.attempts == 3)
        #expect(call.started == 7)
        await client.close()
    }

    /// Died when `other` had completed, and `call` had failed three times.
    private static func earlierLife(_ store: any StoreBackend) async throws -> WorkflowNumber {
        let number = try await store.numberBlock().first
        try await store.register(77, label: "an earlier life", lease: .seconds(60))
        let writer = try await store.writer(0, for: 77)
        _ = try await writer.commit([
            .start(
                WorkflowRecord(
                    number: number, lane: Lane(workflow: "act"), input: EncodedPayload(codec: 1, bytes: Array("\"\"".utf8)), created: 5)),
            .pending(PendingRecord(workflow: number, key: "call", attempt: 3, started: 7, due: .max)),
            .step(StepRecord(workflow: number, key: "other", order: 1, kind: .step, output: .void, started: 8, finished: 9)),
        ])
        await writer.close()
        try await store.retire(77)
        return number
    }
}
