import Perdure
import PerdureMemory
import Testing

/// Ordinary structured concurrency: never stopped, and the same over its own history.
@Suite(.timeLimit(.minutes(1)))
struct HarmlessTests {
    @Test func asyncLetNeverAwaited() async throws {
        let result = try await replayed { context in
            async let _ = context.step("forgotten") { await Task.yield() }
            async let _ = context.sleep(for: .seconds(3600))
            return try await context.step("kept") { "kept" }
        }
        #expect(result == "kept")
    }

    @Test func asyncLetNeverAwaitedBesideAnError() async throws {
        let result = try await replayed { context in
            do {
                async let forgotten = context.step("forgotten") { 1 }
                try await context.sleep(for: .milliseconds(1))
                if try await context.step("decide", { true }) { throw CancellationError() }
                return "\(try await forgotten)"
            } catch {
                return "thrown"
            }
        }
        #expect(result == "thrown")
    }

    @Test func taskGroup() async throws {
        let result = try await replayed { context in
            await withTaskGroup(of: Int.self) { group in
                for index in 0..<5 { group.addTask { (try? await context.step("each", id: index) { index }) ?? -1 } }
                return "\(await group.reduce(0, +))"
            }
        }
        #expect(result == "10")
    }

    @Test func throwingTaskGroup() async throws {
        let result = try await replayed { context in
            try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask { try await context.step("quick") { "quick" } }
                group.addTask {
                    try await context.sleep(for: .seconds(3600))
                    return "slow"
                }
                let first = try await group.next() ?? ""
                group.cancelAll()
                return first
            }
        }
        #expect(result == "quick")
    }

    @Test func discardingTaskGroup() async throws {
        let result = try await replayed { context in
            let sum = Lock(0)
            await withDiscardingTaskGroup { group in
                for index in 0..<5 {
                    group.addTask {
                        let value = (try? await context.step("each", id: index) { index }) ?? -1
                        sum.withLock { $0 += value }
                    }
                }
            }
            return "\(sum.withLock { $0 })"
        }
        #expect(result == "10")
    }

    @Test func throwingDiscardingTaskGroup() async throws {
        let result = try await replayed { context in
            do {
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { try await context.step("fails") { throw RecordedError(type: "Oh", message: "no") } }
                    group.addTask { try await context.sleep(for: .seconds(3600)) }
                }
                return "not thrown"
            } catch {
                return "\(error)"
            }
        }
        #expect(result == "Oh: no")
    }

    @Test func streamBetweenChildren() async throws {
        let result = try await replayed { context in
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            return try await withThrowingTaskGroup(of: [Int].self) { group in
                group.addTask {
                    for index in 0..<4 { continuation.yield(try await context.step("make", id: index) { index }) }
                    continuation.finish()
                    return []
                }
                group.addTask {
                    var read: [Int] = []
                    for await element in stream { read.append(try await context.step("use", id: element) { element * element }) }
                    return read
                }
                return "\(try await group.reduce([], +))"
            }
        }
        #expect(result == "[0, 1, 4, 9]")
    }

    @Test func actorsOfItsOwn() async throws {
        let result = try await replayed { context in
            let till = Till()
            try await withThrowingTaskGroup { group in
                for index in 0..<4 { group.addTask { try await till.pay(index, context) } }
                try await group.waitForAll()
            }
            return "\(await till.sum)"
        }
        #expect(result == "6")
    }

    @Test func cancellationHandler() async throws {
        let result = try await replayed { context in
            let cancelled = Lock(false)
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try? await withTaskCancellationHandler {
                        try await context.sleep(for: .seconds(3600))
                    } onCancel: {
                        cancelled.withLock { $0 = true }
                    }
                }
                try await context.step("cause") {}
                group.cancelAll()
            }
            return "\(cancelled.withLock { $0 })"
        }
        #expect(result == "true")
    }

    @Test func yields() async throws {
        let result = try await replayed { context in
            async let other = context.step("other") { "b" }
            for _ in 0..<100 { await Task.yield() }
            return try await context.step("one") { "a" } + other
        }
        #expect(result == "ab")
    }

    /// Longer than what is read at once.
    @Test func longHistory() async throws {
        let bodies = Lock(0)
        let result = try await replayed { context in
            var sum = 0
            for index in 0..<2_300 {
                sum += try await context.step("count") {
                    bodies.withLock { $0 += 1 }
                    return index
                }
            }
            return "\(sum)"
        }
        #expect(result == "\(2_300 * 2_299 / 2)")
        #expect(bodies.withLock { $0 } == 2_300)
    }

    @Test func hops() async throws {
        let result = try await replayed { context in
            async let first = Self.concurrently(3, context, "first")
            async let second = Self.inherited(2, context, "second")
            return try await first + second
        }
        #expect(result == "firstsecond")
    }

    @concurrent private static func concurrently(_ depth: Int, _ context: WorkflowContext, _ name: String) async throws -> String {
        if depth > 0 { return try await inherited(depth - 1, context, name) }
        return try await context.step(name) { name }
    }

    private nonisolated(nonsending) static func inherited(_ depth: Int, _ context: WorkflowContext, _ name: String) async throws -> String {
        if depth > 0 { return try await concurrently(depth - 1, context, name) }
        return try await context.step(name) { name }
    }
}

private actor Till {
    private(set) var sum = 0

    func pay(_ amount: Int, _ context: WorkflowContext) async throws {
        sum += try await context.step("pay", id: amount) { amount }
    }
}
