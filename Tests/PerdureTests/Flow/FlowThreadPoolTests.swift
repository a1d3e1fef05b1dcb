import Dispatch
import Foundation
import Perdure
import Testing

/// The threads of an engine, and what holds them.
@Suite(.timeLimit(.minutes(1)))
struct FlowThreadPoolTests {
    /// Bodies that block do not stop the others, nor the workflows.
    @Test func whatIsHeldIsReplaced() async throws {
        let pool = FlowThreadPool(count: 2)
        let (held, released) = (Counter(), DispatchSemaphore(value: 0))
        let blocked = (0..<5).map { _ in
            Task(executorPreference: pool) {
                held.add()
                Self.block(released)
            }
        }
        for _ in 0..<200 where held[] < 5 {
            try await Task.sleep(for: .milliseconds(30))
            pool.relieve()
        }
        #expect(held[] == 5)
        // Also without being asked, when something new comes.
        try await Task.sleep(for: .milliseconds(30))
        async let late: Void = Task(executorPreference: pool) {}.value
        for _ in blocked { released.signal() }
        await late
        for task in blocked { await task.value }
        pool.stop()
    }

    /// The body of a step may outlive its engine.
    @Test func aBodyThatComesTooLateIsRunAllTheSame() async throws {
        let pool = FlowThreadPool(count: 2)
        await Task(executorPreference: pool) {}.value
        pool.stop()
        for _ in 0..<20 {
            await Task(executorPreference: pool) { await Task.yield() }.value
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Bodies that only yield to each other leave the others their turn.
    @Test func nobodyIsLeftOutByThoseWhoYield() async throws {
        let pool = FlowThreadPool(count: 1)
        let ran = Counter()
        let restless = (0..<2).map { _ in
            Task(executorPreference: pool) { while ran[] == 0, !Task.isCancelled { await Task.yield() } }
        }
        await Task(executorPreference: pool) { _ = ran.add() }.value
        for task in restless { await task.value }
        pool.stop()
    }

    /// As `top -H` shows them.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/thread-self/comm"))) func threadsHaveNames() async throws {
        let pool = FlowThreadPool(count: 2)
        let name = try await Task(executorPreference: pool) { try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8) }.value
        #expect(name.hasPrefix("perdure-flow-"))
        pool.stop()
    }

    private static func block(_ semaphore: DispatchSemaphore) { semaphore.wait() }
}
