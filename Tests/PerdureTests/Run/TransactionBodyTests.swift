@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Transactions and starts of children whose replies are lost.
@Suite(.timeLimit(.minutes(1)))
struct TransactionBodyTests {
    /// A transaction that was committed without a place in the order, unknown to its engine, gets one from its next attempt.
    ///
    /// The first attempt commits beside a step, and its reply is lost; the second is alone, reserves a place, and finds what is there. Without its
    /// place the next life would deliver it elsewhere. The same if the second fails: what counts is what is there.
    @Test(arguments: [false, true])
    func aLostCommitWithoutAPlaceGetsOne(fails: Bool) async throws {
        let database = MemoryDatabase()
        let (gate, commits, ended) = (Gate(), Counter(), Counter())
        let act = Act { context in
            async let step: Void = context.step("step") { await gate.wait() }
            async let transaction = context.transaction("transaction") { _ in
                // As a second insert of what the first has committed would.
                if fails, commits[] > 0 { throw Unlisted(code: 1) }
                return "committed"
            }
            try await step
            ended.add()
            let result = try await transaction
            try await context.step("after") {}
            return result
        }
        try await withEngine(store: .memory(database), configuration: .patient) {
            act
        } body: { engine in
            database.faults = { operation in
                switch (operation.kind, operation.moment) {
                case (.transactionCommit, .after) where commits.add() == 1:
                    gate.open()
                    return StoreError(.unavailable, "injected")
                // No other attempt before the step has ended.
                case (.begin, .before) where commits[] > 0 && ended[] == 0: return StoreError(.unavailable, "injected")
                default: return nil
                }
            }
            let handle = try await engine.start(Act.self, "")
            let result = try await handle.result()
            #expect(result == "committed")
            let history = try await engine.client.core.store.history(of: handle.number, after: 0, limit: 10)
            #expect(history.map(\.key) == ["step", "@order#2", "after"])
        }
    }

    /// A start under an id is sent again as it was, or it would be taken for another's.
    @Test func theStartOfAChildIsSentAgainAsItWas() async throws {
        let database = MemoryDatabase()
        let (starts, clock) = (Counter(), TestClock())
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            Act { context in
                if context.workflowID == "child" { return "started" }
                return try await context.child(Act.self, "", id: "child")
            }
        } body: { engine in
            _ = try await engine.registered()
            database.faults = { operation in
                guard operation.kind == .start, operation.moment == .after, starts.add() == 1 else { return nil }
                clock.advance(by: .seconds(1))
                return StoreError(.unavailable, "injected")
            }
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "started")
        }
    }

    /// A transaction elsewhere whose checkpoint cannot be read is ended: its connection is one of a few.
    @Test func aTransactionThatFailsAtItsCheckpointIsRolledBack() async throws {
        let counter = Counter()
        try await withEngine(store: .memory(), configuration: .patient) {
            Act { context in
                try await context.transaction("elsewhere", on: Database { _, _ throws(StoreError) in Elsewhere(counter: counter) }) { _ in
                    "done"
                }
            }
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "done")
            #expect(counter["begun"] == 3)
            #expect(counter["rolled back"] == 2)
        }
    }
}

/// The first two reads of a checkpoint fail.
private struct Elsewhere: OpenTransaction {
    let counter: Counter

    init(counter: Counter) {
        self.counter = counter
        counter.add("begun")
    }

    func recorded(_ workflow: WorkflowNumber, _ key: String) async throws(StoreError) -> StepRecord? {
        if counter.add("read") <= 2 { throw StoreError(.transient, "injected") }
        return nil
    }

    func commit(_ checkpoint: StepRecord?, hadPending: Bool) async throws(StoreError) -> CommandResult { .done }
    func rollback() async -> StoreError? {
        counter.add("rolled back")
        return nil
    }
    func execute(_ sql: SQL) async throws(StoreError) -> Int { 0 }
    func query(_ sql: SQL) async throws(StoreError) -> SQLRows { SQLRows(columns: [], rows: []) }
    func start(_ starts: [(WorkflowRecord, IDPolicies)]) async throws(StoreError) -> [StartResult] { [] }
    func add(_ items: [BatchItem]) async throws(StoreError) {}
    func send(_ items: [InboxItem]) async throws(StoreError) -> [SendResult] { [] }
    func deliver(_ items: [InboxItem]) async throws(StoreError) {}
    func number(ofID id: String) async throws(StoreError) -> WorkflowNumber? { nil }
    func status(of number: WorkflowNumber) async throws(StoreError) -> StatusRecord? { nil }
    func succeed(_ succession: Succession) async throws(StoreError) -> SuccessionResult { .unknown }
    func resume(_ number: WorkflowNumber) async throws(StoreError) -> Bool { false }
}
