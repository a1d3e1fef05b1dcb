import Perdure
import PerdureMemory
import Testing

/// What is not recorded must not decide what a workflow does: it is stopped, named, and nothing is overwritten.
@Suite(.timeLimit(.minutes(1)))
struct IntrusionTests {
    /// A step that is outstanding all the time, so that the workflow is not merely stuck.
    private static func besideAStep(
        _ context: WorkflowContext, _ intrusion: () async throws -> Void
    ) async throws -> String {
        try await context.step("before") {}
        async let outstanding: Void = context.step("outstanding") { await Gate().wait() }
        try await intrusion()
        try await context.step("after") {}
        try await outstanding
        return "done"
    }

    private static func expectIntrusion(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ intrusion: @escaping @Sendable (WorkflowContext) async throws -> Void
    ) async throws {
        let stopped = try await stopped(sourceLocation: sourceLocation) { context, _ in
            try await Self.besideAStep(context) { try await intrusion(context) }
        }
        #expect(stopped.reason.contains("[intrusion]"), "\(stopped.reason)", sourceLocation: sourceLocation)
        #expect(stopped.keys == ["before"], sourceLocation: sourceLocation)
        #expect(stopped.seen == [.intrusion], sourceLocation: sourceLocation)
    }

    /// Long enough that the workflow is suspended by then: what is over before it is awaited wakes nobody, and disturbs nothing.
    private static func later() async { try? await Task.sleep(for: .milliseconds(50)) }

    @Test func taskSleep() async throws {
        try await Self.expectIntrusion { _ in await Self.later() }
    }

    @Test func detachedTaskAwaited() async throws {
        try await Self.expectIntrusion { _ in await Task.detached { await Self.later() }.value }
    }

    @Test func unstructuredTaskAwaited() async throws {
        try await Self.expectIntrusion { _ in await Task { await Self.later() }.value }
    }

    @Test func streamFedFromOutside() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        try await Self.expectIntrusion { _ in
            Task.detached {
                await Self.later()
                continuation.yield(1)
            }
            for await _ in stream { break }
        }
    }

    @Test func hopToTheMainActor() async throws {
        try await Self.expectIntrusion { _ in await Self.onMain() }
    }

    @MainActor private static func onMain() {}

    @Test func hopToAnActorWithItsOwnExecutor() async throws {
        let foreigner = Foreigner()
        try await Self.expectIntrusion { _ in await foreigner.visit() }
        foreigner.thread.stop()
    }

    @Test func unstructuredTaskCallsTheContext() async throws {
        try await Self.expectIntrusion { context in try await Task { try await context.step("hidden") {} }.value }
    }

    @Test func detachedTaskCallsTheContext() async throws {
        try await Self.expectIntrusion { context in try await Task.detached { try await context.step("hidden") {} }.value }
    }

    @Test func immediateTaskCallsTheContext() async throws {
        guard #available(macOS 26.0, *) else { return }
        try await Self.expectIntrusion { context in try await Task.immediate { try await context.step("hidden") {} }.value }
    }

    @Test func anotherExecutorByHand() async throws {
        try await Self.expectIntrusion { context in
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try await context.step("hidden") {} }
        }
    }

    /// The code does not call the context any more: its result is worth nothing.
    @Test func intrusionBeforeTheEnd() async throws {
        let stopped = try await stopped { context, _ in
            let gate = Gate()
            async let step: Void = context.step("last") { await gate.wait() }
            await Task.detached {
                await Self.later()
                gate.open()
            }.value
            try await step
            return "never to be seen"
        }
        #expect(stopped.reason.contains("[intrusion]"), "\(stopped.reason)")
    }

    /// Code that swallows the error cannot go on, nor spin for ever.
    @Test func codeThatSwallowsTheError() async throws {
        let stopped = try await stopped { context, tell in
            try await context.step("before") {}
            async let outstanding: Void = context.step("outstanding") { await Gate().wait() }
            await Task.detached { await Self.later() }.value
            while true {
                do { try await context.step("again") {} } catch { tell(error) }
                if Task.isCancelled { break }
            }
            try await outstanding
            return "never to be seen"
        }
        #expect(stopped.reason.contains("[intrusion]"))
        #expect(stopped.keys == ["before"])
        #expect(!stopped.seen.isEmpty && stopped.seen.allSatisfy { $0 == .intrusion })
    }
}

/// Runs on a thread of its own.
private actor Foreigner {
    nonisolated let thread = ThreadExecutor(name: "foreigner")
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }
    private var visits = 0

    func visit() { visits += 1 }
}
