import Foundation
import Perdure
import PerdureTesting
import Testing

/// What a build does: one and the same type of workflow in several of them.
private struct Build: Workflow {
    static let name = "Build"
    let code: @Sendable (WorkflowContext) async throws -> String

    func run(_ input: String, in context: WorkflowContext) async throws -> String { try await code(context) }
}

private struct Twice: Workflow {
    static let name = "Twice"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int { try await context.step("double") { 2 * input } }
}

/// Starts a child that follows it, and one that does not.
private struct Family: Workflow {
    static let name = "Family"
    let mayEnd: Lock<Bool>

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        let follower = try await context.startChild(Late.self, 1, id: "follower")
        _ = try await context.startChild(Late.self, 2, id: "survivor", onClose: .abandon)
        return try await follower.result()
    }
}

private struct Late: Workflow {
    static let name = "Late"
    let mayEnd: Lock<Bool>

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("wait") { [mayEnd] in
            while !mayEnd.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            return input
        }
    }
}

/// Versions, patches and deadlines, on the stores that run SQL; `PerdureTests` has more of them in memory.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct VersionTests {
    private func configuration(_ version: String, compatible: Set<String> = []) -> EngineConfiguration {
        var configuration = EngineConfiguration.test
        configuration.version = version
        configuration.compatibleVersions = compatible
        return configuration
    }

    @Test(arguments: SQLStore.available)
    func `a new build goes on with old workflows, and starts their children in their version`(_ store: SQLStore) async throws {
        let database = store.make().store
        let client = try await Client(store: database, configuration: configuration("1"))
        let old = try await client.start(Build.self, "")
        let other = try await client.start(Twice.self, 2, options: StartOptions(timeout: .hours(1), version: "0"))
        #expect(try await client.versions().map(\.version) == ["0", "1"])
        let engine = try await Engine(store: database, configuration: configuration("2", compatible: ["1"])) {
            Build { context in "\(try await context.child(Twice.self, 1)) \(context.version)" }
            Twice()
        }
        try await running([engine]) {
            #expect(try await old.result() == "2 1")
            #expect(try await engine.start(Twice.self, 3).result() == 6)
            let status = try await other.status()
            #expect(status.state == .queued && status.isServed == false)
            let versions = try await client.versions()
            #expect(versions.map(\.version) == ["", "0", "1", "2"])
            #expect(versions.map(\.open) == [0, 1, 0, 0] && versions.map(\.engines) == [1, 0, 1, 1])
            #expect(versions[1].queued == 1 && !versions[1].isDrained && versions[1].drainedAt == status.deadlineAt)
        }
        await client.close()
    }

    /// Runs code until its history has so many rows, or to its end.
    private func run(
        _ database: Store, _ clock: TestClock, rows: Int?, _ code: @escaping @Sendable (WorkflowContext) async throws -> String
    ) async throws -> String {
        var configuration = EngineConfiguration.test
        configuration.lease = .days(100)
        let engine = try await Engine(store: database, configuration: configuration, clock: clock) { Build(code: code) }
        let result = Lock("")
        try await running([engine]) {
            let handle = try await engine.client.start(Build.self, "", id: "patched")
            if let rows {
                try await eventually("it is there") { try await engine.client.core.store.recorded(handle.number)?.steps.count ?? 0 >= rows }
                return
            }
            try await eventually("it has ended") {
                clock.advance(by: .hours(6))
                return try await handle.status().state.isClosed
            }
            let text = try await handle.result()
            result.withLock { $0 = text }
        }
        return result.withLock { $0 }
    }

    @Test(arguments: SQLStore.available, [false, true])
    func `a patch is for those that begin with it, on each replay`(_ store: SQLStore, beginsNew: Bool) async throws {
        let (database, clock) = (store.make().store, TestClock())
        let old: @Sendable (WorkflowContext) async throws -> String = { context in
            let charge = try await context.step("charge") { "c" }
            try await context.sleep(for: .days(30))
            return try await charge + context.step("ship") { "s" }
        }
        let new: @Sendable (WorkflowContext) async throws -> String = { context in
            var text = try await context.step("charge") { "c" }
            if try context.patched("insurance") { text += try await context.step("insure") { "i" } }
            try await context.sleep(for: .days(30))
            return try await text + context.step("ship") { "s" }
        }
        _ = try await run(database, clock, rows: beginsNew ? 3 : 1, beginsNew ? new : old)
        #expect(try await run(database, clock, rows: nil, new) == (beginsNew ? "cis" : "cs"))
        let client = try await Client(store: database, configuration: .test)
        let number = try await client.handle(of: Build.self, id: "patched").number
        let keys = try await client.core.store.recorded(number)?.steps.map(\.key)
        #expect(keys == (beginsNew ? ["charge", "@patch:insurance", "insure", "@sleep", "ship"] : ["charge", "@sleep", "ship"]))
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `only a child that follows its parent has its deadline`(_ store: SQLStore) async throws {
        let mayEnd = Lock(false)
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Family(mayEnd: mayEnd)
            Late(mayEnd: mayEnd)
        }
        try await running([engine]) {
            let handle = try await engine.start(Family.self, options: StartOptions(timeout: .hours(1)))
            let deadline = try await handle.status().deadlineAt
            #expect(deadline != nil)
            for (id, expected) in [("follower", deadline), ("survivor", nil)] {
                try await eventually("it is started") { await (try? engine.client.status(of: id)) != nil }
                #expect(try await engine.client.status(of: id).deadlineAt == expected)
            }
            mayEnd.withLock { $0 = true }
            #expect(try await handle.result() == 1)
        }
    }
}
