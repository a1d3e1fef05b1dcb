import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Slow: Workflow {
    let gate: Gate

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("slow") {
            await gate.wait()
            try Task.checkCancellation()
            return number
        }
    }
}

private struct Parent: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int { try await context.child(Slow.self, number) }
}

/// A parent that leaves a process does not take its children along.
@Suite(.timeLimit(.minutes(2)))
struct UnloadedParentTests {
    @Test func whoseParentLeavesMemoryGoesOn() async throws {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 4
        let gate = Gate()
        let engine = try await Engine(store: .memory(), configuration: configuration) {
            Parent()
            Slow(gate: gate)
        }
        var parents: [WorkflowHandle<Int>] = []
        // Before it runs: children that hold all the room would keep those out that come later.
        for number in 0..<20 { parents.append(try await engine.start(Parent.self, number)) }
        try await withEngine(engine) { _ in
            // All have been in memory, and have left it.
            for parent in parents { try await waitWhile { try await parent.status().state == .queued } }
            gate.open()
            for (number, parent) in parents.enumerated() { #expect(try await parent.result() == number) }
        }
    }

    @Test func whoseParentsEngineEndsGoesOn() async throws {
        let (database, gate) = (MemoryDatabase(), Gate())
        let ids = (0..<20).map { "parent \($0)" }
        try await withEngine(store: .memory(database), configuration: .test) {
            Parent()
            Slow(gate: gate)
        } body: { engine in
            for (number, id) in ids.enumerated() {
                let parent = try await engine.start(Parent.self, number, id: id)
                try await waitWhile { try await parent.status().state != .running }
            }
        }
        gate.open()
        try await withEngine(store: .memory(database), configuration: .test) {
            Parent()
            Slow(gate: gate)
        } body: { engine in
            for (number, id) in ids.enumerated() {
                let parent = try await engine.handle(of: Parent.self, id: id)
                #expect(try await parent.result() == number)
            }
        }
    }
}
