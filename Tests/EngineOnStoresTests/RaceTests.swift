import Perdure
import Testing

extension Topic where Message == Int { fileprivate static let bell = Topic("bell") }

/// A few steps, and the end.
private struct Sprint: Workflow {
    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        var sum = input
        for number in 0..<3 { sum += try await context.step("step \(number)") { number } }
        return sum
    }
}

/// Waits for the bell; whoever comes too late for that is heard all the same.
private struct Listener: Workflow {
    func run(_ milliseconds: Int, in context: WorkflowContext) async throws -> Int {
        if let early = try await context.receive(.bell, timeout: .milliseconds(milliseconds)) { return early }
        return try await context.receive(.bell)
    }
}

/// Fails until it is mended.
private struct Wreck: Workflow {
    let isMended: Lock<Bool>

    struct Mishap: Error {}

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        let first = try await context.step("first") { 1 }
        return try await first + context.step("second", retry: .none) { if isMended.withLock({ $0 }) { 2 } else { throw Mishap() } }
    }
}

/// Two who want something of one workflow at the same time, at moments that chance decides: what must not happen must not happen at any.
///
/// On Postgres `./run torture --only races` holds one of them up at each of its statements; SQLite has one writer at a time, so that
/// only the order of the transactions is left to chance.
@Suite(.timeLimit(.minutes(5)))
struct RaceTests {
    private let isMended = Lock(false)

    private func engine(_ store: SQLStore) async throws -> Engine {
        try await Engine(store: store.make().store, configuration: .test) {
            Sprint()
            Listener()
            Wreck(isMended: isMended)
        }
    }

    /// All at the same time, each after up to so many milliseconds.
    private func each<Item: Sendable>(
        _ items: [Item], within milliseconds: Int, _ body: @escaping @Sendable (Int, Item) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, item) in items.enumerated() {
                let delay = Int.random(in: 0...milliseconds * 1_000)
                group.addTask {
                    try await Task.sleep(for: .microseconds(delay))
                    try await body(index, item)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: SQLStore.available)
    func `cancel against finish: one of them, and everybody agrees which`(_ store: SQLStore) async throws {
        let engine = try await engine(store)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for number in 0..<100 { handles.append(try await engine.start(Sprint.self, number)) }
            try await each(handles, within: 60) { _, handle in try await handle.cancel() }
            for (index, handle) in handles.enumerated() {
                do {
                    #expect(try await handle.result() == index + 3)
                    #expect(try await handle.status().state == .completed)
                } catch let error as WorkflowError where error.code == .cancelled {
                    #expect(try await handle.status().state == .cancelled)
                }
            }
            try await eventually("nothing is left in memory") { engine.statistics.inMemory == 0 }
        }
    }

    @Test(arguments: SQLStore.available)
    func `message against timeout: it is received once, by the one or the other`(_ store: SQLStore) async throws {
        let engine = try await engine(store)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for number in 0..<100 { handles.append(try await engine.start(Listener.self, number / 2)) }
            try await each(handles, within: 100) { try await $1.send(.bell, $0) }
            for (index, handle) in handles.enumerated() { #expect(try await handle.result() == index) }
        }
    }

    @Test(arguments: SQLStore.available)
    func `resume against resume: one new run, and the other is told`(_ store: SQLStore) async throws {
        let engine = try await engine(store)
        try await running([engine]) {
            let ids = (0..<20).map { "wreck \($0)" }
            for id in ids { try await engine.start(Wreck.self, 0, id: id) }
            for id in ids {
                await #expect(throws: (any Error).self) { try await engine.client.handle(of: Wreck.self, id: id).result() }
            }
            isMended.withLock { $0 = true }
            let told = Lock(0)
            try await each(ids + ids, within: 20) { _, id in
                do {
                    try await engine.client.rewind(id)
                } catch let error as WorkflowError where [.superseded, .stillRunning, .notFailed].contains(error.code) {
                    told.withLock { $0 += 1 }
                }
            }
            #expect(told.withLock { $0 } == ids.count)
            for id in ids {
                #expect(try await engine.client.handle(of: Wreck.self, id: id).result() == 3)
                #expect(try await engine.client.runs(of: id).count == 2)
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func `resume against resume of what is paused: it goes on, once`(_ store: SQLStore) async throws {
        let engine = try await engine(store)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for number in 0..<20 { handles.append(try await engine.start(Listener.self, 1, id: "listener \(number)")) }
            for handle in handles { try await handle.pause(by: "both") }
            for handle in handles { try await eventually("it is paused") { try await handle.status().state == .paused } }
            let done = Lock<[String: Int]>([:])
            try await each(handles + handles, within: 20) { _, handle in
                if try await handle.resume(by: "one of them") { done.withLock { $0[handle.id, default: 0] += 1 } }
            }
            #expect(done.withLock { $0.values.allSatisfy { $0 == 1 } && $0.count == handles.count })
            for (index, handle) in handles.enumerated() {
                try await handle.send(.bell, index)
                #expect(try await handle.result() == index)
            }
        }
    }
}
