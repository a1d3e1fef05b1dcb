import FoundationEssentials
@testable import Perdure
import Testing

/// What is decided besides: what was missed, what is made up for, when it stops.
@Suite struct ScheduleDecisionTests {
    @Test func `times that were missed are made up for, if they are not too old`() throws {
        var machine = try ScheduleMachine {
            $0.overlap = .allowAll
            $0.catchUp = .hours(2)
        }
        #expect(machine.look(10.5) == ["9", "10"])
        #expect(machine.state.missed == 8 && machine.state.handled == ScheduleMachine.hour(10))
        #expect(machine.look(12) == ["11", "12"])
        #expect(machine.state.missed == 8)
    }

    @Test func `with skip the first of them is started`() throws {
        var machine = try ScheduleMachine()
        #expect(machine.look(2_500.5) == ["1"])
        #expect(machine.state.skipped == 2_499 && machine.state.handled == ScheduleMachine.hour(2_500))
    }

    @Test func `jitter puts the start off, and not the name`() throws {
        var machine = try ScheduleMachine { $0.spec.jitter = .seconds(1800) }
        let moment = try machine.row.plan().moment(of: ScheduleMachine.hour(1))
        #expect(moment > ScheduleMachine.hour(1) && moment < ScheduleMachine.hour(1.5))
        #expect(machine.state.due == moment && machine.state.next == ScheduleMachine.hour(1))
        #expect(machine.look(Double(moment - 1 - ScheduleMachine.begin) / 3_600_000_000) == [])
        #expect(machine.look(1.5) == ["1"])
        #expect(machine.state.lastID == "s@\(ScheduledID.time(ScheduleMachine.hour(1)))")
    }

    @Test func `runs left count down, and what is triggered does not count`() throws {
        var machine = try ScheduleMachine {
            $0.runs = 2
            $0.overlap = .bufferAll
        }
        machine.look(1)
        machine.trigger(1.5, .allowAll)
        #expect(machine.look(1.5) == ["t"])
        #expect(machine.state.runsLeft == 1)
        // Two wait, and there is one run left.
        machine.look(3)
        #expect(machine.state.waiting.count == 2)
        #expect(machine.look(3.1, ended: [1: .completed, 2: .completed]) == ["2"])
        #expect(machine.state.runsLeft == 0 && machine.state.next == nil)
        #expect(machine.look(9, ended: [3: .completed]) == [])
        #expect(machine.state.due == .max && machine.state.waiting.isEmpty)
        machine.trigger(9.5)
        #expect(machine.look(9.5) == ["t"])
        // More of them in a new definition: it goes on from there, and not from where it stopped.
        try machine.become(10.5) { $0.runs = 5 }
        #expect(machine.look(11, ended: [4: .completed]) == ["11"])
        #expect(machine.state.runsLeft == 4)
    }

    @Test func `allow all does not start more than are left`() throws {
        var machine = try ScheduleMachine {
            $0.runs = 3
            $0.overlap = .allowAll
        }
        #expect(machine.look(9) == ["1", "2", "3"])
        #expect(machine.state.runsLeft == 0 && machine.state.due == .max)
    }

    @Test func `a run that fails pauses it, and what waits is dropped`() throws {
        for status in [OutcomeStatus.failed, .timedOut] {
            var machine = try ScheduleMachine {
                $0.pauseOnFailure = true
                $0.overlap = .bufferAll
            }
            machine.look(1)
            machine.look(2)
            #expect(machine.look(2.5, ended: [1: status]) == [])
            #expect(machine.state.paused == ScheduleMachine.hour(2.5) && machine.state.waiting.isEmpty && machine.state.due == .max)
            #expect(machine.state.pauseReason?.contains(Names.publicID(1)) == true && machine.complaint?.contains("is paused") == true)
            #expect(machine.look(9) == [])
            machine.change { $0.resume(now: ScheduleMachine.hour(9.5)) }
            #expect(machine.look(9.5) == [] && machine.look(10) == ["10"])
        }
        for status in [OutcomeStatus.completed, .cancelled, .terminated] {
            var machine = try ScheduleMachine { $0.pauseOnFailure = true }
            machine.look(1)
            #expect(machine.look(2, ended: [1: status]) == ["2"])
        }
    }

    @Test func `while it is paused only what is asked for is started, and nothing is made up for`() throws {
        var machine = try ScheduleMachine { $0.overlap = .allowAll }
        machine.change { $0.pause("holidays", now: ScheduleMachine.hour(0.5)) }
        #expect(machine.look(0.5) == [] && machine.state.due == .max && machine.state.next == nil)
        machine.change { $0.pause("another reason", now: ScheduleMachine.hour(0.6)) }
        #expect(machine.state.pauseReason == "holidays")
        machine.look(0.6)
        machine.trigger(5)
        machine.backfill(1, 2)
        #expect(machine.look(5) == ["1b", "t"])
        machine.change { $0.resume(now: ScheduleMachine.hour(6.5)) }
        #expect(machine.look(6.5, ended: [1: .completed, 2: .completed]) == ["2b"])
        #expect(machine.look(7) == ["7"])
    }

    @Test func `a backfill starts what was never started, in its order`() throws {
        var machine = try ScheduleMachine()
        machine.look(3)
        #expect(machine.log == ["1"])
        machine.backfill(1, 3)
        #expect(machine.look(3.2) == [])
        #expect(machine.look(3.3, ended: [1: .completed]) == ["2b"])
        #expect(machine.look(3.4, ended: [2: .completed]) == ["3b"])
        #expect(machine.state.backfills.isEmpty && machine.state.waiting.isEmpty)
        // The newest start is still the one of the schedule's own.
        #expect(machine.state.lastAt == ScheduleMachine.hour(3))
    }

    @Test func `a long backfill waits in parts`() throws {
        var machine = try ScheduleMachine()
        machine.look(5_000)
        machine.backfill(1, 5_000, .allowAll)
        machine.look(5_000.5)
        #expect(machine.log.count == 5_000 && Set(machine.log).count == 5_000 && machine.state.backfills.isEmpty)

        var slow = try ScheduleMachine()
        slow.look(5_000)
        slow.backfill(1, 5_000)
        slow.look(5_000.5)
        #expect(slow.state.waiting.count <= 100 && slow.state.backfills.count == 1)
        for number in WorkflowNumber(1)...400 { slow.look(5_000.6, ended: [number: .completed]) }
        #expect(slow.log.dropFirst().prefix(400) == ArraySlice((2...401).map { "\($0)b" }))
    }

    @Test func `new times hold from now on, and what was due before is not lost`() throws {
        var machine = try ScheduleMachine { $0.overlap = .allowAll }
        machine.look(1)
        // Nothing was due: the new times of the last half hour are not made up for.
        try machine.become(1.5) {
            $0.overlap = .allowAll
            $0.spec = .every(.seconds(900))
        }
        #expect(machine.look(1.5) == [] && machine.look(1.75) == ["1.75"])
        // Nobody looked since hour 2: the new times are made up for from there on.
        try machine.become(5.1) { $0.overlap = .allowAll }
        #expect(machine.look(5.1) == ["2", "3", "4", "5"])
        #expect(machine.row.revision == 3)
    }

    @Test func `one that nobody understands here is left to others for a while`() throws {
        var machine = try ScheduleMachine()
        machine.row.text = machine.row.text.replacing("\"UTC\"", with: "\"Mars/Olympus\"")
        machine.look(1)
        #expect(machine.log.isEmpty && machine.state.due == ScheduleMachine.hour(1).adding(.seconds(5)))
        #expect(machine.complaint?.contains("Mars/Olympus") == true)
        machine.row.text = "{}"
        machine.look(2)
        #expect(machine.complaint?.contains("cannot read") == true)
    }

    @Test func `what stands in the way of a start is counted and told`() throws {
        var row = try ScheduleMachine().row
        row.state.due = 0
        var firing = ScheduleFiring(row, ended: [:], now: ScheduleMachine.hour(1))
        firing.conclude([(firing.starts[0], 7, .otherType("Other"))])
        #expect(firing.row.state.dropped == 1 && firing.row.state.open.isEmpty && firing.complaint?.contains("'Other'") == true)
        // A workflow that has the id already is the run.
        var again = ScheduleFiring(row, ended: [:], now: ScheduleMachine.hour(1))
        again.conclude([(again.starts[0], 7, .existing(3))])
        #expect(again.row.state.open == [ScheduledRun(number: 3)])
        var refused = ScheduleFiring(row, ended: [:], now: ScheduleMachine.hour(1))
        refused.conclude([(refused.starts[0], 7, .rejected(StoreError(.rejected, "no")))])
        #expect(refused.row.state.paused != nil && refused.row.state.pauseReason?.contains("no") == true)
    }

    @Test func `lists are stored as words, and what is not understood is passed over`() throws {
        let starts = [
            ScheduledStart(nominal: 5), ScheduledStart(nominal: -6, kind: .backfill, overlap: .allowAll),
            ScheduledStart(nominal: 7, kind: .trigger),
        ]
        #expect(starts.words == "5:s: -6:b:allow_all 7:t:")
        #expect([ScheduledStart](words: starts.words) == starts)
        #expect([ScheduledStart](words: "5:s: 6 x:s: 7:q: 8:t:new_policy") == [starts[0], ScheduledStart(nominal: 8, kind: .trigger)])
        let runs = [ScheduledRun(number: 1), ScheduledRun(number: 2, asked: .terminate)]
        #expect(runs.words == "1:0 2:2" && [ScheduledRun](words: runs.words) == runs)
        let fills = [ScheduleBackfill(after: 1, through: 2), ScheduleBackfill(after: 3, through: 4, overlap: .bufferOne)]
        #expect([ScheduleBackfill](words: fills.words) == fills && [ScheduleBackfill](words: "").isEmpty)
    }

    @Test func `times are shown in ISO 8601, with a fraction only where there is one`() {
        #expect(ScheduledID.time(1_769_904_000_000_000) == "2026-02-01T00:00:00Z")
        #expect(ScheduledID.time(1_769_904_000_000_001) == "2026-02-01T00:00:00.000001Z")
    }
}
