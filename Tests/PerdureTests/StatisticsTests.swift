@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct StatisticsTests {
    @Test func whatCameAndWent() async throws {
        let gate = Gate()
        try await withEngine(store: .memory(), configuration: .patient) {
            Act { context in
                switch context.workflowID {
                case "stuck": await Gate().wait()
                case "sleeps": try await context.sleep(for: .hours(1))
                case "works": try await context.step("work") { await gate.wait() }
                default: break
                }
                return ""
            }
        } body: { engine in
            #expect(engine.statistics == EngineStatistics())
            for _ in 0..<3 { _ = try await engine.start(Act.self, "").result() }
            _ = await #expect(throws: WorkflowError.self) { try await engine.start(Act.self, "", id: "stuck").result() }
            _ = try await engine.start(Act.self, "", id: "sleeps")
            _ = try await engine.start(Act.self, "", id: "works")
            try await waitWhile { engine.statistics.waiting == 0 }
            #expect(engine.statistics.started == 6)
            #expect(engine.statistics.finished == 3)
            #expect(engine.statistics.setAside == 1)
            #expect(engine.statistics.inMemory == 2)
            #expect(engine.statistics.waiting == 1)
            gate.open()
            try await waitWhile { engine.statistics.inMemory == 2 }
            try await waitWhile { engine.statistics.finished < 4 }
            #expect(engine.statistics.parkedForever == 0)
            #expect(engine.statistics.abandonedBodies == 0)
        }
    }

    /// Code that swallows every error is counted when it is left suspended.
    @Test func whatStaysParkedIsCountedAndNamed() async throws {
        let named = Counter()
        var configuration = EngineConfiguration.patient
        configuration.maximumInMemory = 2
        configuration.log = { level, message in
            if level == .warning, message.contains("swallows the errors") { named.add() }
        }
        try await withEngine(store: .memory(), configuration: configuration) {
            Act { context in
                while true { try? await context.sleep(for: .hours(1)) }
            }
        } body: { engine in
            for _ in 0..<10 { _ = try await engine.start(Act.self, "") }
            try await waitWhile { engine.statistics.parkedForever < 3 }
            #expect(engine.statistics.unloaded >= 3)
            #expect(engine.statistics.inMemory <= 2)
            try await waitWhile { named[] < 3 }
        }
    }

    /// The body of a step that does not listen is counted from when it is abandoned until it ends.
    @Test func anAbandonedBodyIsCountedUntilItEnds() async throws {
        let (gate, clock) = (Gate(), TestClock())
        try await withEngine(store: .memory(), configuration: .patient, clock: clock) {
            Act { context in
                do {
                    try await context.step("deaf", timeout: .hours(1)) { await Task { await gate.wait() }.value }
                } catch let error as WorkflowError where error.code == .timedOut {
                    return "abandoned"
                }
                return "?"
            }
        } body: { engine in
            let handle = try await engine.start(Act.self, "")
            try await waitWhile {
                clock.advance(by: .minutes(20))
                return engine.statistics.abandonedBodies == 0
            }
            let result = try await handle.result()
            #expect(result == "abandoned")
            #expect(engine.statistics.abandonedBodies == 1)
            gate.open()
            try await waitWhile { engine.statistics.abandonedBodies == 1 }
        }
    }

    @Test func recentOutcomesAreBoundedByNumberAndSize() {
        func outcome(_ number: WorkflowNumber, _ bytes: Int) -> Outcome {
            Outcome(
                workflow: number, status: .completed, output: EncodedPayload(codec: 1, bytes: Array(repeating: 0, count: bytes)),
                finished: 0)
        }
        var recent = RecentOutcomes(countLimit: 10, byteLimit: 10_000)
        for number in 1...1_000 {
            recent.insert(outcome(WorkflowNumber(number), number % 100))
            #expect(recent.count <= 10)
            #expect(recent.take(WorkflowNumber(number)) != nil)
            recent.insert(outcome(WorkflowNumber(number), 10))
        }
        for number in 1...100 {
            recent.insert(outcome(WorkflowNumber(number), 3_000))
            #expect(recent.bytes <= 10_000)
            #expect(recent.count >= 1)
        }
        recent.insert(outcome(5_000, 10_000))
        #expect(recent.take(5_000) == nil, "larger than all that may be kept")
        #expect(recent.count >= 1)
        // The same once more takes its own place.
        for _ in 0..<10 { recent.insert(outcome(7, 5_000)) }
        #expect(recent.take(7) != nil)
        for number in 1...100 { _ = recent.take(WorkflowNumber(number)) }
        #expect(recent.count == 0)
        #expect(recent.bytes == 0)
    }
}
