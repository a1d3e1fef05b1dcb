@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// The engine's own periods go by the time that passes; what is stored goes by the time of day, which somebody may set.
@Suite(.timeLimit(.minutes(1)))
struct ClockTests {
    @Test func aClockThatIsSetBackHoldsUpNoPeriod() async {
        let clock = TestClock()
        clock.setTimeOfDay(by: .days(-1))
        let fired = Gate()
        clock.schedule(after: .hours(1)) { fired.open() }
        clock.setTimeOfDay(by: .days(-1))
        clock.advance(by: .hours(1))
        await fired.wait()
    }

    @Test func aClockThatIsSetForwardShortensNoPeriod() async {
        let clock = TestClock()
        let (early, due) = (Counter(), Gate())
        clock.schedule(after: .hours(1)) { early.add() }
        clock.schedule(at: clock.now().adding(.hours(2))) { due.open() }
        clock.setTimeOfDay(by: .hours(3))
        // A timer for a time of day has fired, so this one would have.
        await due.wait()
        #expect(early[] == 0)
    }

    @Test func theTimeOfDayIsWhatIsSetAndPassed() {
        let clock = TestClock()
        let (now, instant) = (clock.now(), clock.instant())
        clock.advance(by: .hours(1))
        clock.setTimeOfDay(by: .hours(-5))
        #expect(clock.now() < now.adding(.hours(-3)))
        #expect(clock.now() >= now.adding(.hours(-4)))
        #expect(clock.instant() >= instant + .hours(1))
    }

    @Test func heartbeatsGoOnWhenTheClockIsSetBack() async throws {
        let database = MemoryDatabase()
        let clock = TestClock()
        let renewed = Counter()
        var configuration = EngineConfiguration.test
        configuration.lease = .hours(10)
        try await withEngine(store: .memory(database), configuration: configuration, clock: clock) {
            Act { _ in "" }
        } body: { engine in
            database.faults = { operation in
                if operation.kind == .renew, operation.moment == .after { renewed.add() }
                return nil
            }
            // It runs, and its loops wait.
            _ = try await engine.start(Act.self, "").result()
            // So far that no loop below would ever make up for it.
            clock.setTimeOfDay(by: .days(-3_000_000))
            for count in 1...3 {
                try await waitWhile {
                    clock.advance(by: .hours(2))
                    return renewed[] < count
                }
            }
        }
    }

    @Test func aBackoffIsNoLongerWhenTheClockIsSetBack() async throws {
        let clock = TestClock()
        let database = MemoryDatabase()
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            Act { context in
                try await context.step("call", retry: .fixed(attempts: 2, interval: .hours(1)), totalTimeout: .days(10_000)) { step in
                    if step.attempt == 1 { throw Unlisted(code: 1) }
                    return "attempt \(step.attempt)"
                }
            }
        } body: { engine in
            let handle = try await engine.start(Act.self, "")
            try await waitWhile { try await handle.status().pendingSteps.isEmpty }
            clock.setTimeOfDay(by: .days(-3_000_000))
            let turning = Task {
                while !Task.isCancelled {
                    clock.advance(by: .hours(1))
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            #expect(try await handle.result() == "attempt 2")
            turning.cancel()
        }
    }

    @Test func aMomentLongAgoHasCome() async throws {
        #expect(Microseconds.min.adding(.seconds(-1)) == .min)
        #expect(Microseconds.max.adding(.seconds(1)) == .max)
        #expect(Microseconds.min.wait(until: .max) == .microseconds(Int64.max))
        #expect(Microseconds.max.wait(until: .min) == .zero)
        #expect(Microseconds(5).wait(until: 12) == .microseconds(7))
        let clock = TestClock()
        clock.advance(by: .days(1))
        let fired = Gate()
        clock.schedule(at: .min) { fired.open() }
        await fired.wait()
    }

    @Test func theMachinesClocksFireBoth() async {
        let clock = SystemClock()
        let (passing, timed) = (Gate(), Gate())
        clock.schedule(after: .hours(1)) {}
        clock.schedule(at: clock.now().adding(.hours(1))) {}
        clock.schedule(after: .milliseconds(1)) { passing.open() }
        await passing.wait()
        clock.schedule(at: clock.now().adding(.milliseconds(1))) { timed.open() }
        await timed.wait()
        clock.stop()
    }

    @Test func theEarliestComesFirstAndWhatIsTakenOutNever() {
        var heap = TimerHeap<Int>()
        var random = SystemRandomNumberGenerator()
        let dues = (0..<500).map { _ in Int.random(in: 0..<100, using: &random) }
        for (id, due) in dues.enumerated() { heap.push(due, TimerID(id)) }
        heap.keep { !$0.isMultiple(of: 3) }
        let expected = dues.indices.filter { !$0.isMultiple(of: 3) && dues[$0] <= 50 }.sorted { (dues[$0], $0) < (dues[$1], $1) }
        #expect(heap.popDue(50) == expected.map(TimerID.init))
        #expect((heap.first ?? 51) > 50)
        #expect(heap.popDue(99).count == heap.count + dues.indices.count { !$0.isMultiple(of: 3) && dues[$0] > 50 })
    }
}
