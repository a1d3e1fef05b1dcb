import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Flaky: Workflow {
    let ran: Counter
    let policy: RetryPolicy

    func run(_ failures: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("flaky", retry: policy) { step in
            ran.add(step.idempotencyKey)
            if step.attempt <= failures { throw Unlisted(code: step.attempt) }
            return step.attempt
        }
    }
}

private struct Impatient: Error, RetryAfterError { var retryAfter: Duration? }
private struct Hopeless: Error, NonRetryableError {}

private struct Policies: Workflow {
    let ran: Counter

    func run(_ kind: String, in context: WorkflowContext) async throws {
        let policy = RetryPolicy.exponential(
            attempts: 3, initialInterval: .milliseconds(1), nonRetryable: [Unlisted.self])
        try await context.step("work", retry: policy) {
            ran.add(kind)
            switch kind {
            case "after": throw Impatient(retryAfter: .milliseconds(2))
            case "marked": throw Hopeless()
            case "listed": throw Unlisted(code: 1)
            default: throw Refused(code: 1)
            }
        }
    }
}

/// Its bodies wait for ever, on a clock that the test turns.
private struct Slow: Workflow {
    let ran: Counter
    let never: Gate

    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        do {
            switch kind {
            case "attempt":
                return try await context.step("slow", retry: .fixed(attempts: 2, interval: .zero), timeout: .hours(1)) { step in
                    ran.add()
                    if step.attempt == 1 { try await Task.sleep(for: .seconds(600)) }
                    return "attempt \(step.attempt)"
                }
            case "total":
                try await context.step(
                    "slow", retry: .fixed(attempts: 1_000, interval: .hours(1)), totalTimeout: .hours(10)
                ) {
                    ran.add()
                    throw Unlisted(code: 1)
                }
            case "deaf":
                try await context.step("slow", timeout: .hours(1)) {
                    ran.add()
                    // Does not listen to its cancellation; it is abandoned after the grace period.
                    await Task { await never.wait() }.value
                }
            default:
                try await context.step("slow", heartbeatTimeout: .hours(1)) { step in
                    ran.add()
                    while ran["beats"] < 5 {
                        step.heartbeat()
                        ran.add("beats")
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    try await Task.sleep(for: .seconds(600))
                }
            }
        } catch let error as WorkflowError {
            return error.code.rawValue
        } catch let error as RecordedError {
            return error.type
        }
        return "returned"
    }
}

private struct Progressing: Workflow {
    let seen: Counter

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        try await context.step("copy", retry: .fixed(attempts: 3, interval: .milliseconds(1))) { step in
            let done = try step.progress(as: Int.self) ?? 0
            try step.heartbeat(done + 10)
            if step.attempt < 3 { throw Unlisted(code: 1) }
            return done
        }
    }
}

private struct LongBackoff: Workflow {
    let ran: Counter

    func run(_: Void, in context: WorkflowContext) async throws {
        try await context.step("call", retry: .fixed(attempts: 2, interval: .hours(1))) {
            ran.add()
            throw Unlisted(code: 1)
        }
    }
}

private struct Names2: Workflow {
    func run(_ kind: String, in context: WorkflowContext) async throws -> String {
        do {
            switch kind {
            case "same":
                async let first = context.step("ship") { 1 }
                async let second = context.step("ship") { 2 }
                _ = try await (first, second)
            case "ids":
                async let first = context.step("ship", id: 1) { 1 }
                async let second = context.step("ship", id: 2) { 2 }
                return "\(try await first + second)"
            case "sequence":
                return "\(try await context.step("ship") { 1 } + context.step("ship") { 2 })"
            case "empty": try await context.step("") {}
            case "long": try await context.step(String(repeating: "n", count: 513)) {}
            case "control": try await context.step("a\nb") {}
            default: try await context.step("outer") { try await context.step("inner") {} }
            }
        } catch let error as WorkflowError {
            return error.code.rawValue
        }
        return "returned"
    }
}

@Suite(.timeLimit(.minutes(1)))
struct StepTests {
    @Test func retriesKeepTheirKeyAndCountAttempts() async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Flaky(ran: ran, policy: .exponential(attempts: 5, initialInterval: .milliseconds(1)))
        } body: { engine in
            let handle = try await engine.start(Flaky.self, 3)
            #expect(try await handle.result() == 4)
            #expect(ran["\(engine.client.core.store.identity)/\(handle.id)/flaky"] == 4)
            #expect(try await handle.status().pendingSteps.isEmpty)
        }
    }

    @Test func theLastErrorIsThrownWhenAttemptsAreUsedUp() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Flaky(ran: Counter(), policy: .fixed(attempts: 3, interval: .milliseconds(1)))
        } body: { engine in
            await #expect(throws: RecordedError(type: "Unlisted", message: "Unlisted(code: 3)")) {
                try await engine.start(Flaky.self, 10).result()
            }
        }
    }

    @Test(arguments: [("after", 3), ("marked", 1), ("listed", 1), ("other", 3)])
    func policies(kind: String, attempts: Int) async throws {
        let ran = Counter()
        try await withEngine(store: .memory(), configuration: .test) {
            Policies(ran: ran)
        } body: { engine in
            _ = await #expect(throws: RecordedError.self) { try await engine.start(Policies.self, kind).result() }
            #expect(ran[kind] == attempts)
        }
    }

    @Test(arguments: [("attempt", "attempt 2"), ("total", "Unlisted"), ("deaf", "timedOut"), ("heartbeat", "timedOut")])
    func timeouts(kind: String, told: String) async throws {
        let ran = Counter()
        let never = Gate()
        let clock = TestClock()
        try await withEngine(store: .memory(), configuration: .test, clock: clock) {
            Slow(ran: ran, never: never)
        } body: { engine in
            let handle = try await engine.start(Slow.self, kind)
            try await waitWhile { ran[] == 0 }
            if kind == "heartbeat" {
                // Each wait alone is within the limit; all of them are not.
                try await waitWhile { ran["beats"] < 5 }
            }
            #expect(try await handle.status().state == .running)
            let turning = Task {
                while !Task.isCancelled {
                    clock.advance(by: .minutes(20))
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            let result = try await handle.result()
            // With a machine that is slow, the time is up in an attempt and not between two.
            #expect(result == told || kind == "total" && result == "timedOut")
            turning.cancel()
        }
        never.open()
        if kind == "total" { #expect(ran[] <= 11, "no attempt begins after the timeout") }
    }

    @Test func progressReachesTheNextAttempt() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Progressing(seen: Counter())
        } body: { engine in
            let result = try await engine.start(Progressing.self).result()
            #expect(result == 20)
        }
    }

    @Test func aLongBackoffIsDurableAndVisibleAndGoesOnElsewhere() async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        try await withEngine(store: .memory(database), configuration: .test) {
            LongBackoff(ran: ran)
        } body: { engine in
            let handle = try await engine.start(LongBackoff.self, id: "w")
            try await waitWhile { try await handle.status().pendingSteps.isEmpty }
            let pending = try #require(try await handle.status().pendingSteps.first)
            #expect(pending.key == "call")
            #expect(pending.attempts == 1)
            let next = try #require(pending.nextAttempt)
            #expect(next.timeIntervalSinceNow > 3_000)
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            LongBackoff(ran: ran)
        } body: { engine in
            try await waitWhile { try await engine.client.status(of: "w").state != .running }
            let pending = try #require(try await engine.client.status(of: "w").pendingSteps.first)
            #expect(pending.attempts == 1)
        }
        #expect(ran[] == 1, "the wait was not begun anew, nor cut short")
    }

    @Test(arguments: [
        ("same", "ambiguousStep"), ("ids", "3"), ("sequence", "3"), ("empty", "invalidName"), ("long", "invalidName"),
        ("control", "invalidName"), ("nested", "nestedStep"),
    ])
    func names(kind: String, told: String) async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Names2()
        } body: { engine in
            let result = try await engine.start(Names2.self, kind).result()
            #expect(result == told)
        }
    }

    @Test func keysNeverCollide() {
        let keys = [
            Names.key("a", id: nil), Names.occurrence(Names.key("a", id: nil), 2), Names.key("a#2", id: nil), Names.key("a##2", id: nil),
            Names.key("a", id: "2"), Names.key("a[2]", id: nil), Names.key("a", id: "2]#2"), Names.occurrence(Names.key("a", id: "2"), 2),
            Names.key("@sleep", id: nil), "@sleep", Names.key("@@sleep", id: nil), Names.key("a[", id: "2"), Names.key("a", id: "[2"),
            Names.key("a\\", id: nil), Names.key("a\\[2]", id: nil), Names.key("a\\", id: "2"), Names.key("a", id: "\\[2"),
        ]
        #expect(Set(keys).count == keys.count, "\(keys)")
    }
}
