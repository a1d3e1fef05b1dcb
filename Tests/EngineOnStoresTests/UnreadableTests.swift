import Foundation
import Perdure
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }
extension Topic where Message == String { fileprivate static let words = Topic("numbers") }

/// Receives so many numbers, and returns them.
private struct Adder: Workflow {
    static let name = "Adder"

    func run(_ count: Int, in context: WorkflowContext) async throws -> [Int] {
        var numbers: [Int] = []
        for _ in 0..<count { numbers.append(try await context.receive(.numbers)) }
        return numbers
    }
}

/// Messages that are not of the type that the code asks for.
@Suite(.timeLimit(.minutes(5)))
struct UnreadableTests {
    @Test(arguments: SQLStore.available, [20_000, 1])
    func `one that cannot be read is not received, and an operator discards it`(_ store: SQLStore, _ memory: Int) async throws {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        let engine = try await Engine(store: store.make().store, configuration: configuration) { Adder() }
        try await running([engine]) {
            let handle = try await engine.start(Adder.self, 3, id: "adder")
            try await handle.send(.numbers, 1)
            try await handle.send(.words, "two")
            try await handle.send(.words, "zwei")
            try await handle.send(.numbers, 3)
            // Resumed it comes to the same, and goes no further.
            for _ in 0..<2 {
                let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
                #expect(error?.code == .setAside)
                let reason = try await handle.status().reason ?? ""
                #expect(reason.contains("'numbers'") && reason.contains("Int") && reason.contains("discardMessage"), "\(reason)")
                let steps = try await engine.client.core.store.recorded(handle.number)?.steps.map(\.key)
                #expect(steps == ["@receive:numbers"])
                #expect(try await handle.resume())
            }
            try await eventually("it is set aside") { try await handle.status().state == .setAside }
            #expect(try await handle.discardMessage(on: "numbers", by: "ada", reason: "a word"))
            #expect(try await engine.client.discardMessage(on: "numbers", of: "adder", by: "ada"))
            try await handle.resume(by: "ada")
            try await eventually("both numbers are there") {
                try await engine.client.core.store.recorded(handle.number)?.steps.count == 2
            }
            let error = await #expect(throws: WorkflowError.self) { try await handle.discardMessage(on: "numbers", by: "ada") }
            #expect(error?.code == .stillRunning)
            try await handle.send(.numbers, 4)
            #expect(try await handle.result() == [1, 3, 4])
            let interventions = try await handle.interventions()
            #expect(interventions.map(\.kind) == [.discardMessage, .discardMessage, .resume])
            #expect(interventions.first?.reason == "a word" && interventions.first?.step == "numbers")
        }
    }
}
