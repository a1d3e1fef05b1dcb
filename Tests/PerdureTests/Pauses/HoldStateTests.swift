@testable import Perdure
import Testing

/// What holds back attempts in one engine, without one.
struct HoldStateTests {
    private static let breaker = StepBreaker(
        key: "bank", settings: CircuitBreaker(minimumNumberOfCalls: 2, waitDurationInOpenState: .seconds(10)))
    private let request = AttemptRequest(step: "charge", type: "Checkout", breaker: HoldStateTests.breaker)

    private func pause(_ subject: PauseSubject, _ number: Int64 = 1, until: Microseconds? = nil, revision: Int64 = 1) -> PauseRow {
        PauseRow(number: number, subject: subject, by: "ada", since: 0, until: until, revision: revision)
    }

    private func open(_ change: (inout BreakerState) -> Void = { _ in }, revision: Int64 = 1) -> PauseRow {
        var state = BreakerState(Self.breaker.settings)
        _ = state.open(Self.breaker.settings, at: 0)
        change(&state)
        return PauseRow(
            number: 7, subject: PauseSubject(.breaker, "bank"), by: "circuit breaker", since: 0, until: state.openUntil, breaker: state,
            revision: revision)
    }

    @Test func aPauseHoldsForItsNameAndItsScope() {
        var state = HoldState()
        #expect(state.ask(request, Signal(), at: 0).0 == .go(.free))
        _ = state.adopt([pause(PauseSubject(.step, "charge", in: "Refund")), pause(PauseSubject(.step, "ship"), 2)], at: 0)
        #expect(state.ask(request, Signal(), at: 0).0 == .go(.free))
        _ = state.adopt([pause(PauseSubject(.step, "charge", in: "Checkout"), 3)], at: 0)
        #expect(state.ask(request, Signal(), at: 0).0 == .held(by: 3))
        _ = state.adopt([pause(PauseSubject(.step, "charge"), 4)], at: 0)
        #expect(state.ask(request, Signal(), at: 0).0 == .held(by: 4))
    }

    @Test func whoWaitsIsToldWhenThePauseIsOver() {
        var (state, signal, other) = (HoldState(), Signal(), Signal())
        let pauses = [pause(PauseSubject(.step, "charge"), 1), pause(PauseSubject(.step, "ship"), 2)]
        _ = state.adopt(pauses, at: 0)
        _ = state.ask(request, signal, at: 0)
        _ = state.ask(AttemptRequest(step: "ship", type: "Checkout"), other, at: 0)
        #expect(state.wakeable(1, at: 0) == 0 && state.wakeable(9, at: 0) == nil)
        var change = state.adopt(pauses, at: 1)
        #expect(change.signals.isEmpty && !change.isLifted)
        change = state.adopt([pauses[1]], at: 2)
        #expect(change.signals.map(ObjectIdentifier.init) == [ObjectIdentifier(signal)] && change.isLifted)
        #expect(state.wakeable(1, at: 2) == nil)
        state.withdraw(other)
        #expect(state.adopt([], at: 3).signals.isEmpty)
    }

    @Test func aPauseWithAnEndIsOverByItself() {
        var (state, signal) = (HoldState(), Signal())
        _ = state.adopt([pause(PauseSubject(.step, "charge"), until: 100)], at: 0)
        #expect(state.ask(request, signal, at: 0).0 == .held(by: 1) && state.book.nextChange(after: 0) == 100)
        let change = state.adopt(nil, at: 100)
        #expect(change.signals.count == 1 && change.isLifted && state.book.isEmpty)
    }

    @Test func whatIsReadLateDoesNotUndoWhatIsKnown() {
        var state = HoldState()
        let subject = PauseSubject(.workflowType, "Checkout")
        var change = state.learn(pause(subject, revision: 3), at: 0)
        #expect(change.pausedTypes == ["Checkout"] && change.hasOtherTypes)
        var ended = pause(subject, revision: 4)
        ended.ended = 1
        change = state.learn(ended, at: 1)
        #expect(change.hasOtherTypes && change.pausedTypes.isEmpty && change.isLifted)
        _ = state.adopt([pause(subject, revision: 3)], at: 2)
        #expect(state.book.types.isEmpty)
        _ = state.adopt([pause(subject, revision: 5)], at: 2)
        #expect(state.book.types == ["Checkout"])
    }

    @Test func aBreakerIsOpenedByTheFirstThatFindsTooManyFailuresAndByThatOneOnce() {
        var (state, now) = (HoldState(), Instant.now)
        #expect(state.ended(.failed, Self.breaker, at: now) == nil, "fewer than the minimum")
        #expect(state.ended(.ignored, Self.breaker, at: now) == nil)
        let counts = state.ended(.failed, Self.breaker, at: now)
        #expect(counts?.calls == 2 && counts?.failures == 2)
        now += .seconds(1)
        #expect(state.ended(.failed, Self.breaker, at: now) == nil, "it is on its way")
        let signal = Signal()
        #expect(state.ask(request, signal, at: 0).0 == .held(by: nil))
        state.opened("bank")
        let change = state.learn(open(), at: 1)
        #expect(change.signals.map(ObjectIdentifier.init) == [ObjectIdentifier(signal)])
        #expect(state.ask(request, signal, at: 1).0 == .held(by: 7))
    }

    @Test func successesKeepItClosed() {
        var (state, now) = (HoldState(), Instant.now)
        for _ in 0..<10 { #expect(state.ended(.succeeded, Self.breaker, at: now) == nil) }
        for _ in 0..<9 { #expect(state.ended(.failed, Self.breaker, at: now) == nil) }
        now += .seconds(1)
        #expect(state.ended(.failed, Self.breaker, at: now)?.failures == 10)
    }

    @Test func aHalfOpenBreakerIsAskedOnceForPermitsAndLetsSoManyThrough() {
        var state = HoldState()
        let half = 10_000_000 as Microseconds
        _ = state.learn(open(), at: 0)
        let signals = (0..<3).map { _ in Signal() }
        for signal in signals { #expect(state.ask(request, signal, at: 1).permits == nil) }
        #expect(state.adopt(nil, at: half).permits == ["bank"])
        #expect(state.adopt(nil, at: half).permits == [], "it is being asked")
        #expect(state.waiting(for: "bank") == 3)
        let raised = state.permitted("bank", 2, opening: 1)
        #expect(raised.count == 2 && state.waiting(for: "bank") == 1)
        #expect(state.ask(request, Signal(), at: half).0 == .go(.trial(1)))
        #expect(state.ask(request, Signal(), at: half).0 == .go(.trial(1)))
        #expect(state.ask(request, Signal(), at: half).0 == .held(by: 7))
    }

    @Test func whatWaitsOutsideMemoryIsWokenOnlyWhereNobodyWaitsInside() {
        var (state, half) = (HoldState(), 10_000_000 as Microseconds)
        _ = state.learn(open(), at: 0)
        #expect(state.wakeable(7, at: 1) == 0)
        #expect(state.adopt(nil, at: half).isLifted && state.wakeable(7, at: half) == 1)
        let signal = Signal()
        _ = state.ask(request, signal, at: half)
        half += 1
        #expect(state.wakeable(7, at: half) == 0)
        state.withdraw(signal)
        #expect(state.wakeable(7, at: half) == 1)
    }
}

struct BreakerCheckTests {
    @Test(arguments: [
        (CircuitBreaker(failureRateThreshold: 0), "threshold 0.0"), (CircuitBreaker(failureRateThreshold: 1.01), "threshold 1.01"),
        (CircuitBreaker(failureRateThreshold: .nan), "threshold nan"), (CircuitBreaker(slidingWindow: .zero), "sliding window"),
        (CircuitBreaker(minimumNumberOfCalls: 0), "minimum of 0"), (CircuitBreaker(waitDurationInOpenState: .seconds(-1)), "open state"),
        (CircuitBreaker(permittedNumberOfCallsInHalfOpenState: 0), "half-open"), (CircuitBreaker(key: ""), "key of the circuit breaker"),
    ])
    func whatCouldNeverWorkIsRefused(_ breaker: CircuitBreaker, _ word: String) throws {
        let error = #expect(throws: WorkflowError.self) { try breaker.check("charge") }
        #expect(error?.message.contains(word) == true && error?.message.contains("'charge'") == true, "\(String(describing: error))")
    }

    @Test func whatAnErrorSaysOfTheOtherSide() {
        struct Business: Error {}
        struct Final: NonRetryableError {}
        struct Down: Error {}
        let breaker = CircuitBreaker(ignoring: [Business.self])
        let retry = RetryPolicy(attempts: 3, nonRetryable: [Refused.self])
        #expect(breaker.verdict(nil, retry) == .succeeded && breaker.verdict(Down(), retry) == .failed)
        #expect(breaker.verdict(WorkflowError(.timedOut, "late"), retry) == .failed)
        for error in [Business(), Final(), Refused(code: 1), CancellationError()] as [any Error] {
            #expect(breaker.verdict(error, retry) == .ignored)
        }
    }
}
