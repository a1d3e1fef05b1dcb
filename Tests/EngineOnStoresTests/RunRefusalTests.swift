import Foundation
import Perdure
import Testing

extension Topic where Message == String { fileprivate static let words = Topic("words") }

private struct Ear: Workflow {
    static let name = "Ear"

    func run(_ input: String, in context: WorkflowContext) async throws -> String { try await context.receive(.words) }
}

/// Starts a child, and hears a word before it waits for it.
private struct Mother: Workflow {
    static let name = "Mother"

    func run(_ outlivesIt: Bool, in context: WorkflowContext) async throws -> String {
        let child = try await context.startChild(Ear.self, "", onClose: outlivesIt ? .abandon : .terminate)
        let word = try await context.receive(.words)
        do { return word + (try await child.result()) } catch let error as WorkflowError { return word + error.code.rawValue }
    }
}

/// A new run that is refused costs nothing.
@Suite(.timeLimit(.minutes(5)))
struct RunRefusalTests {
    private static let ending = NewRunOptions(terminatesFirst: true)

    private func engine(_ store: Store) async throws -> Engine {
        try await Engine(store: store, configuration: .test) {
            Ear()
            Mother()
        }
    }

    @Test(arguments: SQLStore.available)
    func `a fork before a step that is not there terminates nothing`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let ear = try await engine.start(Ear.self, "", id: "ear")
            let error = await #expect(throws: WorkflowError.self) { try await ear.fork(from: "nothing", options: Self.ending) }
            #expect(error?.code == .unknownStep)
            try await ear.send(.words, "well")
            #expect(try await ear.result() == "well")
        }
    }

    @Test(arguments: SQLStore.available)
    func `a child that outlives its parent refuses the fork before anything is terminated`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let mother = try await engine.start(Mother.self, true, id: "mother")
            try await mother.send(.words, "a")
            try await heard(by: mother, engine)
            let error = await #expect(throws: WorkflowError.self) { try await mother.fork(from: "@receive:words", options: Self.ending) }
            #expect(error?.code == .stillRunning)
            #expect(try await mother.status().state.isClosed == false)
            _ = try await mother.cancel()
        }
    }

    @Test(arguments: SQLStore.available)
    func `the end of a child that is terminated with its parent is waited for`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let mother = try await engine.start(Mother.self, false, id: "mother")
            try await mother.send(.words, "a")
            try await heard(by: mother, engine)
            let fork = try await mother.fork(from: "@receive:words", options: Self.ending)
            try await fork.send(.words, "b")
            #expect(try await fork.result() == "bterminated")
        }
    }

    private func heard<Output>(by handle: WorkflowHandle<Output>, _ engine: Engine) async throws {
        try await eventually("it has heard") {
            try await engine.client.core.store.recorded(handle.number)?.steps.contains { $0.kind == .receive } == true
        }
    }
}
