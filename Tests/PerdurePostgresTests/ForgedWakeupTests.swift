internal import Foundation
internal import Perdure
@testable internal import PerdurePostgres
internal import Testing

private struct Leaf: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        try await context.sleep(for: .milliseconds(5))
        return try await context.step("leaf") { number }
    }
}

private struct Tree: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        async let left = context.child(Leaf.self, number)
        async let right = context.child(Leaf.self, number + 1)
        return try await left + right
    }
}

/// Notifications have no access control: anybody who can connect may send any.
@Suite(Server.isThere, Server.isHeard, .timeLimit(.minutes(5))) struct ForgedWakeupTests {
    /// One hint out of nothing: a kind that exists, with content that may; or anything.
    private static func forgery(_ numbers: [WorkflowNumber]) -> String {
        let some = numbers.shuffled().prefix(Int.random(in: 0..<400)).map { String($0, radix: 16) }
        return switch Int.random(in: 0..<8) {
        case 0: ""
        case 1: "r"
        case 2: "i"
        case 3: "*"
        case 4: "e" + some.joined(separator: ",")
        case 5: "e" + (0..<300).map { _ in String(Int64.random(in: .min ... .max), radix: 16) }.joined(separator: ",")
        case 6: "e,,zz,-,\u{1F4A5},\(String(repeating: "f", count: Int.random(in: 0..<5000)))"
        default: String((0..<Int.random(in: 0..<1900)).map { _ in Character(UnicodeScalar(UInt32.random(in: 1..<0xD7FF)) ?? "x") })
        }
    }

    @Test func `whatever is sent on the channel, everything ends as it should`() async throws {
        try await withStore { fixture in
            let channel = WakeupMessage.channel(fixture.store.schema)
            let store = Store.postgres(fixture.url, schema: fixture.schema)
            var configuration = EngineConfiguration()
            configuration.log = { _, _ in }
            let engines = [
                try await Engine(store: store, configuration: configuration) { Tree() },
                try await Engine(store: store, configuration: configuration) { Leaf() },
            ]
            let client = try await Client(store: store, configuration: configuration)
            let numbers = Lock<[WorkflowNumber]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for engine in engines { group.addTask { try await engine.run() } }
                group.addTask {
                    while !Task.isCancelled {
                        let forged = Self.forgery(numbers.withLock { $0 })
                        try await fixture.sql("SELECT pg_notify(\(channel), \(forged))")
                    }
                }
                var handles: [WorkflowHandle<Int>] = []
                for number in 0..<100 {
                    let handle = try await client.start(Tree.self, number)
                    numbers.withLock { $0.append(Int64(handle.id.dropFirst(), radix: 16) ?? 0) }
                    handles.append(handle)
                }
                for (number, handle) in handles.enumerated() { #expect(try await handle.result() == 2 * number + 1) }
                group.cancelAll()
                try await group.waitForAll()
            }
            for engine in engines { await engine.close() }
            await client.close()
            // It listens still.
            let heard = Lock(false)
            let subscription = try await fixture.store.listen { if $0 == .ready { heard.withLock { $0 = true } } }
            try await fixture.sql("SELECT pg_notify(\(channel), 'r')")
            try await eventually("a true one is heard") { heard.withLock { $0 } }
            await subscription.cancel()
        }
    }
}
