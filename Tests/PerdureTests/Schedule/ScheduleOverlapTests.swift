@testable import Perdure
import Testing

/// What becomes of a time that comes while a run is open: the six policies, as Temporal's.
@Suite struct ScheduleOverlapTests {
    @Test func `one that ends in time makes room for the next`() throws {
        for policy in ScheduleOverlapPolicy.allCases {
            var machine = try ScheduleMachine { $0.overlap = policy }
            #expect(machine.look(0.5) == [])
            #expect(machine.look(1) == ["1"])
            #expect(machine.look(2, ended: [1: .completed]) == ["2"])
            #expect(machine.look(3, ended: [2: .failed]) == ["3"])
            #expect(
                machine.state.open == [ScheduledRun(number: 3, isBeside: policy == .allowAll)] && machine.state.started == 3
                    && machine.state.skipped == 0)
            #expect(machine.state.next == ScheduleMachine.hour(4) && machine.state.due == ScheduleMachine.hour(4))
        }
    }

    @Test func `skip starts nothing while a run is open`() throws {
        var machine = try ScheduleMachine()
        machine.look(1)
        #expect(machine.look(2) == [] && machine.look(3) == [])
        #expect(machine.state.skipped == 2 && machine.state.waiting.isEmpty && machine.state.due == ScheduleMachine.hour(4))
        #expect(machine.look(3.5, ended: [1: .completed]) == [])
        #expect(machine.look(4) == ["4"])
    }

    @Test func `buffer one keeps the first that waits`() throws {
        var machine = try ScheduleMachine { $0.overlap = .bufferOne }
        machine.look(1)
        #expect(machine.look(2) == [] && machine.look(3) == [] && machine.look(4) == [])
        #expect(machine.state.waiting == [ScheduledStart(nominal: ScheduleMachine.hour(2))] && machine.state.skipped == 2)
        // It is looked at again soon, for nobody may tell of the end.
        #expect(machine.state.due == ScheduleMachine.hour(4).adding(ScheduleState.patience))
        #expect(machine.look(4.5, ended: [1: .completed]) == ["2"])
        #expect(machine.look(5, ended: [2: .completed]) == ["5"])
    }

    @Test func `buffer all keeps all, one after the other`() throws {
        var machine = try ScheduleMachine { $0.overlap = .bufferAll }
        machine.look(1)
        #expect(machine.look(4) == [])
        #expect(machine.state.waiting.count == 3)
        #expect(machine.look(4.1, ended: [1: .completed]) == ["2"])
        #expect(machine.look(4.2) == [])
        #expect(machine.look(4.3, ended: [2: .completed]) == ["3"])
        #expect(machine.look(5, ended: [3: .completed]) == ["4"])
        #expect(machine.look(5.1, ended: [4: .completed]) == ["5"])
        #expect(machine.state.waiting.isEmpty && machine.state.skipped == 0)
    }

    @Test func `buffer all keeps a thousand, and says what it dropped`() throws {
        var machine = try ScheduleMachine { $0.overlap = .bufferAll }
        machine.look(1)
        machine.look(1_101)
        #expect(machine.state.waiting.count == 1_000 && machine.state.dropped == 100)
        #expect(machine.state.waiting.first?.nominal == ScheduleMachine.hour(2))
    }

    @Test func `cancel other asks once, and starts the newest when the open one has ended`() throws {
        var machine = try ScheduleMachine { $0.overlap = .cancelOther }
        machine.look(1)
        #expect(machine.look(2) == [])
        #expect(machine.asks == [InboxItem(workflow: 1, kind: .cancel)])
        #expect(machine.look(2.2) == [] && machine.look(3) == [])
        #expect(machine.asks.count == 1 && machine.state.waiting == [ScheduledStart(nominal: ScheduleMachine.hour(3))])
        #expect(machine.look(3.1, ended: [1: .cancelled]) == ["3"])
        #expect(machine.state.skipped == 1)
    }

    @Test func `terminate other asks even one that was asked to cancel`() throws {
        var machine = try ScheduleMachine { $0.overlap = .cancelOther }
        machine.look(1)
        machine.look(2)
        machine.trigger(2.5, .terminateOther)
        #expect(machine.look(2.5) == [])
        #expect(machine.asks.map(\.kind) == [.cancel, .terminate])
        #expect(machine.look(2.6, ended: [1: .terminated]) == ["t"])
        // The one that asked to cancel gave way to the newer.
        #expect(machine.state.skipped == 1)

        var other = try ScheduleMachine { $0.overlap = .terminateOther }
        other.look(1)
        other.look(2)
        #expect(other.asks == [InboxItem(workflow: 1, kind: .terminate)])
        #expect(other.look(2.1, ended: [1: .terminated]) == ["2"])
    }

    @Test func `of several that cancel others and come at once only the last begins`() throws {
        var machine = try ScheduleMachine { $0.overlap = .cancelOther }
        #expect(machine.look(3) == ["3"])
        #expect(machine.state.skipped == 2 && machine.asks.isEmpty)
    }

    @Test func `allow all starts beside the open ones`() throws {
        var machine = try ScheduleMachine { $0.overlap = .allowAll }
        machine.look(1)
        #expect(machine.look(3) == ["2", "3"])
        #expect(machine.state.open.count == 3)
        #expect(machine.look(4, ended: [2: .completed]) == ["4"])
        #expect(machine.state.open.map(\.number) == [1, 3, 4])
    }

    @Test func `allow all starts a hundred in one go, and the rest at once after`() throws {
        var machine = try ScheduleMachine { $0.overlap = .allowAll }
        machine.look(2_500)
        #expect(machine.log == (1...2_500).map { "\($0)" })
        #expect(machine.longestWait < 200)
    }

    @Test func `a trigger follows the policy, or its own`() throws {
        var machine = try ScheduleMachine()
        machine.trigger(0.5)
        #expect(machine.look(0.5) == ["t"])
        machine.trigger(0.6)
        #expect(machine.look(0.6) == [] && machine.state.skipped == 1)
        machine.trigger(0.7, .allowAll)
        #expect(machine.look(0.7) == ["t"])
        machine.trigger(0.8, .bufferAll)
        #expect(machine.look(0.8) == [])
        #expect(machine.look(0.9, ended: [1: .completed, 2: nil]) == ["t"])
        // Of one moment there is one: the next trigger has a later one.
        machine.trigger(0.9, .allowAll)
        machine.trigger(0.9, .allowAll)
        #expect(machine.look(0.9).count == 2)
    }

    /// As in Temporal's scheduler, which does not watch what it starts by `allowAll`.
    @Test func `what was started beside the others is in nobody's way`() throws {
        var machine = try ScheduleMachine { $0.overlap = .cancelOther }
        machine.trigger(0.5, .allowAll)
        #expect(machine.look(0.5) == ["t"])
        #expect(machine.look(1) == ["1"])
        #expect(machine.asks.isEmpty)
        // The next one makes that of the schedule's own policy give way, and only that.
        #expect(machine.look(2) == [])
        #expect(machine.asks == [InboxItem(workflow: 2, kind: .cancel)])
        #expect(machine.state.open == [ScheduledRun(number: 1, isBeside: true), ScheduledRun(number: 2, asked: .cancel)])
        #expect([ScheduledRun](words: machine.state.open.words) == machine.state.open)
        #expect(machine.look(2.5, ended: [2: .cancelled]) == ["2"])
    }

    @Test func `what was started beside the others pauses on failure all the same`() throws {
        var machine = try ScheduleMachine { ($0.overlap, $0.pauseOnFailure) = (.allowAll, true) }
        machine.look(1)
        #expect(machine.state.paused == nil)
        machine.look(1.5, ended: [1: .failed])
        #expect(machine.state.paused != nil)
    }
}
