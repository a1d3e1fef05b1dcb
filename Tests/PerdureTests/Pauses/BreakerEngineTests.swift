import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A service that is up or down, and what was asked of it.
private final class Service: Sendable {
    private struct State {
        var isUp = false
        var calls = 0
        var inside = 0
        /// Calls that came while it is up wait until they are let go, if they are to.
        var waits = false
        var last = 0
        var letGo = 0
    }
    private let state = Lock(State())

    var calls: Int { state.withLock { $0.calls } }
    var inside: Int { state.withLock { $0.inside } }
    func set(up: Bool, waits: Bool = false) { state.withLock { ($0.isUp, $0.waits) = (up, waits) } }

    /// Those that are inside now end.
    func letGo() { state.withLock { $0.letGo = $0.last } }

    func call() async throws {
        let (isUp, ticket) = state.withLock { state in
            state.calls += 1
            state.inside += 1
            state.last += 1
            return (state.isUp, state.last)
        }
        defer { state.withLock { $0.inside -= 1 } }
        if !isUp { throw Unlisted(code: 503) }
        while state.withLock({ $0.waits && $0.letGo < ticket }) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// A circuit breaker in engines whose clock the test turns.
@Suite(.timeLimit(.minutes(2)))
struct BreakerEngineTests {
    private static let breaker = CircuitBreaker(
        key: "bank", slidingWindow: .seconds(60), minimumNumberOfCalls: 4, waitDurationInOpenState: .seconds(30),
        maximumWaitDurationInOpenState: .seconds(50), permittedNumberOfCallsInHalfOpenState: 4)

    private func act(_ service: Service) -> Act {
        Act { context in
            try await context.step("charge", retry: .fixed(attempts: 1_000, interval: .milliseconds(1)), breaker: Self.breaker) { step in
                try await service.call()
                return "paid in attempt \(step.attempt)"
            }
        }
    }

    private func state(_ engine: Engine) async throws -> Pause.State? { try await engine.client.pauses().first?.state }

    @Test func itOpensAfterTooManyFailuresAndIsClosedAgainInRounds() async throws {
        let (database, clock, service) = (MemoryDatabase(), TestClock(), Service())
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            act(service)
        } body: { engine in
            var handles = [try await engine.start(Act.self, "")]
            try await waitWhile { try await state(engine) != .open }
            let opened = service.calls
            #expect(opened == 4)
            let pause = try #require(try await engine.client.pauses().first)
            #expect(pause.kind == .circuitBreaker && pause.name == "bank" && pause.by == "circuit breaker")
            #expect(
                pause.reason?.hasPrefix("4 of 4 attempts failed within 60.0 seconds; the last: Unlisted(code: 503)") == true, "\(pause)")
            for _ in 0..<20 { handles.append(try await engine.start(Act.self, "")) }
            for handle in handles {
                try await waitWhile { try await handle.status().waitsFor != "a step that is paused" }
                #expect(try await handle.status().pauses.map(\.name) == ["bank"])
                #expect(try await handle.status().pendingSteps.map(\.isPaused) == [true])
            }
            #expect(service.calls == opened)
            service.set(up: true)
            clock.advance(by: .seconds(31))
            for (index, handle) in handles.enumerated() {
                // Being held back has cost no attempt.
                #expect(try await handle.result() == "paid in attempt \(index == 0 ? 5 : 1)")
            }
            try await waitWhile { try await state(engine) != nil }
            #expect(service.calls == opened + 21)
        }
    }

    @Test func aTrialThatFailsOpensItForLongerAndOnlyOneIsLetThrough() async throws {
        let (database, clock, service) = (MemoryDatabase(), TestClock(), Service())
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            act(service)
        } body: { engine in
            let handles = try await (0..<6).asyncMap { _ in try await engine.start(Act.self, "") }
            try await waitWhile { try await state(engine) != .open }
            // What had been let through before that may only be about to begin.
            for handle in handles { try await waitWhile { try await handle.status().pendingSteps.map(\.isPaused) != [true] } }
            for wait in [30, 50, 50] {
                let before = service.calls
                let since = try #require(try await engine.client.pauses().first)
                clock.advance(by: .seconds(wait + 1))
                try await waitWhile { service.calls == before }
                try await waitWhile { try await engine.client.pauses().first?.until == since.until }
                #expect(service.calls == before + 1)
                #expect(try await state(engine) == .open)
            }
            service.set(up: true)
            #expect(try await engine.client.resume(circuitBreaker: "bank", by: "ada"))
            for handle in handles { #expect(try await handle.result().hasPrefix("paid")) }
            #expect(try await !engine.client.resume(circuitBreaker: "bank", by: "ada"))
            let row = try await engine.client.core.store.pauses(all: true).first
            #expect(row?.endedBy == "ada")
        }
    }

    /// One, then two, then four at a time, over two engines; then all.
    @Test func halfOpenSoManyAtATimeAreLetThrough() async throws {
        let (database, clock, service) = (MemoryDatabase(), TestClock(), Service())
        let act = act(service)
        try await withEngine(store: .memory(database), configuration: .patient, clock: clock) {
            act
        } body: { first in
            let second = try await Engine(store: .memory(database), configuration: .patient, clock: clock) { act }
            try await withEngine(second) { second in
                _ = try await second.registered()
                let handles = try await (0..<10).asyncMap { index in
                    try await (index % 2 == 0 ? first : second).start(Act.self, "")
                }
                try await waitWhile { try await state(first) != .open }
                for handle in handles { try await waitWhile { try await handle.status().pendingSteps.map(\.isPaused) != [true] } }
                let failed = service.calls
                service.set(up: true, waits: true)
                clock.advance(by: .seconds(31))
                for (round, calls) in [(1, 1), (2, 3), (4, 7)] {
                    try await waitWhile { service.inside < round }
                    #expect(try await state(second) == .halfOpen)
                    #expect(service.inside == round && service.calls == failed + calls)
                    service.letGo()
                }
                service.set(up: true)
                for handle in handles { #expect(try await handle.result().hasPrefix("paid")) }
                try await waitWhile { try await state(first) != nil }
                #expect(try await first.client.core.store.pauses(all: true).count == 1)
            }
        }
    }

    @Test func errorsThatSayNothingOfTheServiceDoNotOpenIt() async throws {
        let calls = Counter()
        let lenient = CircuitBreaker(key: "bank", minimumNumberOfCalls: 4, ignoring: [Refused.self])
        let act = Act { context in
            for index in 0..<10 {
                do {
                    try await context.step("charge", id: index, breaker: lenient) { () async throws -> Void in
                        calls.add()
                        throw Refused(code: 402)
                    }
                } catch {}
            }
            return "done"
        }
        try await withEngine(store: .memory(), configuration: .patient) {
            act
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result == "done" && calls[] == 10)
            #expect(try await engine.client.pauses().isEmpty)
        }
    }

    @Test func aBreakerThatCouldNeverWorkFailsItsStep() async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .patient) {
            Act { context in
                do {
                    try await context.step("charge", breaker: CircuitBreaker(failureRateThreshold: 2)) { ran.add() }
                } catch let error as WorkflowError {
                    return error.description
                }
                return "ran"
            }
        } body: { engine in
            let result = try await engine.start(Act.self, "").result()
            #expect(result.contains("failure rate threshold 2.0") && result.contains("invalidDeclaration") && ran[] == 0)
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
