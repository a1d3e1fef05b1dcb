import Foundation
import Perdure
import Testing

private struct Uneven: Error, Codable, Equatable { var number: Int }

/// Doubles even numbers, and refuses others.
private struct Half: Workflow {
    static let name = "Half"
    static let errors: [any (Error & Codable & Sendable).Type] = [Uneven.self]

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        if number % 2 == 1 { throw Uneven(number: number) }
        return number / 2
    }
}

/// What a parent has been given, in order.
private final class Told: Sendable {
    private let lives = Lock<[[Int]]>([])

    func begin() { lives.withLock { $0.append([]) } }
    func add(_ index: Int) { lives.withLock { $0[$0.count - 1].append(index) } }
    var all: [[Int]] { lives.withLock { $0 } }
    /// By the last life.
    var sorted: [Int] { all.last?.sorted() ?? [] }
}

private struct Fan: Workflow {
    static let name = "Fan"
    // As for a single child, it is the parent that says which errors it knows.
    static let errors: [any (Error & Codable & Sendable).Type] = [Uneven.self]
    let told: Told
    var pause: @Sendable (WorkflowContext, Int) async throws -> Void = { _, _ in }

    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        told.begin()
        var sum = 0
        for try await child in try await context.startChildren(Half.self, (0..<count).lazy.map { $0 }) {
            told.add(child.index)
            switch child.result {
            case .success(let half): sum += half == child.index / 2 && child.index % 2 == 0 ? half : 1_000_000
            case .failure(let error as Uneven): sum += error.number == child.index ? 0 : 1_000_000
            case .failure: sum += 1_000_000
            }
            try await pause(context, told.all.last?.count ?? 0)
        }
        return sum
    }
}

private struct Sleepy: Workflow {
    static let name = "Sleepy"

    func run(_ number: Int, in context: WorkflowContext) async throws { try await context.sleep(for: .days(1)) }
}

/// Starts sleepers; sees each of them end, or leaves them to its own end.
private struct Shepherd: Workflow {
    static let name = "Shepherd"
    let onClose: ParentClosePolicy
    let awaits: Bool

    func run(_ count: Int, in context: WorkflowContext) async throws -> [String] {
        let flock = try await context.startChildren(Sleepy.self, 0..<count, onClose: onClose)
        if !awaits { try await context.sleep(for: .days(1)) }
        var codes: [String] = []
        for try await sheep in flock {
            if case .failure(let error as WorkflowError) = sheep.result { codes.append(error.code.rawValue) }
        }
        return codes
    }
}

/// Children by the hundred: each is started once, and each end is given once.
@Suite(.timeLimit(.minutes(3)))
struct ChildGroupTests {
    private func running(_ engine: Engine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            defer { group.cancelAll() }
            try await body()
        }
        await engine.close()
    }

    private func sum(_ count: Int) -> Int { stride(from: 0, to: count, by: 2).reduce(0) { $0 + $1 / 2 } }

    @Test(arguments: SQLStore.available)
    func `each is started once, and each end comes once, with its output or its error`(_ store: SQLStore) async throws {
        let (told, count) = (Told(), 2_000)
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Fan(told: told)
            Half()
        }
        try await running(engine) {
            let handle = try await engine.start(Fan.self, count)
            #expect(try await handle.result() == sum(count))
            #expect(told.sorted == Array(0..<count))
            // A row for each block, and one for each page.
            let rows = try await engine.client.core.store.history(of: handle.number, after: 0, limit: .max)
            #expect(rows.filter { $0.kind == .childrenStart }.count == (count + ChildBlock.limit - 1) / ChildBlock.limit)
            #expect(rows.allSatisfy { $0.kind == .childrenStart || $0.kind == .childrenEnded })
            #expect(try await engine.client.core.store.openChildren(of: handle.number) == [])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a parent that leaves memory and comes back takes the same order`(_ store: SQLStore) async throws {
        let (told, count) = (Told(), 600)
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 4
        let engine = try await Engine(store: store.make().store, configuration: configuration) {
            Fan(told: told)
            Half()
        }
        try await running(engine) {
            let result = try await engine.start(Fan.self, count).result()
            #expect(result == sum(count))
            let lives = told.all
            #expect(told.sorted == Array(0..<count))
            for life in lives { #expect(lives.last?.starts(with: life) == true) }
        }
    }

    @Test(arguments: SQLStore.available)
    func `an engine that ends in the middle leaves the rest to the next, and nothing comes twice`(_ store: SQLStore) async throws {
        let (told, count, database) = (Told(), 1_500, store.make().store)
        let reached = AsyncStream.makeStream(of: Void.self)
        let first = try await Engine(store: database, configuration: .test) {
            Fan(told: told) { context, given in
                if given != 700 { return }
                reached.continuation.yield()
                // Held here, whatever has come meanwhile.
                try await context.sleep(for: .seconds(2))
            }
            Half()
        }
        try await running(first) {
            _ = try await first.start(Fan.self, count, id: "fan")
            for await _ in reached.stream { break }
        }
        let second = try await Engine(store: database, configuration: .test) {
            Fan(told: told) { context, given in
                if given == 700 { try await context.sleep(for: .seconds(2)) }
            }
            Half()
        }
        try await running(second) {
            let handle = try await second.handle(of: Fan.self, id: "fan")
            #expect(try await handle.result() == sum(count))
            #expect(told.all.count >= 2)
            #expect(told.sorted == Array(0..<count))
            for life in told.all { #expect(told.all.last?.starts(with: life) == true) }
        }
    }

    @Test(arguments: SQLStore.available)
    func `a parent that is cancelled sees each of its children end`(_ store: SQLStore) async throws {
        let count = 700
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Shepherd(onClose: .terminate, awaits: true)
            Sleepy()
        }
        try await running(engine) {
            let handle = try await engine.start(Shepherd.self, count)
            try await waitWhile { try await engine.client.core.store.openChildren(of: handle.number).count < count }
            try await handle.cancel()
            #expect(try await handle.result() == Array(repeating: "cancelled", count: count))
        }
    }

    @Test(arguments: SQLStore.available, [ParentClosePolicy.terminate, .cancel, .abandon])
    func `children that are open follow their policy when their parent is terminated`(
        _ store: SQLStore, _ onClose: ParentClosePolicy
    ) async throws {
        let count = 600
        var configuration = EngineConfiguration.test
        // Some are in memory, and some are rows.
        configuration.maximumInMemory = 300
        let engine = try await Engine(store: store.make().store, configuration: configuration) {
            Shepherd(onClose: onClose, awaits: false)
            Sleepy()
        }
        try await running(engine) {
            let backend = engine.client.core.store
            let handle = try await engine.start(Shepherd.self, count)
            try await waitWhile { try await backend.openChildren(of: handle.number).count < count }
            let children = try await backend.openChildren(of: handle.number).map(\.number)
            try await handle.terminate()
            await #expect(throws: WorkflowError.self) { try await handle.result() }
            if onClose == .abandon { return #expect(try await backend.openChildren(of: handle.number).count == count) }
            try await waitWhile { try await backend.openChildren(of: handle.number).count > 0 }
            let ends = try await backend.endings(of: children).compactMap {
                if case .outcome(let outcome) = $0 { outcome.status } else { nil }
            }
            #expect(ends == Array(repeating: onClose == .cancel ? .cancelled : .terminated, count: count))
        }
    }

    @Test(arguments: SQLStore.available)
    func `they wait in a queue like any other child`(_ store: SQLStore) async throws {
        let (told, count) = (Told(), 600)
        let queue = Queue("halves", concurrency: 10)
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Queued(queue: queue, told: told)
            Half()
            queue
        }
        try await running(engine) {
            let result = try await engine.start(Queued.self, count).result()
            #expect(result == count)
            #expect(told.sorted == Array(0..<count))
        }
    }
}

private struct Queued: Workflow {
    static let name = "Queued"
    let queue: Queue
    let told: Told

    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        told.begin()
        var ends = 0
        for try await child in try await context.startChildren(Half.self, 0..<count, on: queue) {
            told.add(child.index)
            ends += 1
        }
        return ends
    }
}

/// Throws if it holds for a minute.
private func waitWhile(_ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while try await isSo() {
        try #require(ContinuousClock.now < end)
        try await Task.sleep(for: .milliseconds(5))
    }
}
