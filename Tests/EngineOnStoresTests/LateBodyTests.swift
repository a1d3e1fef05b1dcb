import Perdure
import PerdureTesting
import Testing

/// The body of a transaction that does not listen to its cancellation, and so outlives its engine.
@Suite(.timeLimit(.minutes(1)))
struct LateBodyTests {
    private struct Late: Workflow {
        let begun: Latch
        let goesOn: Latch
        let told: Latch

        func run(_: Void, in context: WorkflowContext) async throws {
            try await context.transaction("late", isolation: .readCommitted) { db in
                try await db.execute("SELECT 1")
                begun.open()
                await Task { await goesOn.wait() }.value
                // Its connection is closed, and its thread has ended.
                await #expect(throws: StoreError.self) { try await db.execute("SELECT 2") }
                told.open()
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func isToldThatItIsTooLate(kind: SQLStore) async throws {
        var configuration = EngineConfiguration.test
        // On SQLite a transaction holds the file for a third of it, and the end waits for that.
        configuration.lease = .milliseconds(1_500)
        let late = Late(begun: Latch(), goesOn: Latch(), told: Latch())
        try await withEngine(store: kind.make().store, configuration: configuration) {
            late
        } body: { engine in
            _ = try await engine.start(Late.self)
            await late.begun.wait()
        }
        late.goesOn.open()
        await late.told.wait()
    }

    @Test func aJobForAThreadThatHasEndedIsRun() async {
        let thread = ThreadExecutor(name: "ended")
        thread.stop()
        for round in 1...100 {
            let result = await Task(executorPreference: thread) { round }.value
            #expect(result == round)
        }
    }
}

/// Opens once, for all who wait.
private final class Latch: Sendable {
    private let state = Lock<(isOpen: Bool, waiting: [Parked<Void>])>((false, []))

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for parked in waiting { parked.resume() }
    }

    func wait() async {
        await park { (parked: Parked<Void>) in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(parked) }
                return state.isOpen
            }
            if isOpen { parked.resume() }
        }
    }
}
