import Foundation
import Perdure
import Testing

/// What the steps of a test have begun, and what holds them up.
final class Floor: Sendable {
    private struct State {
        var begun: [String] = []
        var isOpen = false
        var undone = 0
    }
    private let state = Lock(State())

    var begun: [String] { state.withLock { $0.begun } }
    func count(_ step: String) -> Int { state.withLock { $0.begun.count { $0 == step } } }
    var undone: Int { state.withLock { $0.undone } }
    func begin(_ step: String) { state.withLock { $0.begun.append(step) } }
    func undo() { state.withLock { $0.undone += 1 } }
    func open() { state.withLock { $0.isOpen = true } }

    func wait() async throws {
        while !state.withLock({ $0.isOpen }) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// A step that takes its time, and another.
private struct Build: Workflow {
    static let name = "Build"
    let floor: Floor

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try context.onFailure("tear down") { floor.undo() }
        try await context.step("first") {
            floor.begin("first")
            try await floor.wait()
        }
        return try await context.step("second") {
            floor.begin("second")
            return input
        }
    }
}

/// Sleeps for so many milliseconds, then does a step.
private struct Sleeper: Workflow {
    static let name = "Sleeper"
    let floor: Floor

    func run(_ milliseconds: Int, in context: WorkflowContext) async throws -> Int {
        try await context.sleep(for: .milliseconds(milliseconds))
        return try await context.step("awake") {
            floor.begin("awake")
            return milliseconds
        }
    }
}

/// Of a type that nobody pauses.
private struct Other: Workflow {
    static let name = "Other"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int { try await context.step("only") { input } }
}

@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct TypePauseTests {
    private let typePaused = "its type, which is paused"

    private func engine(_ store: Store, _ floor: Floor, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Build(floor: floor)
            Sleeper(floor: floor)
            Other()
            Queue("yard", concurrency: 2)
        }
    }

    private func resting(_ handle: WorkflowHandle<some Sendable>) async throws {
        try await eventually("it rests") {
            let status = try await handle.status()
            return status.state == .queued && status.waitsFor == typePaused
        }
    }

    @Test(arguments: SQLStore.available)
    func `what runs comes to rest, what is new waits, others go on, and on resume all go on once`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        let engines = [try await engine(database, floor), try await engine(database, floor)]
        try await running(engines) {
            var handles: [WorkflowHandle<Int>] = []
            for index in 0..<4 { handles.append(try await engines[index % 2].start(Build.self, index)) }
            try await eventually("all run") { floor.count("first") == 4 }
            try await engines[0].client.pause(type: Build.self, by: "ada", reason: "stocktaking")
            try await eventually("both know") {
                engines.allSatisfy { $0.client.core.incarnation.withLock { $0 }?.isPaused("Build") == true }
            }
            for index in 4..<8 { handles.append(try await engines[index % 2].start(Build.self, index)) }
            handles.append(try await engines[0].enqueue(Build.self, 8, on: Queue("yard", concurrency: 2)))
            floor.open()
            for handle in handles { try await resting(handle) }
            let status = try await handles[0].status()
            #expect(status.pauses.map(\.by) == ["ada"] && status.pauses.first?.reason == "stocktaking")
            #expect(status.pauses.first?.kind == .workflowType && status.pauses.first?.state == .paused)
            #expect(try await engines[1].client.pauses().map(\.name) == ["Build"])
            #expect(try await engines[1].start(Other.self, 3).result() == 3)
            #expect(floor.begun.count == 4 && floor.count("second") == 0)
            #expect(try await engines[1].client.resume(type: Build.self, by: "bob"))
            #expect(try await !engines[1].client.resume(type: "Build", by: "bob"))
            for (index, handle) in handles.enumerated() { #expect(try await handle.result() == index) }
            #expect(floor.count("first") == 9 && floor.count("second") == 9, "none is lost, and none runs twice")
            #expect(try await engines[0].client.pauses().isEmpty)
        }
    }

    @Test(arguments: SQLStore.available)
    func `one that sleeps is not woken, in memory or outside it`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        let engine = try await engine(database, floor, memory: 2)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for _ in 0..<6 { handles.append(try await engine.start(Sleeper.self, 2_000)) }
            try await eventually("some have left memory") {
                for handle in handles where try await handle.status().state == .waiting { return true }
                return false
            }
            try await engine.client.pause(type: "Sleeper", by: "ada")
            for handle in handles { try await resting(handle) }
            #expect(floor.begun.isEmpty)
            #expect(try await engine.client.resume(type: "Sleeper", by: "ada"))
            for handle in handles { #expect(try await handle.result() == 2_000) }
            #expect(floor.begun.count == 6)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a cancel and a terminate reach what is paused, wherever it is`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        let engine = try await engine(database, floor)
        try await running([engine]) {
            let begun = [try await engine.start(Build.self, 1), try await engine.start(Build.self, 2)]
            let asleep = [try await engine.start(Sleeper.self, 600_000), try await engine.start(Sleeper.self, 600_000)]
            try await eventually("they run") { floor.count("first") == 2 }
            for name in ["Build", "Sleeper"] { try await engine.client.pause(type: name, by: "ada") }
            let fresh = [try await engine.start(Build.self, 3), try await engine.start(Sleeper.self, 4)]
            for handle in asleep + fresh { try await resting(handle) }
            // One whose step runs is cancelled when that has ended.
            try await begun[0].cancel()
            floor.open()
            try await resting(begun[1])
            for handle in [asleep[0], fresh[0]] { try await handle.cancel() }
            for handle in [begun[1], asleep[1], fresh[1]] { try await handle.terminate() }
            for handle in [begun[0], asleep[0], fresh[0]] {
                try await eventually("cancelled") { try await handle.status().state == .cancelled }
            }
            for handle in [begun[1], asleep[1], fresh[1]] {
                try await eventually("terminated") { try await handle.status().state == .terminated }
            }
            #expect(floor.undone == 1, "what was cancelled undid its steps")
            #expect(floor.begun.count == 2)
        }
    }

    @Test(arguments: SQLStore.available)
    func `lists and transactions say that a type is paused, too`(_ store: SQLStore) async throws {
        let floor = Floor()
        floor.open()
        let engine = try await engine(store.make().store, floor)
        let client = engine.client
        try await running([engine]) {
            _ = try await engine.start(Build.self, 0, id: "before").result()
            try await client.pause(type: Build.self, by: "ada", reason: "stocktaking")
            let handle = try await engine.start(Build.self, 1, id: "one")
            try await resting(handle)
            let status = try await handle.status()
            #expect(status.waitsFor == "its type, which is paused" && status.pauses.count == 1)
            let listed = try await client.workflows(where: .name == "Build").all()
            #expect(listed.map(\.id) == ["one", "before"])
            #expect(listed[0].waitsFor == status.waitsFor && listed[0].pauses == status.pauses && listed[0].state == status.state)
            #expect(listed[1].waitsFor == nil && listed[1].pauses.isEmpty)
            let seen = try await client.transaction { db in try await handle.status(in: db) }
            #expect(seen.waitsFor == status.waitsFor && seen.pauses == status.pauses)
            try await client.resume(type: Build.self, by: "ada")
            #expect(try await handle.result() == 1)
            #expect(try await client.workflows(where: .name == "Build").all().allSatisfy { $0.waitsFor == nil && $0.pauses.isEmpty })
        }
    }

    @Test(arguments: SQLStore.available)
    func `engines that start later obey, and one that ends by itself does`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        floor.open()
        let first = try await engine(database, floor)
        try await first.client.pause(type: Build.self, by: "ada")
        try await running([first]) {
            try await resting(try await first.start(Build.self, 1, id: "one"))
        }
        let second = try await engine(database, floor)
        try await running([second]) {
            let handle = try await second.start(Build.self, 2, id: "two")
            try await resting(handle)
            #expect(floor.begun.isEmpty)
            // Paused anew, with an end: who did it first, and when, is replaced, but for when.
            let since = try #require(try await second.client.pauses().first).since
            try await second.client.pause(type: Build.self, by: "bob", until: Date.now.addingTimeInterval(1))
            let pause = try #require(try await second.client.pauses().first)
            #expect(pause.by == "bob" && pause.since == since && pause.until != nil)
            #expect(try await handle.result() == 2)
            #expect(try await second.client.handle(of: Build.self, id: "one").result() == 1)
            #expect(try await second.client.pauses().isEmpty)
            #expect(try await !second.client.resume(type: Build.self, by: "ada"))
        }
    }

    @Test(arguments: SQLStore.available)
    func `paused and resumed again and again while work comes in, each runs once`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        floor.open()
        let engines = [try await engine(database, floor), try await engine(database, floor)]
        try await running(engines) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<15 {
                        try await engines[0].client.pause(type: Build.self, by: "ada")
                        try await engines[1].client.pause(step: "second", by: "ada")
                        try await engines[1].client.resume(type: Build.self, by: "ada")
                        try await engines[0].client.resume(step: "second", by: "ada")
                    }
                }
                for engine in engines {
                    group.addTask {
                        var handles: [WorkflowHandle<Int>] = []
                        for index in 0..<40 {
                            if index % 2 == 0 {
                                handles.append(try await engine.start(Build.self, index))
                            } else {
                                handles.append(try await engine.enqueue(Build.self, index, on: Queue("yard", concurrency: 2)))
                            }
                        }
                        for (index, handle) in handles.enumerated() { #expect(try await handle.result() == index) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(floor.count("first") == 80 && floor.count("second") == 80)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be a name or a moment is refused`(_ store: SQLStore) async throws {
        let client = try await Client(store: store.make().store)
        let long = String(repeating: "x", count: 513)
        for name in ["", long, "a\u{0}"] {
            await #expect(throws: WorkflowError.self) { try await client.pause(type: name, by: "ada") }
            await #expect(throws: WorkflowError.self) { try await client.resume(type: name, by: "ada") }
            await #expect(throws: WorkflowError.self) { try await client.pause(step: name, by: "ada") }
            await #expect(throws: WorkflowError.self) { try await client.pause(step: "s", in: name, by: "ada") }
            await #expect(throws: WorkflowError.self) { try await client.resume(circuitBreaker: name, by: "ada") }
            await #expect(throws: WorkflowError.self) { try await client.pause(type: "t", by: name) }
        }
        await #expect(throws: WorkflowError.self) { try await client.pause(type: "t", by: "ada", reason: "a\u{0}") }
        let late = await #expect(throws: WorkflowError.self) { try await client.pause(type: "t", by: "ada", until: .distantPast) }
        #expect(late?.message.contains("give a moment to come") == true)
        #expect(try await client.pauses().isEmpty)
        // Nobody need know the type.
        try await client.pause(type: "nobody's", by: "ada", until: .distantFuture)
        #expect(try await client.pauses().map(\.name) == ["nobody's"])
        await client.close()
    }
}
