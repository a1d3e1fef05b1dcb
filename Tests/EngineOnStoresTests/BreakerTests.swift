import Perdure
import Testing

/// A service that is up or down, and what was asked of it.
private final class Bank: Sendable {
    private let state = Lock((isUp: false, calls: 0, most: 0, inside: 0))

    var calls: Int { state.withLock { $0.calls } }
    var most: Int { state.withLock { $0.most } }
    func set(up: Bool) { state.withLock { ($0.isUp, $0.most) = (up, 0) } }

    func call() async throws {
        let isUp = state.withLock { state in
            state.calls += 1
            state.inside += 1
            state.most = max(state.most, state.inside)
            return state.isUp
        }
        defer { state.withLock { $0.inside -= 1 } }
        try await Task.sleep(for: .milliseconds(5))
        if !isUp { throw Down() }
    }
}

private struct Down: Error {}

private struct Pay: Workflow {
    static let name = "Pay"
    let bank: Bank

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        let breaker = CircuitBreaker(
            key: "bank", minimumNumberOfCalls: 5, waitDurationInOpenState: .milliseconds(300),
            maximumWaitDurationInOpenState: .milliseconds(600), permittedNumberOfCallsInHalfOpenState: 4)
        try await context.step("pay", retry: .fixed(attempts: 30, interval: .milliseconds(5)), breaker: breaker) { step in
            try await bank.call()
            return step.attempt
        }
        return input
    }
}

@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct BreakerTests {
    private func engine(_ store: Store, _ bank: Bank, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) { Pay(bank: bank) }
    }

    @Test(arguments: SQLStore.available)
    func `opened by one engine it holds up all, once, and all go on when the service is back`(_ store: SQLStore) async throws {
        let (database, bank) = (store.make().store, Bank())
        let engines = [try await engine(database, bank), try await engine(database, bank, memory: 4), try await engine(database, bank)]
        try await running(engines) {
            var handles: [WorkflowHandle<Int>] = []
            for index in 0..<60 { handles.append(try await engines[index % 3].start(Pay.self, index)) }
            try await eventually("it is open") { try await engines[0].client.pauses().map(\.name) == ["bank"] }
            // Failing trials, one at a time, open it again and again.
            try await eventually("it was opened again") {
                try await engines[1].client.core.store.pauses(all: true).first?.breaker?.opening ?? 0 >= 3
            }
            #expect(try await engines[1].client.core.store.pauses(all: true).count == 1)
            bank.set(up: true)
            for (index, handle) in handles.enumerated() { #expect(try await handle.result() == index) }
            try await eventually("it is closed") { try await engines[2].client.pauses().isEmpty }
            #expect(try await engines[2].client.core.store.pauses(all: true).map(\.endedBy) == ["circuit breaker"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `it stays open over a restart, and is closed by hand`(_ store: SQLStore) async throws {
        let (database, bank) = (store.make().store, Bank())
        let first = try await engine(database, bank)
        try await running([first]) {
            for index in 0..<8 { _ = try await first.start(Pay.self, index, id: "pay-\(index)") }
            try await eventually("it is open") { try await !first.client.pauses().isEmpty }
        }
        // For long, as if it had been opened often.
        let store = try await Client(store: database)
        try await store.core.stretch("bank")
        let calls = bank.calls
        bank.set(up: true)
        let second = try await engine(database, bank)
        try await running([second]) {
            let handle = try await second.client.handle(of: Pay.self, id: "pay-7")
            try await eventually("it waits") { try await handle.status().waitsFor == "a step that is paused" }
            #expect(try await second.client.pauses().map(\.state) == [.open])
            #expect(bank.calls == calls)
            #expect(try await store.resume(circuitBreaker: "bank", by: "ada"))
            for index in 0..<8 { #expect(try await second.client.handle(of: Pay.self, id: "pay-\(index)").result() == index) }
        }
        await store.close()
    }
}

extension ClientCore {
    /// Has a breaker be open for an hour.
    fileprivate func stretch(_ key: String) async throws {
        let settings = CircuitBreaker(waitDurationInOpenState: .hours(1))
        while true {
            var row = try #require(try await store.pause(of: PauseSubject(.breaker, key)))
            var state = BreakerState(settings)
            _ = state.open(settings, at: environment.clock.now())
            (row.breaker, row.until, row.ended, row.endedBy) = (state, state.openUntil, nil, nil)
            if try await store.put(row, over: row.revision) != nil { return }
        }
    }
}
