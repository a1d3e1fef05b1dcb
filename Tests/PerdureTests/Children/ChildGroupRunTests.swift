import Foundation
import PerdureMemory
import PerdureTesting
import Testing

@testable import Perdure

private struct Quick: Workflow {
    func run(_ number: Double, in context: WorkflowContext) async throws -> Double { number * 2 }
}

private struct Family: Workflow {
    var code: @Sendable (Int, WorkflowContext) async throws -> String

    func run(_ count: Int, in context: WorkflowContext) async throws -> String { try await code(count, context) }
}

extension ChildGroup<Double> {
    /// The sum of the next `limit` results.
    fileprivate func sum(_ limit: Int = .max) async throws -> Double {
        var (sum, seen) = (0.0, 0)
        for try await child in self {
            sum += try child.output
            seen += 1
            if seen == limit { break }
        }
        return sum
    }
}

@Suite(.timeLimit(.minutes(2)))
struct ChildGroupRunTests {
    private let numbers: @Sendable (Int) -> [Double] = { (0..<$0).map(Double.init) }

    private func told(
        _ count: Int, _ database: MemoryDatabase = MemoryDatabase(), _ configuration: EngineConfiguration = .test,
        code: @escaping @Sendable (Int, WorkflowContext) async throws -> String
    ) async throws -> String {
        var told = ""
        try await withEngine(store: .memory(database), configuration: configuration) {
            Quick()
            Family(code: code)
        } body: { engine in
            told = try await engine.start(Family.self, count, id: "family").result()
        }
        return told
    }

    @Test func `a group of none is over at once, and leaves no row`() async throws {
        let database = MemoryDatabase()
        let told = try await told(0, database) { [numbers] count, context in
            let group = try await context.startChildren(Quick.self, numbers(count))
            return "\(group.count) \(try await group.sum())"
        }
        #expect(told == "0 0.0")
        let client = try await Client(store: .memory(database))
        let number = try await client.core.number(ofID: "family")
        #expect(try await client.core.store.history(of: number, after: 0, limit: 10) == [])
    }

    @Test func `after a break the next loop goes on`() async throws {
        let told = try await told(1_000) { [numbers] count, context in
            let group = try await context.startChildren(Quick.self, numbers(count))
            let (first, second) = (try await group.sum(3), try await group.sum(700))
            return "\(first + second + (try await group.sum())) \(try await group.sum())"
        }
        #expect(told == "\(Double(999 * 1_000)) 0.0")
    }

    @Test func `children of one type in two groups are not mixed up`() async throws {
        let told = try await told(300) { [numbers] count, context in
            let first = try await context.startChildren(Quick.self, numbers(count))
            let second = try await context.startChildren(Quick.self, numbers(count).map { $0 + 1_000_000 })
            async let late = second.sum()
            return "\(try await first.sum()) \(try await late)"
        }
        #expect(told == "\(Double(299 * 300)) \(Double(299 * 300 + 300 * 2_000_000))")
    }

    @Test func `the ids are those of the children, in the order of the inputs`() async throws {
        let told = try await told(600) { [numbers] count, context in
            let group = try await context.startChildren(Quick.self, numbers(count))
            var same = 0
            for try await child in group where child.id == group.id(at: child.index) { same += 1 }
            return "\(same) \(Set((0..<count).map(group.id)).count)"
        }
        #expect(told == "600 600")
    }

    @Test func `two tasks cannot wait for the next end at the same time`() async throws {
        let told = try await told(1) { count, context in
            if count == 0 {
                try await context.sleep(for: .milliseconds(50))
                return "child"
            }
            let group = try await context.startChildren(Family.self, [0])
            async let other = group.makeAsyncIterator().firstIndex()
            // This one asks first: the other begins when it waits.
            let index = try await group.makeAsyncIterator().firstIndex()
            do {
                return "\(try await other ?? -1)"
            } catch let error as WorkflowError {
                return "\(index ?? -1) \(error.code.rawValue)"
            }
        }
        #expect(told == "0 ambiguousStep")
    }

    @Test func `an input that cannot be encoded is an error, also in a replay`() async throws {
        let told = try await told(600) { [numbers] count, context in
            do {
                _ = try await context.startChildren(Quick.self, numbers(count) + [.nan])
            } catch {
                try await context.step("caught") {}
                return "\((error as? WorkflowError)?.code.rawValue ?? "\(error)")"
            }
            return "started"
        }
        #expect(told == "unencodable")
    }

    @Test(arguments: 0..<4) func `whatever the store does, each end comes once`(seed: Int) async throws {
        let database = MemoryDatabase()
        let (random, blocks) = (Lock(SystemRandomNumberGenerator()), Counter())
        database.faults = { operation in
            guard [.commit, .groupEnds, .inbox, .openChildren, .numberBlock, .load].contains(operation.kind) else { return nil }
            // The first is for the parent, whose start would fail.
            if operation.kind == .numberBlock, blocks.add() <= 2 { return nil }
            return random.withLock { Int.random(in: 0..<8, using: &$0) } == 0 ? StoreError(.unavailable, "injected") : nil
        }
        let told = try await told(1_300, database) { [numbers] count, context in
            "\(try await context.startChildren(Quick.self, numbers(count)).sum())"
        }
        #expect(told == "\(Double(1_299 * 1_300))")
    }

    /// Ends that it does not wait for would otherwise wake it again and again.
    @Test func `a parent that waits for something else is left in peace`() async throws {
        let clock = TestClock()
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 2
        let lives = Counter()
        try await withEngine(store: .memory(), configuration: configuration, clock: clock) {
            Quick()
            Family { [numbers] count, context in
                if count > 0 { lives.add() }
                let group = try await context.startChildren(Quick.self, numbers(count))
                try await context.sleep(for: .days(1))
                return "\(try await group.sum())"
            }
        } body: { engine in
            let handle = try await engine.start(Family.self, 40)
            let store = engine.client.core.store
            func ends() async throws -> Int {
                try await store.groupEnds(of: handle.number, "@children:Quick", limit: 100, bytes: .max).count
            }
            try await waitWhile { try await ends() < 40 }
            // Others take its place in memory.
            for _ in 0..<4 { _ = try await engine.start(Family.self, 0) }
            try await waitWhile { try await handle.status().state != .waiting }
            try await waitWhile { try await !store.inbox(of: [handle.number]).isEmpty }
            let before = lives[]
            try await Task.sleep(for: .milliseconds(200))
            #expect(lives[] == before)
            #expect(try await ends() == 40)
            clock.advance(by: .days(2))
            #expect(try await handle.result() == "\(Double(39 * 40))")
        }
    }

    @Test func `a replay takes the same way, and says so when the inputs have changed`() async throws {
        let database = MemoryDatabase()
        let code: @Sendable (Double) -> @Sendable (Int, WorkflowContext) async throws -> String = { more in
            { [numbers] count, context in
                var order = ""
                for try await child in try await context.startChildren(Quick.self, numbers(count + Int(more))) {
                    order += "\(child.index) "
                }
                return order
            }
        }
        let told = try await told(1_100, database, code: code(0))
        #expect(told.split(separator: " ").count == 1_100)
        let client = try await Client(store: .memory(database))
        let number = try await client.core.number(ofID: "family")
        let history = HistoryExport(try #require(try await client.core.store.recorded(number)))
        func verdict(_ more: Double) async throws -> ReplayVerdict {
            try await Replayer { Family(code: code(more)) }.replay(history).verdict
        }
        #expect(try await verdict(0) == .consistent)
        for more in [-1_100.0, -600, -1, 1, 600] {
            let verdict = try await verdict(more)
            guard case .diverged = verdict else {
                Issue.record("with \(more) inputs more it is \(verdict)")
                continue
            }
        }
    }
}

extension ChildGroup.AsyncIterator {
    fileprivate func firstIndex() async throws -> Int? {
        var iterator = self
        return try await iterator.next()?.index
    }
}
