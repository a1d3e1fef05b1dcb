import Perdure
import PerdureMemory
import Testing

/// A workflow that waits for what nothing durable will bring.
@Suite(.timeLimit(.minutes(1)))
struct StuckTests {
    private static func expectStuck(
        sourceLocation: SourceLocation = #_sourceLocation, _ wait: @escaping @Sendable () async throws -> Void
    ) async throws {
        let stopped = try await stopped(sourceLocation: sourceLocation) { context, _ in
            try await context.step("before") {}
            try await wait()
            try await context.step("after") {}
            return "never to be seen"
        }
        #expect(stopped.reason.contains("[notDurable]"), "\(stopped.reason)", sourceLocation: sourceLocation)
        #expect(stopped.keys == ["before"], sourceLocation: sourceLocation)
    }

    @Test func taskSleepAlone() async throws {
        try await Self.expectStuck { try await Task.sleep(for: .seconds(3600)) }
    }

    @Test func streamThatNobodyFeeds() async throws {
        try await Self.expectStuck { await Gate().wait() }
    }

    @Test func childrenThatWaitForEachOther() async throws {
        let (one, two) = (Gate(), Gate())
        try await Self.expectStuck {
            await withTaskGroup { group in
                group.addTask {
                    await one.wait()
                    two.open()
                }
                group.addTask {
                    await two.wait()
                    one.open()
                }
            }
        }
    }
}
