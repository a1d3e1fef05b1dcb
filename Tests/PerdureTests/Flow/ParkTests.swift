@testable import Perdure
import Testing

/// A call that is cancelled, or whose run is stopped, between its registration and its wait.
struct ParkTests {
    private static func state() -> RunState {
        RunState(LoadedWorkflow(record: WorkflowRecord(number: 1, lane: Lane(workflow: "act"), input: .void, created: 0)))
    }

    @Test func aTimerThatIsCancelledBeforeItParks() async throws {
        var state = Self.state()
        let key = try state.register("@sleep", kind: .timer, exclusive: false).key
        _ = state.cancelWait(key)
        let resumption = await Self.parked(&state, key)
        guard case .cancelled? = resumption else {
            Issue.record("it waits, and nobody would ever wake it")
            return
        }
    }

    @Test func aStepWhoseRunIsStoppedBeforeItParks() async throws {
        var state = Self.state()
        let key = try state.register("ship", kind: .step, exclusive: true).key
        _ = state.stop(WorkflowError.stuck)
        _ = state.next()
        let resumption = await Self.parked(&state, key)
        guard case .stopped? = resumption else {
            Issue.record("it waits, and nobody would ever wake it")
            return
        }
    }

    @Test func aStepThatIsCancelledBeforeItParksWaitsForItsBody() async throws {
        var state = Self.state()
        let key = try state.register("ship", kind: .step, exclusive: true).key
        _ = state.cancelWait(key)
        let resumption = await Self.parked(&state, key)
        #expect(resumption.map { _ in true } == nil)
        #expect(state.waits[key]?.isCancelled == true)
    }

    /// What the call is resumed with at once; nil if it waits.
    private static func parked(_ state: inout RunState, _ key: String) async -> Resumption? {
        var atOnce: Resumption?
        // The test's own wait ends in any case.
        _ = await park { (waiting: Parked<Resumption>) in
            atOnce = state.park(key, waiting)
            waiting.resume(returning: .begin)
        }
        return atOnce
    }
}
