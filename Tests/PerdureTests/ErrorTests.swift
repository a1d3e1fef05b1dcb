import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Catches what a step throws and tells it.
private struct Catcher: Workflow {
    static let errors: [any (Error & Codable & Sendable).Type] = [Refused.self]
    let ran: Counter
    let gate: Gate

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        var told = ""
        do {
            try await context.step("fails") {
                ran.add()
                if kind == "listed" { throw Refused(code: 7) }
                if kind == "cancellation" { throw CancellationError() }
                throw Unlisted(code: 8)
            }
        } catch let error as Refused {
            told = "Refused \(error.code)"
        } catch let error as RecordedError {
            told = "\(error.type) | \(error.message)"
        } catch is CancellationError {
            told = "CancellationError"
        }
        // The second half runs in a second life: what was caught must be the same.
        try await context.step("wait") { await gate.wait() }
        return told
    }
}

private struct Thrower: Workflow {
    static let errors: [any (Error & Codable & Sendable).Type] = [Refused.self]

    func run(_ kind: String, in context: WorkflowContext) async throws {
        switch kind {
        case "listed": throw Refused(code: 3)
        case "step": try await context.step("fails") { throw Refused(code: 4) }
        default: throw Unlisted(code: 5)
        }
    }
}

private struct NotANumber: Workflow {
    let ran: Counter

    func run(_ attempts: Int, in context: WorkflowContext) async throws -> Double {
        try await context.step("nan", retry: .fixed(attempts: 5, interval: .milliseconds(1))) {
            ran.add()
            return Double.nan
        }
    }
}

private struct Large: Workflow {
    func run(_ bytes: Int, in context: WorkflowContext) async throws -> String {
        try await context.step("large") { String(repeating: "x", count: bytes) }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ErrorTests {
    @Test(arguments: [
        ("listed", "Refused 7"), ("unlisted", "Unlisted | Unlisted(code: 8)"), ("cancellation", "CancellationError"),
    ])
    func whatIsCaughtIsTheSameInTheNextLife(kind: String, told: String) async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        let gate = Gate()
        // The first life ends while the second step waits.
        try await withEngine(store: .memory(database), configuration: .test) {
            Catcher(ran: ran, gate: Gate())
        } body: { engine in
            _ = try await engine.start(Catcher.self, kind, id: "w")
            try await waitWhile { try await engine.client.status(of: "w").state != .running }
            try await waitWhile { ran[] == 0 }
        }
        gate.open()
        try await withEngine(store: .memory(database), configuration: .test) {
            Catcher(ran: ran, gate: gate)
        } body: { engine in
            let result = try await engine.handle(of: Catcher.self, id: "w").result()
            #expect(result == told)
        }
        #expect(ran[] == 1 || ran[] == 2, "a completed step never runs again; one that was cut off may")
    }

    @Test func aHandleThrowsWhatTheWorkflowThrew() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Thrower()
        } body: { engine in
            await #expect(throws: Refused(code: 3)) { try await engine.start(Thrower.self, "listed").result() }
            await #expect(throws: Refused(code: 4)) { try await engine.start(Thrower.self, "step").result() }
            await #expect(throws: RecordedError(type: "Unlisted", message: "Unlisted(code: 5)")) {
                try await engine.start(Thrower.self, "unlisted").result()
            }
        }
    }

    @Test func aResultThatCannotBeEncodedIsRecordedNotRetried() async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            NotANumber(ran: ran)
        } body: { engine in
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(NotANumber.self, 1).result() }
            #expect(error?.code == .unencodable)
        }
        #expect(ran[] == 1)
    }

    @Test func theLimitAppliesAfterEncoding() async throws {
        var configuration = EngineConfiguration.test
        configuration.payloadLimit = 1_000
        try await withEngine(store: .memory(), configuration: configuration) {
            Large()
        } body: { engine in
            let fits = try await engine.start(Large.self, 998).result()
            #expect(fits.count == 998)
            let error = await #expect(throws: WorkflowError.self) { try await engine.start(Large.self, 999).result() }
            #expect(error?.code == .payloadTooLarge)
            #expect(error?.message.contains("payloadLimit") == true)
        }
    }
}
