import Perdure
import Testing

/// What workflows and bodies have come to, and what holds bodies up.
private final class Log: Sendable {
    private let notes = Lock<[String]>([])

    func note(_ text: String) { notes.withLock { $0.append(text) } }
    func count(_ text: String) -> Int { notes.withLock { $0.count { $0 == text } } }
}

/// Sleeps for an hour; told to cancel it obeys, or does not.
private struct Sleepy: Workflow {
    static let name = "Sleepy"
    let log: Log

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        log.note("begun")
        do {
            try await context.sleep(for: .hours(1))
        } catch is CancellationError {
            if context.isUnloading { throw CancellationError() }
            log.note("cancelled")
            if kind == "declines" { return "declined" }
            throw CancellationError()
        }
        return "slept"
    }
}

/// Has a body that does not end by itself.
private struct Working: Workflow {
    static let name = "Working"
    let log: Log

    func run(_: Void, in context: WorkflowContext) async throws -> String {
        do {
            try await context.step("work") {
                log.note("begun")
                try await Task.sleep(for: .seconds(600))
            }
        } catch is CancellationError {
            return "the body was cancelled"
        }
        return "?"
    }
}

/// Has a child that sleeps, and ends before it, awaits it, or sleeps itself.
private struct Parent: Workflow {
    static let name = "Parent"

    struct Input: Codable, Sendable {
        var kind: String
        /// 1, 2 and 3 are terminate, cancel and abandon.
        var onClose: Int
    }

    let log: Log

    func run(_ input: Input, in context: WorkflowContext) async throws -> String {
        let policy: ParentClosePolicy = [.terminate, .cancel, .abandon][input.onClose - 1]
        let child = try await context.startChild(Sleepy.self, "child", id: "child", onClose: policy)
        try await context.step("started") { log.note("started") }
        if input.kind == "ends" { return "ended" }
        if input.kind == "awaits" { return try await child.result() }
        try await context.sleep(for: .hours(1))
        return "?"
    }
}

/// How workflows end that are asked to, on the stores that run SQL; `PerdureTests` has the same in memory.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct CancelTests {
    private func engine(_ store: SQLStore, _ log: Log) async throws -> Engine {
        try await Engine(store: store.make().store, configuration: .test) {
            Sleepy(log: log)
            Working(log: log)
            Parent(log: log)
        }
    }

    private func code(_ handle: WorkflowHandle<String>) async throws -> WorkflowError.Code? {
        do {
            _ = try await handle.result()
            return nil
        } catch let error as WorkflowError {
            return error.code
        }
    }

    @Test(arguments: SQLStore.available)
    func `a workflow that sleeps is cancelled at once, and may decline`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let (one, two) = (try await engine.start(Sleepy.self, "obeys"), try await engine.start(Sleepy.self, "declines"))
            try await eventually("both have begun") { log.count("begun") == 2 }
            try await one.cancel()
            try await two.cancel()
            #expect(try await code(one) == .cancelled)
            #expect(try await two.result() == "declined")
            #expect(try await one.status().state == .cancelled)
            #expect(try await two.status().state == .completed)
            #expect(log.count("cancelled") == 2)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a cancel reaches the body of a step`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let handle = try await engine.start(Working.self)
            try await eventually("the body runs") { log.count("begun") == 1 }
            try await handle.cancel()
            #expect(try await handle.result() == "the body was cancelled")
        }
    }

    @Test(arguments: SQLStore.available)
    func `a terminate runs no code`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let handle = try await engine.start(Sleepy.self, "")
            try await eventually("it has begun") { log.count("begun") == 1 }
            try await handle.terminate()
            #expect(try await code(handle) == .terminated)
            #expect(try await handle.status().state == .terminated)
        }
        #expect(log.count("cancelled") == 0)
    }

    @Test(arguments: SQLStore.available)
    func `a timeout is a cancel`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let handle = try await engine.start(Sleepy.self, "", options: StartOptions(timeout: .milliseconds(300)))
            #expect(try await code(handle) == .timedOut)
            #expect(try await handle.status().state == .timedOut)
            // One that was not claimed before has no code that could hear of it.
            #expect(log.count("cancelled") == log.count("begun"))
        }
    }

    @Test(arguments: SQLStore.available, [(1, WorkflowStatus.State.terminated), (2, .cancelled)])
    func `children follow their policy when their parent ends`(_ store: SQLStore, _ policy: (Int, WorkflowStatus.State)) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let parent = try await engine.start(Parent.self, Parent.Input(kind: "ends", onClose: policy.0))
            #expect(try await parent.result() == "ended")
            let child = try await engine.client.handle(of: Sleepy.self, id: "child")
            #expect(try await code(child) == (policy.0 == 1 ? .terminated : .cancelled))
            #expect(try await child.status().state == policy.1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `children follow their policy when their parent is terminated`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let parent = try await engine.start(Parent.self, Parent.Input(kind: "sleeps", onClose: 1))
            try await eventually("it has begun") { log.count("started") == 1 }
            try await parent.terminate()
            #expect(try await code(engine.client.handle(of: Sleepy.self, id: "child")) == .terminated)
        }
    }

    @Test(arguments: SQLStore.available)
    func `an abandoned child goes on`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            #expect(try await engine.start(Parent.self, Parent.Input(kind: "ends", onClose: 3)).result() == "ended")
            let child = try await engine.client.handle(of: Sleepy.self, id: "child")
            #expect(try await !child.status().state.isClosed)
            try await child.cancel()
            #expect(try await code(child) == .cancelled)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a parent that is cancelled cancels the child that it awaits`(_ store: SQLStore) async throws {
        let log = Log()
        let engine = try await engine(store, log)
        try await running([engine]) {
            let parent = try await engine.start(Parent.self, Parent.Input(kind: "awaits", onClose: 3))
            try await eventually("the child has begun") { log.count("begun") == 1 }
            try await parent.cancel()
            #expect(try await code(parent) == .cancelled)
            #expect(try await engine.client.status(of: "child").state == .cancelled)
        }
    }
}
