import Foundation
import Perdure
import PerdurePostgres
import PerdureSQLite
import Testing

private struct Red: Workflow {
    static let name = "Red"
    let by: String

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        let first = try await context.step("first") { by }
        try await context.sleep(for: .milliseconds(30))
        let second = try await context.step("second") { by }
        return "\(first) \(second)"
    }
}

private struct Blue: Workflow {
    static let name = "Blue"
    let by: String

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        // The child is of a type that only others know.
        try await context.step("blue") { by } + " " + context.child(Red.self)
    }
}

/// Several engines, of different types and versions, on one database.
@Suite(.timeLimit(.minutes(2)))
struct FleetTests {
    private func configuration(version: String = "", maximumInMemory: Int = 20_000) -> EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.version = version
        configuration.maximumInMemory = maximumInMemory
        configuration.shutdownGrace = .milliseconds(100)
        configuration.log = { _, _ in }
        return configuration
    }

    private func running(_ engines: [Engine], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in engines { group.addTask { try await engine.run() } }
            defer { group.cancelAll() }
            try await body()
        }
        for engine in engines { await engine.close() }
    }

    @Test(arguments: SQLStore.available)
    func `each engine runs what it knows, and leaves the rest to the others`(_ store: SQLStore) async throws {
        let database = store.make().store
        let red = try await Engine(store: database, configuration: configuration()) { Red(by: "red") }
        // So little room that its sleepers leave memory: whoever finds them due passes them on.
        let blue = try await Engine(store: database, configuration: configuration(maximumInMemory: 2)) { Blue(by: "blue") }
        try await running([red, blue]) {
            var handles: [WorkflowHandle<String>] = []
            for number in 0..<20 {
                // Started by the engine that does not know it.
                handles.append(try await (number % 2 == 0 ? red : blue).start(Blue.self))
                handles.append(try await (number % 2 == 0 ? red : blue).start(Red.self))
            }
            for (number, handle) in handles.enumerated() {
                #expect(try await handle.result() == (number % 2 == 0 ? "blue red red" : "red red"))
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func `what nobody knows stays queued, is seen to be so, and goes on when somebody comes who does`(_ store: SQLStore) async throws {
        let database = store.make().store
        let old = try await Engine(store: database, configuration: configuration(version: "1")) { Red(by: "1") }
        let new = try await Engine(store: database, configuration: configuration(version: "2")) { Red(by: "2") }
        let client = try await Client(store: database)
        let any = try await client.start(Red.self)
        let unknown = try await client.start(Blue.self)
        let third = try await client.start(Red.self, options: StartOptions(version: "3"))
        try await running([old, new]) {
            // The engine's own version, unless another is asked for.
            let first = try await old.start(Red.self)
            let second = try await old.start(Red.self, options: StartOptions(version: "2"))
            #expect(try await first.result() == "1 1")
            #expect(try await second.result() == "2 2")
            let byAnybody = try await any.result()
            #expect(["1 1", "1 2", "2 1", "2 2"].contains(byAnybody))
            for handle in [unknown, third] {
                let status = try await handle.status()
                #expect(status.state == .queued && status.isServed == false)
            }
        }
        let late = try await Engine(store: database, configuration: configuration(version: "3")) {
            Red(by: "3")
            Blue(by: "3")
        }
        try await running([late]) {
            let results = [try await third.result(), try await unknown.result()]
            #expect(results == ["3 3", "3 3 3"])
            #expect(try await unknown.status().isServed == nil)
        }
        await client.close()
    }
}
