import Foundation
import Perdure
import Testing

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }
extension Topic where Message == String { fileprivate static let words = Topic("words") }

/// Receives so many numbers, and returns them.
private struct Collector: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> [Int] {
        var numbers: [Int] = []
        for _ in 0..<count { numbers.append(try await context.receive(.numbers)) }
        return numbers
    }
}

/// Waits for a number for so many milliseconds.
private struct Patient: Workflow {
    func run(_ milliseconds: Int, in context: WorkflowContext) async throws -> Int? {
        try await context.receive(.numbers, timeout: .milliseconds(milliseconds))
    }
}

/// Sends so many numbers to another, and says what it was told.
private struct Sender: Workflow {
    struct Input: Codable, Sendable {
        var to: String
        var count: Int
    }

    func run(_ input: Input, in context: WorkflowContext) async throws -> String {
        do {
            for number in 0..<input.count { try await context.send(to: input.to, .numbers, number) }
            return "sent"
        } catch let error as WorkflowError {
            return error.code.rawValue
        }
    }
}

/// A number or a word, whichever comes first; then what is left.
private struct Racer: Workflow {
    func run(_ rounds: Int, in context: WorkflowContext) async throws -> [String] {
        var seen: [String] = []
        for _ in 0..<rounds {
            let first = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask { "\(try await context.receive(.numbers))" }
                group.addTask { try await context.receive(.words) }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            seen.append(first ?? "nothing")
        }
        return seen
    }
}

/// Passes a number back and forth.
private struct Player: Workflow {
    struct Input: Codable, Sendable {
        var partner: String
        var begins: Bool
        var rounds: Int
    }

    func run(_ input: Input, in context: WorkflowContext) async throws -> Int {
        var last = 0
        if input.begins { try await context.send(to: input.partner, .numbers, 1) }
        for round in 0..<input.rounds {
            last = try await context.receive(.numbers)
            if input.begins, round == input.rounds - 1 { break }
            try await context.send(to: input.partner, .numbers, last + 1)
        }
        return last
    }
}

/// Sends numbers by every way that there is: its own, from the body of a step, and in a transaction.
private struct Caller: Workflow {
    static let name = "Caller"
    let client: Lock<Client?>

    func run(_ rounds: Int, in context: WorkflowContext) async throws {
        for round in 0..<rounds {
            let number = 4 * round
            try await context.send(to: "collector", .numbers, number)
            try await context.step("from a body") { try await client.withLock { $0 }?.send(to: "collector", .numbers, number + 1) }
            try await context.send(to: "collector", .numbers, number + 2)
            try await context.transaction("in a transaction") { db in
                try await client.withLock { $0 }?.send(to: "collector", .numbers, number + 3, in: db)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct MessageTests {
    private func engine(_ store: Store, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Collector()
            Patient()
            Sender()
            Racer()
            Player()
        }
    }

    @Test(arguments: SQLStore.available)
    func `messages are kept until they are asked for, and come in their order`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        let handle = try await engine.start(Collector.self, 100)
        for number in 0..<50 { try await handle.send(.numbers, number) }
        try await running([engine]) {
            for number in 50..<100 { try await engine.client.send(to: handle.id, .numbers, number) }
            #expect(try await handle.result() == Array(0..<100))
        }
    }

    @Test(arguments: SQLStore.available)
    func `nothing in time is nil, and one that is there is taken without waiting`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        let there = try await engine.start(Patient.self, 0)
        try await there.send(.numbers, 7)
        try await running([engine]) {
            #expect(try await there.result() == 7)
            #expect(try await engine.start(Patient.self, 20).result() == nil)
            let waiting = try await engine.start(Patient.self, 600_000)
            try await waiting.send(.numbers, 8)
            #expect(try await waiting.result() == 8)
        }
    }

    @Test(arguments: SQLStore.available)
    func `workflows send to workflows, in this engine and in another`(_ store: SQLStore) async throws {
        let database = store.make().store
        let engines = [try await engine(database), try await engine(database)]
        try await running(engines) {
            let collector = try await engines[0].start(Collector.self, 40, id: "collector")
            let senders = [
                try await engines[0].start(Sender.self, Sender.Input(to: "collector", count: 20)),
                try await engines[1].start(Sender.self, Sender.Input(to: collector.id, count: 20)),
            ]
            let numbers = try await collector.result()
            #expect(numbers.sorted() == (0..<20).flatMap { [$0, $0] })
            for sender in senders { #expect(try await sender.result() == "sent") }
            // Nobody is there any more, and there never was anybody.
            #expect(try await engines[1].start(Sender.self, Sender.Input(to: "collector", count: 1)).result() == "notFound")
            #expect(try await engines[1].start(Sender.self, Sender.Input(to: "nobody", count: 1)).result() == "notFound")
        }
    }

    @Test(arguments: SQLStore.available)
    func `what one sends comes in its order, by whichever ways it sends`(_ store: SQLStore) async throws {
        let client = Lock<Client?>(nil)
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Collector()
            Caller(client: client)
        }
        client.withLock { $0 = engine.client }
        try await running([engine]) {
            let collector = try await engine.start(Collector.self, 200, id: "collector")
            let caller = try await engine.start(Caller.self, 50)
            #expect(try await collector.result() == Array(0..<200))
            try await caller.result()
        }
    }

    @Test(arguments: SQLStore.available)
    func `a game of two, in one engine and across two, also where nothing stays in memory`(_ store: SQLStore) async throws {
        for memory in [20_000, 2] {
            let database = store.make().store
            let engines = [try await engine(database, memory: memory), try await engine(database, memory: memory)]
            try await running(engines) {
                let first = try await engines[0].start(Player.self, Player.Input(partner: "b", begins: false, rounds: 20), id: "a")
                let second = try await engines[1].start(Player.self, Player.Input(partner: "a", begins: true, rounds: 20), id: "b")
                #expect(try await first.result() == 39)
                #expect(try await second.result() == 40)
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func `what a receive that lost had been given is there for the next`(_ store: SQLStore) async throws {
        let database = store.make().store
        let engine = try await engine(database)
        let handle = try await engine.start(Racer.self, 40)
        for number in 0..<20 {
            try await handle.send(.numbers, number)
            try await handle.send(.words, "w\(number)")
        }
        try await running([engine]) {
            let seen = try await handle.result()
            #expect(seen.filter { !$0.hasPrefix("w") } == (0..<20).map { "\($0)" })
            #expect(seen.filter { $0.hasPrefix("w") } == (0..<20).map { "w\($0)" })
        }
    }

    @Test(arguments: SQLStore.available)
    func `a key sends once, and nobody is told what was rolled back`(_ store: SQLStore) async throws {
        struct Enough: Error {}
        let engine = try await engine(store.make().store)
        let handle = try await engine.start(Collector.self, 3)
        for _ in 0..<3 { try await handle.send(.numbers, 1, key: "one") }
        try? await engine.client.transaction { db in
            try await handle.send(.numbers, 2, in: db)
            throw Enough()
        }
        try await engine.client.transaction { db in
            try await handle.send(.numbers, 3, key: "three", in: db)
            try await handle.send(.numbers, 3, key: "three", in: db)
            try await handle.send(.numbers, 4, in: db)
        }
        try await running([engine]) {
            #expect(try await handle.result() == [1, 3, 4])
            // One with a key that was sent before is as good as sent.
            try await handle.send(.numbers, 1, key: "one")
            await #expect(throws: WorkflowError.self) { try await handle.send(.numbers, 9) }
            await #expect(throws: WorkflowError.self) { try await handle.send(.numbers, 9, key: "nine") }
        }
    }

    @Test(arguments: SQLStore.available)
    func `a start with a message is both or neither`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        let client = engine.client
        let first = try await client.start(Collector.self, 2, id: "x", sending: .numbers, 1)
        let second = try await client.start(Collector.self, 2, id: "x", sending: .numbers, 2)
        #expect(first.number == second.number)
        try await running([engine]) {
            #expect(try await second.result() == [1, 2])
            let third = try await client.start(Collector.self, 1, id: "x", sending: .numbers, 3)
            #expect(try await third.result() == [3])
            #expect(third.number != first.number)
        }
    }

    @Test(arguments: SQLStore.available)
    func `messages that nobody asks for keep nobody awake`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, memory: 2)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int?>] = []
            for _ in 0..<6 { handles.append(try await engine.start(Patient.self, 600_000)) }
            for handle in handles { try await handle.send(.words, "unasked") }
            try await eventually("they are rows") { engine.statistics.inMemory <= 2 }
            // Each may be looked at for what has come; then nobody is, and a second goes by without one.
            try await eventually("they are left alone") {
                let before = engine.statistics.started
                try await Task.sleep(for: .seconds(1))
                return engine.statistics.started == before
            }
            for (number, handle) in handles.enumerated() { try await handle.send(.numbers, number) }
            for (number, handle) in handles.enumerated() { #expect(try await handle.result() == number) }
        }
    }
}
