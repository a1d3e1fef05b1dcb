import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A context in the wrong hands: an error that says so, and nothing else.
@Suite(.timeLimit(.minutes(1)))
struct MisuseTests {
    @Test func inTheBodyOfAStep() async throws {
        try await withEngine(store: .memory(), configuration: .patient) {
            Act { context in
                do {
                    return try await context.step("outer") { try await context.step("inner") { "a" } }
                } catch let error as WorkflowError where error.code == .nestedStep {
                    return try await context.step("later") { "recovered: \(error.code)" }
                }
            }
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "recovered: nestedStep")
        }
    }

    @Test func sleepInTheBodyOfAStep() async throws {
        try await withEngine(store: .memory(), configuration: .patient) {
            Act { context in
                do {
                    try await context.step("outer") { try await context.sleep(for: .seconds(1)) }
                    return "not noticed"
                } catch let error as WorkflowError {
                    return error.code.description
                }
            }
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "nestedStep")
        }
    }

    @Test func ofAnotherWorkflow() async throws {
        let lent = Lock<WorkflowContext?>(nil)
        let gate = Gate()
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .patient) {
            Lender { context in
                lent.withLock { $0 = context }
                try await context.step("lend") { await gate.wait() }
                return "lender"
            }
            Act { context in
                let borrowed = try #require(lent.withLock { $0 })
                do {
                    try await borrowed.step("steal") {}
                    return "not noticed"
                } catch let error as WorkflowError {
                    return error.code.description
                }
            }
        } body: { engine in
            let lender = try await engine.start(Lender.self)
            try await waitWhile { lent.withLock({ $0 == nil }) }
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "foreignContext")
            gate.open()
            #expect(try await lender.result() == "lender")
            #expect(database.copy(of: lender.number)?.steps.map(\.key) == ["lend"])
        }
    }

    @Test func afterTheEnd() async throws {
        let kept = Lock<WorkflowContext?>(nil)
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in
                kept.withLock { $0 = context }
                return "ended"
            }
        } body: { engine in
            let act = try await engine.start(Act.self, "")
            #expect(try await act.result() == "ended")
            let context = try #require(kept.withLock { $0 })
            let error = await #expect(throws: WorkflowError.self) { try await context.step("late") {} }
            #expect(error?.code == .ended)
            #expect(try await act.status().state == .completed)
            #expect(database.copy(of: act.number)?.steps.isEmpty == true)
        }
    }

    @Test func twoStepsOfOneNameAtOnce() async throws {
        let result = try await replayed { context in
            async let first = context.step("ship") { 1 }
            async let second = context.step("ship") { 2 }
            let one = try await first
            do {
                return "\(one) \(try await second)"
            } catch let error as WorkflowError {
                return "\(one) \(error.code)"
            }
        }
        #expect(result == "1 ambiguousStep")
    }
}

/// Gives its context away.
private struct Lender: Workflow {
    let code: @Sendable (WorkflowContext) async throws -> String

    init(_ code: @escaping @Sendable (WorkflowContext) async throws -> String) { self.code = code }

    func run(_ input: Void, in context: WorkflowContext) async throws -> String { try await code(context) }
}
