import Perdure
import PerdureMemory
import PerdureTesting
import Testing

struct Add: Workflow {
    func run(_ numbers: [Int], in context: WorkflowContext) async throws -> Int {
        var sum = 0
        for number in numbers { sum = try await context.step("add") { [sum] in sum + number } }
        return sum
    }
}

struct FanOut: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        async let first = context.step("first") { 1 }
        async let second = context.child(Add.self, [1, 2, 3])
        try await context.sleep(for: .milliseconds(5))
        let rest = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<count { group.addTask { try await context.step("each", id: index) { index } } }
            return try await group.reduce(0, +)
        }
        return try await first + second + rest
    }
}

@Suite(.timeLimit(.minutes(1)))
struct EndToEndTests {
    @Test func stepsInSequence() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Add()
        } body: { engine in
            let handle = try await engine.start(Add.self, [1, 2, 3, 4], id: "a")
            #expect(try await handle.result() == 10)
            let again = try await engine.start(Add.self, [5], id: "a")
            #expect(try await again.result() == 10)
        }
    }

    @Test func fanOut() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Add()
            FanOut()
        } body: { engine in
            let handle = try await engine.start(FanOut.self, 10)
            #expect(try await handle.result() == 1 + 6 + 45)
        }
    }
}
