import Perdure
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let parts = Topic("parts") }

/// How far the steps have come, and what holds the first one up.
private final class Progress: Sendable {
    private let state = Lock((begun: [String](), isOpen: false))

    var begun: [String] { state.withLock { $0.begun } }
    func begin(_ step: String) { state.withLock { $0.begun.append(step) } }
    func open() { state.withLock { $0.isOpen = true } }

    func wait() async throws {
        while !state.withLock({ $0.isOpen }) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// A step that takes its time, another, a message, a third.
private struct Assembly: Workflow {
    static let name = "Assembly"
    let progress: Progress

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        let first = try await context.step("first") {
            progress.begin("first")
            try await progress.wait()
            return input
        }
        let second = try await context.step("second") {
            progress.begin("second")
            return first + 1
        }
        let part = try await context.receive(.parts)
        return try await context.step("third") {
            progress.begin("third")
            return second + part
        }
    }
}

/// Sleeps for so many milliseconds.
private struct Napper: Workflow {
    static let name = "Napper"

    func run(_ milliseconds: Int, in context: WorkflowContext) async throws -> Int {
        try await context.sleep(for: .milliseconds(milliseconds))
        return milliseconds
    }
}

/// Returns what it hears.
private struct Ear: Workflow {
    static let name = "Ear"

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int { try await context.receive(.parts) }
}

@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct WorkflowPauseTests {
    private func engine(_ store: Store, _ progress: Progress) async throws -> Engine {
        try await Engine(store: store, configuration: .test) {
            Assembly(progress: progress)
            Napper()
            Ear()
        }
    }

    /// What was asked before has reached the engine: what is asked now is read with it, or behind it, and is done.
    private func heard(_ engine: Engine) async throws {
        let ear = try await engine.start(Ear.self, 0)
        try await eventually("the ear is there") { try await ear.status().state == .running }
        try await ear.send(.parts, 1)
        #expect(try await ear.result() == 1)
    }

    private func paused(_ handle: WorkflowHandle<some Sendable>) async throws {
        try await eventually("it is paused") { try await handle.status().state == .paused }
    }

    @Test(arguments: SQLStore.available)
    func `steps that run end, no other begins, and what arrives waits`(_ store: SQLStore) async throws {
        let progress = Progress()
        let engine = try await engine(store.make().store, progress)
        try await running([engine]) {
            let handle = try await engine.start(Assembly.self, 1)
            try await eventually("it runs") { progress.begun == ["first"] }
            try await handle.pause(by: "ada", reason: "stocktaking")
            try await handle.pause(by: "bob")
            #expect(try await handle.status().state == .running)
            // Its engine hears of it a moment later, which nothing shows while the step runs.
            try await heard(engine)
            progress.open()
            try await paused(handle)
            let status = try await handle.status()
            #expect(status.pausedBy == "ada" && status.reason == "stocktaking" && status.pausedAt != nil)
            let steps = try await engine.client.core.store.history(of: handle.number, after: 0, limit: 9)
            #expect(steps.map(\.key) == ["first"])
            try await handle.send(.parts, 10)
            try await heard(engine)
            #expect(progress.begun == ["first"])
            #expect(try await handle.status().state == .paused)
            #expect(try await handle.resume(by: "bob", reason: "all there"))
            #expect(try await handle.result() == 12)
            #expect(progress.begun == ["first", "second", "third"])
            #expect(try await handle.interventions().map(\.kind) == [.pause, .resume])
            #expect(try await handle.interventions().map(\.by) == ["ada", "bob"])
            #expect(try await !handle.resume(by: "bob"))
            await #expect(throws: WorkflowError.self) { try await handle.pause(by: "ada") }
        }
    }

    @Test(arguments: SQLStore.available)
    func `one that waits stays where it is when its time has come`(_ store: SQLStore) async throws {
        let clock = TestClock()
        var configuration = EngineConfiguration.test
        // Minutes in one step must not look like a database that is silent for a lease.
        configuration.lease = .hours(1)
        let engine = try await Engine(store: store.make().store, configuration: configuration, clock: clock) { Napper() }
        try await running([engine]) {
            let handle = try await engine.start(Napper.self, 600_000)
            try await handle.pause(by: "ada")
            try await paused(handle)
            let other = try await engine.start(Napper.self, 600_000)
            try await eventually("it sleeps") { engine.statistics.waiting == 1 }
            clock.advance(by: .seconds(601))
            // The time of both has come.
            #expect(try await other.result() == 600_000)
            #expect(try await handle.status().state == .paused)
            #expect(try await handle.resume())
            #expect(try await handle.result() == 600_000)
        }
    }

    @Test(arguments: SQLStore.available)
    func `one that is paused can be cancelled and terminated`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, Progress())
        try await running([engine]) {
            let handles = [try await engine.start(Napper.self, 600_000), try await engine.start(Napper.self, 600_000)]
            for handle in handles { try await handle.pause(by: "ada") }
            for handle in handles { try await paused(handle) }
            try await handles[0].cancel()
            try await handles[1].terminate()
            for handle in handles { await #expect(throws: WorkflowError.self) { try await handle.result() } }
            #expect(try await handles[0].status().state == .cancelled)
            #expect(try await handles[1].status().state == .terminated)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a pause that its engine did not come to is heeded by the next`(_ store: SQLStore) async throws {
        let (database, progress) = (store.make().store, Progress())
        let first = try await engine(database, progress)
        var id = ""
        try await running([first]) {
            let handle = try await first.start(Assembly.self, 1)
            id = handle.id
            try await eventually("it runs") { progress.begun == ["first"] }
            try await handle.pause(by: "ada")
        }
        let second = try await engine(database, progress)
        try await running([second]) {
            let handle = try await second.client.handle(of: Assembly.self, id: id)
            try await paused(handle)
            // Nothing of it has begun there.
            #expect(progress.begun == ["first"])
            progress.open()
            try await handle.send(.parts, 10)
            #expect(try await handle.resume(by: "ada"))
            #expect(try await handle.result() == 12)
            #expect(progress.begun == ["first", "first", "second", "third"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `one that has not begun does not begin, and one that is resumed while its step still runs goes on`(_ store: SQLStore) async throws
    {
        let progress = Progress()
        let engine = try await engine(store.make().store, progress)
        let early = try await engine.start(Assembly.self, 1, id: "early")
        try await engine.client.pause("early", by: "ada")
        #expect(try await early.status().state == .paused)
        try await running([engine]) {
            let handle = try await engine.start(Assembly.self, 2)
            try await eventually("it runs") { progress.begun == ["first"] }
            try await handle.pause(by: "ada")
            #expect(try await handle.resume(by: "ada"))
            progress.open()
            try await handle.send(.parts, 10)
            #expect(try await handle.result() == 13)
            #expect(progress.begun == ["first", "second", "third"])
            #expect(try await early.status().state == .paused)
            #expect(try await engine.client.resume("early", by: "ada"))
            try await early.send(.parts, 20)
            #expect(try await early.result() == 22)
        }
    }
}
