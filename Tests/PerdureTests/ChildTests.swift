import Foundation
import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Quick: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int { number * 2 }
}

/// Starts children, waits for something else first, and asks for their results later.
private struct Late: Workflow {
    func run(_ count: Int, in context: WorkflowContext) async throws -> Int {
        var children: [ChildHandle<Int>] = []
        for number in 0..<count { children.append(try await context.startChild(Quick.self, number)) }
        try await context.sleep(for: .milliseconds(30))
        var sum = 0
        for child in children.reversed() { sum += try await child.result() }
        return sum
    }
}

private struct Twice: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> String {
        let child = try await context.startChild(Quick.self, 1)
        _ = try await child.result()
        do {
            _ = try await child.result()
        } catch let error as WorkflowError {
            return error.code.rawValue
        }
        return "again"
    }
}

/// Leaves an ended child unasked and sleeps for long.
private struct Leaver: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        let child = try await context.startChild(Quick.self, 21)
        try await context.sleep(for: .days(30))
        return try await child.result()
    }
}

/// Draws between and inside steps, and tells what it draws outside of them.
private struct Chance: Workflow {
    let told: Lock<[String]>
    let reached: Gate

    func run(_: Void, in context: WorkflowContext) async throws {
        told.withLock { $0.append(context.uuid().uuidString) }
        _ = try await context.step("body") { context.uuid().uuidString }
        told.withLock { $0.append(context.uuid().uuidString) }
        try await context.step("reached") { reached.open() }
        try await context.sleep(for: .days(1))
    }
}

private struct Odd: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws -> String {
        do {
            try await context.sleep(until: Date(timeIntervalSince1970: .nan))
        } catch let error as WorkflowError {
            return error.code.rawValue
        }
        return "slept"
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ChildTests {
    @Test func resultsThatCameBeforeTheyWereAskedFor() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Quick()
            Late()
        } body: { engine in
            let sum = try await engine.start(Late.self, 20).result()
            #expect(sum == 380)
        }
    }

    @Test func aResultIsAwaitedOnce() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Quick()
            Twice()
        } body: { engine in
            let told = try await engine.start(Twice.self).result()
            #expect(told == "ambiguousStep")
        }
    }

    /// Its end is recorded when it comes, so that nothing is left in the inbox that would wake the parent again and again.
    @Test func anUnaskedChildDoesNotKeepItsParentAwake() async throws {
        let database = MemoryDatabase()
        let clock = TestClock()
        try await withEngine(store: .memory(database), configuration: .test, clock: clock) {
            Quick()
            Leaver()
        } body: { engine in
            let handle = try await engine.start(Leaver.self)
            let store = engine.client.core.store
            try await waitWhile { try await store.history(of: handle.number, after: 0, limit: 10).count < 2 }
            #expect(try await store.inbox(of: [handle.number]).isEmpty)
            clock.advance(by: .days(31))
            #expect(try await handle.result() == 42)
        }
    }

    /// A replay does not run the body, so what the body draws must not move the workflow's own sequence.
    @Test func whatABodyDrawsChangesNothing() async throws {
        let database = MemoryDatabase()
        let clock = TestClock()
        let (first, second) = (Lock<[String]>([]), Lock<[String]>([]))
        let reached = Gate()
        try await withEngine(store: .memory(database), configuration: .test, clock: clock) {
            Chance(told: first, reached: reached)
        } body: { engine in
            _ = try await engine.start(Chance.self, id: "c")
            await reached.wait()
        }
        clock.advance(by: .days(2))
        try await withEngine(store: .memory(database), configuration: .test, clock: clock) {
            Chance(told: second, reached: reached)
        } body: { engine in
            try await engine.handle(of: Chance.self, id: "c").result()
        }
        #expect(second.withLock { $0 } == first.withLock { $0 })
        #expect(Set(second.withLock { $0 }).count == 2)
    }

    @Test func aMomentThatIsNone() async throws {
        try await withEngine(store: .memory(), configuration: .test) {
            Odd()
        } body: { engine in
            let told = try await engine.start(Odd.self).result()
            #expect(told == "invalidName")
        }
    }

    @Test func wakingKeepsTheVersion() async throws {
        let database = MemoryDatabase()
        let clock = TestClock()
        var old = EngineConfiguration.test
        old.version = "1"
        old.maximumInMemory = 2
        var new = old
        new.version = "2"
        try await withEngine(store: .memory(database), configuration: old, clock: clock) {
            Quick()
            Leaver()
        } body: { engine in
            for number in 0..<4 { _ = try await engine.start(Leaver.self, id: "v\(number)") }
            try await waitWhile {
                var waiting = 0
                for number in 0..<4 where try await engine.client.status(of: "v\(number)").state == .waiting { waiting += 1 }
                return waiting < 3
            }
        }
        clock.advance(by: .days(31))
        try await withEngine(store: .memory(database), configuration: new, clock: clock) {
            Quick()
            Leaver()
        } body: { engine in
            // Its own work is done, and all that is due has been looked at; those of the other version are left.
            _ = try await engine.start(Quick.self, 1).result()
            for number in 0..<4 {
                try await waitWhile { try await engine.client.status(of: "v\(number)").state == .waiting }
                #expect(try await engine.client.status(of: "v\(number)").state == .queued)
            }
        }
    }
}
