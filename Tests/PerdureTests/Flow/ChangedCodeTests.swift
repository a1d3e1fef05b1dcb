import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A workflow whose code was changed under its history: it is set aside and told why, and goes on when the old code is back.
@Suite(.timeLimit(.minutes(1)))
struct ChangedCodeTests {
    private typealias Code = @Sendable (WorkflowContext) async throws -> String

    private static let original: Code = { context in
        let charge = try await context.step("charge") { "c" }
        try await context.sleep(for: .microseconds(100))
        let ship = try await context.step("ship") { "s" }
        let mail = try await context.step("mail") { "m" }
        return charge + ship + mail
    }

    /// - Parameters:
    ///   - kept: So many rows of the history of the original are there when the changed code comes.
    ///   - sides: What the error names: what is recorded, and what the code does instead.
    private static func expectSetAside(
        keeping kept: Int = 4, naming sides: [String], sourceLocation: SourceLocation = #_sourceLocation, _ changed: @escaping Code
    ) async throws {
        let history = try await recorded().reopened(keeping: kept)
        let database = MemoryDatabase()
        database.insert(history)
        let number = history.record.number
        let id = Names.publicID(number)
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act(changed)
            Bystander()
        } body: { engine in
            let bystander = try await engine.start(Bystander.self, 3)
            let act = try await engine.handle(of: Act.self, id: id)
            let error = await #expect(throws: WorkflowError.self, sourceLocation: sourceLocation) { try await act.result() }
            #expect(error?.code == .setAside, sourceLocation: sourceLocation)
            let status = try await act.status()
            #expect(status.state == .setAside, sourceLocation: sourceLocation)
            for side in sides + ["[nondeterminism]"] {
                #expect(status.reason?.contains(side) == true, "\(status.reason ?? "")", sourceLocation: sourceLocation)
            }
            let others = try await bystander.result()
            #expect(others == [0, 1, 2], sourceLocation: sourceLocation)
        }
        #expect(database.copy(of: number)?.steps == history.steps, sourceLocation: sourceLocation)
        #expect(database.copy(of: number)?.outcome == nil, sourceLocation: sourceLocation)
        // The old code is back, and an operator says so.
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act(original)
        } body: { engine in
            let act = try await engine.handle(of: Act.self, id: id)
            let isResumed = try await act.resume()
            #expect(isResumed, sourceLocation: sourceLocation)
            let result = try await act.result()
            #expect(result == "csm", sourceLocation: sourceLocation)
        }
        #expect(database.copy(of: number)?.steps.starts(with: history.steps) == true, sourceLocation: sourceLocation)
    }

    private static func recorded() async throws -> WorkflowCopy {
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act(original)
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "csm")
        }
        return try #require(database.numbers.first.flatMap { database.copy(of: $0) })
    }

    @Test(arguments: 1...4) func aStepIsRenamed(kept: Int) async throws {
        try await Self.expectSetAside(keeping: kept, naming: ["'charge' (step)", "'bill'"]) { context in
            let charge = try await context.step("bill") { "c" }
            try await context.sleep(for: .microseconds(100))
            return try await charge + context.step("ship") { "s" } + context.step("mail") { "m" }
        }
    }

    @Test func aStepIsRemoved() async throws {
        try await Self.expectSetAside(naming: ["'ship' (step)", "'mail'"]) { context in
            let charge = try await context.step("charge") { "c" }
            try await context.sleep(for: .microseconds(100))
            return try await charge + context.step("mail") { "m" }
        }
    }

    @Test func aStepIsAddedBefore() async throws {
        try await Self.expectSetAside(naming: ["'ship' (step)", "'check'"]) { context in
            let charge = try await context.step("charge") { "c" }
            try await context.sleep(for: .microseconds(100))
            try await context.step("check") {}
            return try await charge + context.step("ship") { "s" } + context.step("mail") { "m" }
        }
    }

    @Test func aSleepIsAddedBefore() async throws {
        try await Self.expectSetAside(naming: ["'charge' (step)", "'@sleep'"]) { context in
            try await context.sleep(for: .microseconds(100))
            return try await Self.original(context)
        }
    }

    @Test func theKindIsChanged() async throws {
        try await Self.expectSetAside(naming: ["'ship' as a step", "a transaction"]) { context in
            let charge = try await context.step("charge") { "c" }
            try await context.sleep(for: .microseconds(100))
            let ship = try await context.transaction("ship") { _ in "s" }
            return try await charge + ship + context.step("mail") { "m" }
        }
    }

    @Test func twoStepsChangePlaces() async throws {
        try await Self.expectSetAside(naming: ["'ship' (step)", "'mail'"]) { context in
            let charge = try await context.step("charge") { "c" }
            try await context.sleep(for: .microseconds(100))
            let mail = try await context.step("mail") { "m" }
            return try await charge + context.step("ship") { "s" } + mail
        }
    }

    @Test func theCodeEndsEarlier() async throws {
        try await Self.expectSetAside(naming: ["'@sleep' (timer)", "has ended"]) { context in
            try await context.step("charge") { "c" }
        }
    }

    @Test func theCodeFailsEarlier() async throws {
        try await Self.expectSetAside(naming: ["'ship' (step)", "has ended"]) { context in
            _ = try await context.step("charge") { "c" }
            try await context.sleep(for: .microseconds(100))
            throw CancellationError()
        }
    }

    /// The code does not get to see it as an error of the step, on which it would end.
    @Test(arguments: 1...2) func theResultHasAnotherType(kept: Int) async throws {
        let history = try await Self.recorded().reopened(keeping: kept)
        let database = MemoryDatabase()
        database.insert(history)
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in "\(try await context.step("charge") { 1 })" }
        } body: { engine in
            let act = try await engine.handle(of: Act.self, id: Names.publicID(history.record.number))
            let error = await #expect(throws: WorkflowError.self) { try await act.result() }
            #expect(error?.code == .setAside)
            let status = try await act.status()
            #expect(status.state == .setAside)
            #expect(status.reason?.contains("[undecodable]") == true, "\(status.reason ?? "")")
        }
        #expect(database.copy(of: history.record.number)?.steps == history.steps)
    }

    /// What is beyond the history may be anything: names survive the insertion of other steps.
    @Test func aStepIsAddedAtTheEnd() async throws {
        let history = try await Self.recorded().reopened(keeping: 4)
        let database = MemoryDatabase()
        database.insert(history)
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in try await Self.original(context) + context.step("more") { "!" } }
        } body: { engine in
            let result = try await engine.handle(of: Act.self, id: Names.publicID(history.record.number)).result()
            #expect(result == "csm!")
        }
    }
}
