@testable import Perdure
import Testing

/// The shared half of a circuit breaker, moment by moment.
struct BreakerStateTests {
    private static let second: Microseconds = 1_000_000
    private static let settings = CircuitBreaker(
        waitDurationInOpenState: .seconds(10), maximumWaitDurationInOpenState: .seconds(35), permittedNumberOfCallsInHalfOpenState: 4)

    private func opened(at now: Microseconds = 0) -> BreakerState {
        var state = BreakerState(Self.settings)
        #expect(state.open(Self.settings, at: now) == true)
        return state
    }

    @Test func itOpensOnceAndIsHalfOpenWhenItsWaitIsOver() {
        var state = BreakerState(Self.settings)
        #expect(state.phase(at: 0) == .closed && state.nextChange(after: 0) == nil)
        #expect(state.open(Self.settings, at: 5 * Self.second) == true)
        #expect(state.open(Self.settings, at: 6 * Self.second) == false)
        #expect(state.opening == 1 && state.openUntil == 15 * Self.second && state.nextChange(after: 0) == 15 * Self.second)
        #expect(state.phase(at: 15 * Self.second - 1) == .open && state.permit(9, at: 15 * Self.second - 1) == 0)
        #expect(state.phase(at: 15 * Self.second) == .halfOpen && state.room(at: 15 * Self.second) == 1)
    }

    @Test func callsAreLetThroughInRoundsThatDouble() {
        var (state, now) = (opened(), 10 * Self.second)
        for round in [1, 2, 4] {
            #expect(state.permit(9, at: now) == round)
            #expect(state.permit(9, at: now) == 0, "no more before those have ended")
            for call in 1...round {
                #expect(state.phase(at: now) == .halfOpen)
                #expect(state.ended(.succeeded, of: state.opening, at: now) == true)
                if call < round { #expect(state.room(at: now) == 0) }
            }
            now += Self.second
        }
        #expect(state.isClosed && state.phase(at: now) == .closed)
    }

    @Test func oneThatFailsOpensItAgainForLongerUntilItHasBeenClosed() {
        var (state, now) = (opened(), 10 * Self.second)
        for wait in [20, 35, 35, 35] {
            #expect(state.permit(1, at: now) == 1)
            #expect(state.ended(.failed, of: state.opening, at: now) == true)
            #expect(state.phase(at: now) == .open && state.openUntil == now + Int64(wait) * Self.second)
            now = state.openUntil
        }
        #expect(state.opening == 5)
        state.close()
        #expect((state.open(Self.settings, at: now)) == true && state.openUntil == now + 10 * Self.second)
    }

    @Test func aCallOfAnEarlierHalfOpenStateCountsNoMore() {
        var (state, now) = (opened(), 10 * Self.second)
        #expect(state.permit(1, at: now) == 1)
        let first = state.opening
        #expect(state.ended(.failed, of: first, at: now) == true)
        #expect(state.ended(.succeeded, of: first, at: now) == false)
        now = state.openUntil
        let half = state
        for verdict in [BreakerState.Verdict.failed, .succeeded, .ignored] { #expect(state.ended(verdict, of: first, at: now) == false) }
        #expect(state == half)
    }

    @Test func oneThatSaysNothingGivesItsPlaceBack() {
        var (state, now) = (opened(), 10 * Self.second)
        #expect(state.permit(1, at: now) == 1)
        #expect(state.ended(.ignored, of: state.opening, at: now) == true)
        #expect(state.permit(1, at: now) == 1)
        #expect(state.ended(.succeeded, of: state.opening, at: now) == true)
        now += 1
        #expect(state.permitted == 2 && state.room(at: now) == 2)
    }

    @Test func callsThatAreNotHeardOfAreNotWaitedForForEver() {
        var (state, now) = (opened(), 10 * Self.second)
        #expect(state.permit(1, at: now) == 1)
        #expect(state.nextChange(after: now) == now + 10 * Self.second)
        now += 10 * Self.second
        #expect(state.permit(1, at: now) == 1)
        // The first was only slow.
        #expect((state.ended(.succeeded, of: state.opening, at: now)) == true && state.permitted == 2)
    }

    @Test func itIsStoredAsText() throws {
        var state = opened()
        _ = state.permit(1, at: 10 * Self.second)
        #expect(BreakerState(text: state.text) == state)
        #expect(BreakerState(text: "{}") == nil)
    }

    @Test func waitsThatDoNotFitAreTheLongest() {
        let endless = CircuitBreaker(
            waitDurationInOpenState: .seconds(Int64.max / 2), maximumWaitDurationInOpenState: .seconds(Int64.max))
        var state = BreakerState(endless)
        #expect((state.open(endless, at: Self.second)) == true && state.openUntil == .max)
        #expect(state.phase(at: .max - 1) == .open)
    }
}

struct CallWindowTests {
    @Test func itForgetsWhatIsOlderThanItIsLong() {
        let start = Instant.now
        var window = CallWindow(.seconds(10), at: start)
        for second in 0..<10 { window.add(isFailure: second < 5, at: start + .seconds(second)) }
        #expect(window.counts(at: start + .seconds(9)) == CallCounts(calls: 10, failures: 5))
        #expect(window.counts(at: start + .seconds(12)) == CallCounts(calls: 7, failures: 2))
        #expect(window.counts(at: start + .seconds(14)) == CallCounts(calls: 5, failures: 0))
        #expect(window.counts(at: start + .seconds(60)) == CallCounts(calls: 0, failures: 0))
        window.add(isFailure: true, at: start + .seconds(60))
        #expect(window.counts(at: start + .seconds(60)) == CallCounts(calls: 1, failures: 1))
    }

    @Test func itsSizeDoesNotDependOnTheCalls() {
        let start = Instant.now
        var window = CallWindow(.microseconds(1), at: start)
        for index in 0..<1_000 { window.add(isFailure: false, at: start + .microseconds(index)) }
        #expect(window.counts(at: start + .microseconds(999)).calls <= 10)
    }
}
