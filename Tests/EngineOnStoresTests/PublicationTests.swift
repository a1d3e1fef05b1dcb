import Foundation
import Perdure
import Testing

extension EventKey where Value == Int { fileprivate static let percent = EventKey("percent") }
extension EventKey where Value == String { fileprivate static let phase = EventKey("phase") }
extension StreamKey where Element == String { fileprivate static let tokens = StreamKey("tokens") }
extension Topic where Message == Bool { fileprivate static let next = Topic("next") }
extension RequestKey where Input == Int, Output == Int { fileprivate static let double = RequestKey("double") }

/// Publishes how far it is, each time that it is told to go on.
private struct Reporter: Workflow {
    func run(_ steps: Int, in context: WorkflowContext) async throws {
        for step in 1...steps {
            _ = try await context.receive(.next)
            try await context.publish(.percent, 100 * step / steps)
        }
        try await context.publish(.phase, "done")
    }
}

/// A model whose tokens arrive one by one; its first attempts break off.
private struct Writer: Workflow {
    struct Broken: Error {}

    struct Input: Codable, Sendable {
        var words: [String]
        var failures: Int
    }

    func run(_ input: Input, in context: WorkflowContext) async throws {
        try await context.append("begin", to: .tokens)
        try await context.step("model", retry: .fixed(attempts: 5, interval: .milliseconds(1))) { step in
            for (place, word) in input.words.enumerated() {
                if step.attempt <= input.failures, place == 1 { throw Broken() }
                try await step.append(word, to: .tokens)
            }
        }
        try await context.append("end", to: .tokens)
    }
}

/// Doubles numbers, but not odd ones, and breaks on 100.
private struct Doubler: Workflow {
    struct Odd: Error, Codable {}
    struct Large: Error, Codable {}

    func run(_ count: Int, in context: WorkflowContext) async throws -> [Int] {
        var seen: [Int] = []
        for _ in 0..<count {
            let answered = try await context.answer(.double) { number in
                if number % 2 == 1 { throw Odd() }
            } _: { number in
                if number >= 100 { throw Large() }
                return 2 * number
            }
            seen.append(answered.input)
        }
        return seen
    }
}

@Suite(.timeLimit(.minutes(5)))
struct PublicationTests {
    private func engine(_ store: Store, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Reporter()
            Writer()
            Doubler()
        }
    }

    @Test(arguments: SQLStore.available)
    func `events are read, and awaited, while the workflow runs and afterwards`(_ store: SQLStore) async throws {
        let database = store.make().store
        let (engine, other) = (try await engine(database), try await Client(store: database))
        try await running([engine]) {
            let handle = try await engine.start(Reporter.self, 4, id: "report")
            #expect(try await handle.event(.percent) == nil)
            let remote = try await other.handle(of: Reporter.self, id: "report")
            async let half = remote.awaitEvent(.percent, where: { $0 >= 50 })
            for _ in 0..<3 { try await handle.send(.next, true) }
            let seen = try await half
            #expect(seen ?? 0 >= 50)
            #expect(try await remote.awaitEvent(.phase, timeout: .milliseconds(20)) == nil)
            try await remote.send(.next, true)
            try await remote.result()
            let events = try await remote.events()
            #expect(events.names == ["percent", "phase"])
            #expect(try events(.percent) == 100)
            #expect(try events(.phase) == "done")
        }
        await other.close()
    }

    @Test(arguments: SQLStore.available)
    func `a stream is read as it grows, from any place, in another process`(_ store: SQLStore) async throws {
        let database = store.make().store
        let (engine, other) = (try await engine(database), try await Client(store: database))
        let input = Writer.Input(words: ["a", "b", "c"], failures: 1)
        let handle = try await engine.start(Writer.self, input, id: "writer")
        let remote = try await other.handle(of: Writer.self, id: "writer")
        try await running([engine]) {
            async let read = remote.stream(.tokens).reduce(into: [String]()) { $0.append("\($1.attempt) \($1.value)") }
            try await handle.result()
            let values = try await read
            #expect(values == ["1 begin", "1 a", "2 a", "2 b", "2 c", "1 end"])
            let rest = try await handle.stream(.tokens, from: 4).reduce(into: [Int]()) { $0.append($1.offset) }
            #expect(rest == [4, 5])
        }
        await other.close()
    }

    /// As in a deployment that replaces one process after the other: what is awaited has not ended.
    @Test(arguments: SQLStore.available)
    func `a client that is closed is no end of what it waits for`(_ store: SQLStore) async throws {
        let database = store.make().store
        let (engine, other) = (try await engine(database), try await Client(store: database))
        try await running([engine]) {
            try await engine.start(Reporter.self, 1, id: "report")
            let remote = try await other.handle(of: Reporter.self, id: "report")
            func code(_ wait: () async throws -> Void) async throws -> WorkflowError.Code? {
                do { try await wait() } catch let error as WorkflowError { return error.code }
                return nil
            }
            async let read = code { for try await _ in remote.stream(.tokens) {} }
            async let awaited = code { _ = try await remote.awaitEvent(.percent) }
            async let timed = code { _ = try await remote.awaitEvent(.percent, timeout: .hours(1)) }
            async let answered = code { _ = try await remote.request(.double, 2) }
            try await eventually("all wait") { other.core.publications.waiting == 4 }
            await other.close()
            let codes = try await [read, awaited, timed, answered]
            #expect(codes == Array(repeating: .closed, count: 4))
            try await engine.client.send(to: "report", .next, true)
        }
    }

    @Test(arguments: SQLStore.available)
    func `requests are answered, refused without a trace, and answered once under a key`(_ store: SQLStore) async throws {
        let database = store.make().store
        let (engine, other) = (try await engine(database), try await Client(store: database))
        try await running([engine]) {
            let handle = try await engine.start(Doubler.self, 3, id: "doubler")
            let remote = try await other.handle(of: Doubler.self, id: "doubler")
            #expect(try await handle.request(.double, 2, key: "two") == 4)
            #expect(try await remote.request(.double, 2, key: "two") == 4)
            await #expect(throws: RecordedError.self) { try await remote.request(.double, 3) }
            await #expect(throws: RecordedError.self) { try await handle.request(.double, 100) }
            #expect(try await remote.request(.double, 4) == 8)
            #expect(try await handle.result() == [2, 100, 4])
            // It has ended: what was answered stays answered.
            #expect(try await remote.request(.double, 2, key: "two") == 4)
            let error = await #expect(throws: WorkflowError.self) { try await remote.request(.double, 6) }
            #expect(error?.code == .ended)
        }
        await other.close()
    }
}
