@testable import Perdure
import Testing

/// What is answered, and what is held until it is durable.
struct PatchBookTests {
    @Test func theFirstAnswerHolds() throws {
        var book = PatchBook(recorded: ["@patch:old"])
        #expect(try book.ask("old", at: "a:1", isLive: false) == .known(true))
        #expect(try book.ask("late", at: "a:2", isLive: false) == .known(false))
        #expect(try book.ask("late", at: "a:2", isLive: true) == .known(false))
        #expect(try book.ask("new", at: "a:3", isLive: true) == .record)
        #expect(try book.ask("new", at: "a:3", isLive: true) == .known(true))
        #expect(throws: WorkflowError.self) { try book.ask("new", at: "a:4", isLive: true) }
    }

    /// A call behind a patch begins when its row is durable, and not before.
    @Test func whatFollowsWaitsForTheRow() throws {
        var state = RunState(
            LoadedWorkflow(record: WorkflowRecord(number: 1, lane: Lane(workflow: "act"), input: .void, created: 0)), isFresh: true)
        let row = state.numbered(at: 1) { order, _ in
            StepRecord(workflow: 1, key: "@patch:p", order: order, kind: .patch, started: 0, finished: 0)
        }
        let order = try #require(row.order)
        state.patches.sent(order)
        let behind = try state.register("new", kind: .step, exclusive: true)
        #expect(!behind.begin)
        guard case .nothing = state.next() else {
            Issue.record("it begins too early")
            return
        }
        state.resolved(order, nil)
        guard case .begin = state.next() else {
            Issue.record("it does not begin")
            return
        }
        #expect(state.waits[behind.key]?.begun == true)
        let next = try state.register("next", kind: .step, exclusive: true)
        #expect(next.begin)
    }

    /// A row behind the page that was read first is known all the same.
    @Test func rowsBehindTheFirstPageAreKnown() throws {
        let record = WorkflowRecord(number: 1, lane: Lane(workflow: "act"), input: .void, created: 0)
        var state = RunState(LoadedWorkflow(record: record, isComplete: false, patches: ["@patch:far"]))
        #expect(try state.patches.ask("far", at: "a:1", isLive: state.isLive) == .known(true))
        #expect(try state.patches.ask("near", at: "a:2", isLive: state.isLive) == .known(false))
    }
}
