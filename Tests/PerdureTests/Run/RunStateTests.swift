@testable import Perdure
import Testing

/// Moments of a run that last too short to be met from outside.
struct RunStateTests {
    private static func state(history: [StepRecord] = []) -> RunState {
        RunState(
            LoadedWorkflow(record: WorkflowRecord(number: 1, lane: Lane(workflow: "act"), input: .void, created: 0), history: history),
            isFresh: history.isEmpty)
    }

    private static func row(_ key: String, _ order: Int64, _ kind: StepKind = .step) -> StepRecord {
        StepRecord(workflow: 1, key: key, order: order, kind: kind, started: 0, finished: 0)
    }

    /// A child that was started, and of which the code has not heard yet, is one of those that a terminate reaches.
    @Test func aChildIsKnownBetweenItsStartAndTheCodesNextTurn() async throws {
        var state = Self.state()
        let key = try state.register("@child:ship", kind: .childStart, exclusive: false).key
        let reference = ChildReference(id: "ship", number: 2, onClose: 1)
        let ship = OpenChild(number: 2, closePolicy: .terminate)
        let output = try reference.encoded()
        let record = try #require(
            state.complete(key, at: 1) { order, _ in
                StepRecord(workflow: 1, key: key, order: order, kind: .childStart, output: output, started: 0, finished: 0)
            })
        state.resolved(try #require(record.order), nil)
        #expect(state.openChildren == [ship])
        guard case .resume = state.next() else {
            Issue.record("the start is not delivered")
            return
        }
        #expect(state.openChildren == [ship])
        state.addChild(reference, startedAs: key)
        #expect(state.openChildren == [ship])
        #expect(Array(state.children.keys) == [2])
    }

    /// A call that was told to begin is not told anything else before it waits again.
    @Test func aCallIsResumedOnceWhenReplayHasCaughtUp() async throws {
        var state = Self.state(history: [Self.row("first", 1)])
        _ = try state.register("first", kind: .step, exclusive: true)
        let timer = try state.register("@sleep", kind: .timer, exclusive: false).key
        await Self.park(&state, timer)
        guard case .resume = state.next(), case .begin(let begun) = state.next() else {
            Issue.record("replay has not caught up")
            return
        }
        #expect(begun.count == 1)
        guard case .resume(nil, _) = state.cancelWait(timer) else {
            Issue.record("the call would be resumed twice")
            return
        }
    }

    /// Without its row a place in the order is nothing: the refusal is for a person.
    @Test func aRefusedPlaceIsNotRecordedAsSomethingElse() throws {
        var state = Self.state()
        let step = try state.register("ship", kind: .step, exclusive: true).key
        let transaction = try state.register("pay", kind: .transaction, exclusive: true).key
        let first = try #require(state.complete(step, at: 1) { order, _ in Self.row(step, order) })
        let second = try #require(state.complete(transaction, at: 1) { order, _ in Self.row("@order#2", order, .order) })
        #expect(state.refused(try #require(first.order), .void) != nil)
        #expect(state.refused(try #require(second.order), .void) == nil)
    }

    @Test func aSecondAttemptDoesNotBeginInARunThatEnds() throws {
        var state = Self.state()
        let step = try state.register("call", kind: .step, exclusive: true).key
        state.bodies += 1
        #expect(state.isBusy)
        state.beginBackoff(step, until: 5)
        #expect(!state.isBusy)
        #expect(state.unloadableUntil == 5)
        let goesOn = state.endBackoff(step)
        #expect(goesOn)
        #expect(state.isBusy)
        #expect(state.unloadableUntil == nil)
        state.beginBackoff(step, until: 5)
        state.quiesce()
        let goesOnAtTheEnd = state.endBackoff(step)
        #expect(!goesOnAtTheEnd)
    }

    /// The test's own wait ends in any case.
    private static func park(_ state: inout RunState, _ key: String) async {
        _ = await Perdure.park { (waiting: Parked<Resumption>) in
            _ = state.park(key, waiting)
            waiting.resume(returning: .begin)
        }
    }
}
