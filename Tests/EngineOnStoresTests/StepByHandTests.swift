import Perdure
import Testing

/// What the steps of a test have done, and what holds them up.
private final class Workshop: Sendable {
    private struct State {
        var attempts: [String: Int] = [:]
        var isMended = false
        var isOpen = false
        var cancelled = 0
    }
    private let state = Lock(State())

    func attempts(_ step: String) -> Int { state.withLock { $0.attempts[step] ?? 0 } }
    var cancelled: Int { state.withLock { $0.cancelled } }
    func mend() { state.withLock { $0.isMended = true } }
    func open() { state.withLock { $0.isOpen = true } }

    func begin(_ step: String) { state.withLock { $0.attempts[step, default: 0] += 1 } }

    func tryIt() throws {
        if !state.withLock({ $0.isMended }) { throw Broken(part: "wheel") }
    }

    /// Returns when it is open; a cancellation is seen.
    func wait() async throws {
        while !state.withLock({ $0.isOpen }) {
            do { try await Task.sleep(for: .milliseconds(1)) } catch {
                state.withLock { $0.cancelled += 1 }
                throw error
            }
        }
    }
}

private struct Broken: Error, Codable, Hashable {
    var part: String
}

/// A step that fails until something is mended and then backs off for an hour, between two that do not.
private struct Repair: Workflow {
    static let name = "Repair"
    static let errors: [any (Error & Codable & Sendable).Type] = [Broken.self]
    let shop: Workshop

    func run(_ input: Int, in context: WorkflowContext) async throws -> String {
        let before = try await context.step("before") {
            shop.begin("before"); return input
        }
        let repaired: String
        do {
            repaired = try await context.step("repair", retry: .fixed(attempts: 9, interval: .hours(1))) { step in
                shop.begin("repair")
                try shop.tryIt()
                return "repaired in attempt \(step.attempt)"
            }
        } catch let error as WorkflowError {
            repaired = error.code.rawValue
        } catch let error as Broken {
            repaired = "broken \(error.part)"
        }
        let after = try await context.step("after") {
            shop.begin("after"); return input + before
        }
        return "\(after): \(repaired)"
    }
}

/// A step whose body waits until it is let go on.
private struct Endless: Workflow {
    static let name = "Endless"
    let shop: Workshop

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        let first = try await context.step("wait") {
            shop.begin("wait")
            try await shop.wait()
            return input
        }
        return try await context.step("then") { first + 1 }
    }
}

@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct StepByHandTests {
    private func engine(_ store: Store, _ shop: Workshop, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Repair(shop: shop)
            Endless(shop: shop)
        }
    }

    /// Has failed once, and waits for its next attempt.
    private func failed(_ handle: WorkflowHandle<String>) async throws {
        try await eventually("the step waits") { try await handle.status().pendingSteps.first?.nextAttempt != nil }
    }

    private func settled(_ handle: WorkflowHandle<some Sendable>, _ states: [Intervention.State]) async throws {
        try await eventually("what was asked is settled") { try await handle.interventions().map(\.state) == states }
    }

    @Test(arguments: SQLStore.available, [20_000, 1])
    func `a step that backs off is tried at once, in memory or not`(_ store: SQLStore, memory: Int) async throws {
        let shop = Workshop()
        let engine = try await engine(store.make().store, shop, memory: memory)
        try await running([engine]) {
            let handle = try await engine.start(Repair.self, 1)
            try await failed(handle)
            if memory == 1 {
                let other = try await engine.start(Endless.self, 1)
                try await eventually("it has left memory") { try await handle.status().state == .waiting }
                shop.open()
                #expect(try await other.result() == 2)
            }
            try await handle.retryNow(step: "repair", by: "ada", reason: "impatient")
            try await eventually("it has failed again") { try await handle.status().pendingSteps.first?.attempts == 2 }
            shop.mend()
            try await failed(handle)
            try await handle.retryNow(step: "repair", by: "ada")
            #expect(try await handle.result() == "2: repaired in attempt 3")
            #expect(shop.attempts("before") == 1 && shop.attempts("repair") == 3 && shop.attempts("after") == 1)
            let interventions = try await handle.interventions()
            #expect(interventions.map(\.state) == [.applied, .applied] && interventions.allSatisfy { $0.kind == .retryStep })
            #expect(
                interventions.map(\.reason) == ["impatient", nil] && interventions.allSatisfy { $0.by == "ada" && $0.step == "repair" })
        }
    }

    @Test(arguments: SQLStore.available)
    func `a failing step is given its result, is skipped, or is given its error`(_ store: SQLStore) async throws {
        let shop = Workshop()
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            var handles: [WorkflowHandle<String>] = []
            for number in 0..<5 { handles.append(try await engine.start(Repair.self, number, id: "r\(number)")) }
            for handle in handles { try await failed(handle) }
            try await handles[0].complete(step: "repair", with: "glued", by: "ada")
            try await handles[1].skip(step: "repair", by: "ada", reason: "nobody needs it")
            try await handles[2].fail(step: "repair", with: Broken(part: "axle"), by: "ada")
            try await engine.client.skip(step: "repair", of: "r3", by: "ada")
            try await engine.client.fail(step: "repair", of: "r4", with: Broken(part: "bell"), by: "ada", reason: "it rings")
            #expect(try await handles[0].result() == "0: glued")
            #expect(try await handles[1].result() == "2: skipped")
            #expect(try await handles[2].result() == "4: broken axle")
            #expect(try await handles[3].result() == "6: skipped")
            #expect(try await handles[4].result() == "8: broken bell")
            #expect(shop.attempts("repair") == 5)
            for handle in handles {
                #expect(try await handle.status().pendingSteps.isEmpty)
                #expect(try await handle.interventions().map(\.state) == [.applied])
            }
            #expect(try await engine.client.interventions(of: "r3").map(\.kind) == [.skipStep])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a body that runs is cancelled, and what it makes of that counts for nothing`(_ store: SQLStore) async throws {
        let shop = Workshop()
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            let handle = try await engine.start(Endless.self, 1)
            try await eventually("it runs") { shop.attempts("wait") == 1 }
            // There is nothing to be hastened.
            try await handle.retryNow(step: "wait", by: "ada")
            try await settled(handle, [.withoutEffect])
            try await handle.complete(step: "wait", with: 41, by: "ada")
            #expect(try await handle.result() == 42)
            try await eventually("the body was told") { shop.cancelled == 1 }
            #expect(shop.attempts("wait") == 1)
            #expect(try await handle.interventions().map(\.state) == [.withoutEffect, .applied])
        }
    }

    @Test(arguments: SQLStore.available)
    func `the body and the operator at the same moment: one of them, and the record says which`(_ store: SQLStore) async throws {
        let shop = Workshop()
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for _ in 0..<30 { handles.append(try await engine.start(Endless.self, 0)) }
            try await eventually("all run") { shop.attempts("wait") == 30 }
            for (place, handle) in handles.enumerated() {
                if place == 15 { shop.open() }
                do { try await handle.complete(step: "wait", with: 100, by: "ada") } catch let error as WorkflowError {
                    #expect(error.code == .stepCompleted || error.code == .ended)
                }
            }
            for handle in handles {
                let result = try await handle.result()
                let states = try await handle.interventions().map(\.state)
                #expect(states == (result == 101 ? [.applied] : result == 1 && !states.isEmpty ? [.withoutEffect] : []))
                #expect(result == 101 || result == 1)
            }
            #expect(try await handles[0].result() == 101)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what was given by hand is history for the next engine`(_ store: SQLStore) async throws {
        let (database, shop) = (store.make().store, Workshop())
        let first = try await engine(database, shop)
        var id = ""
        try await running([first]) {
            let handle = try await first.start(Repair.self, 1)
            id = handle.id
            try await failed(handle)
        }
        // Nobody has it now: what is asked waits for whoever takes it.
        let client = try await Client(store: database, configuration: .test)
        let handle = try await client.handle(of: Repair.self, id: id)
        try await handle.complete(step: "repair", with: "glued", by: "ada", reason: "by hand")
        #expect(try await handle.interventions().map(\.state) == [.onItsWay])
        await #expect(throws: WorkflowError.self) { try await handle.retryNow(step: "before", by: "ada") }
        let second = try await engine(database, shop)
        try await running([second]) {
            let result = try await second.client.handle(of: Repair.self, id: id).result()
            #expect(result == "2: glued")
        }
        #expect(shop.attempts("before") == 1 && shop.attempts("repair") == 1 && shop.attempts("after") == 1)
        #expect(try await handle.interventions().map(\.state) == [.applied])
        let steps = try await client.core.store.history(of: handle.number, after: 0, limit: 10)
        #expect(steps.map(\.key) == ["before", "repair", "after"] && steps.allSatisfy { $0.kind == .step })
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be done is refused, and what is not there changes nothing`(_ store: SQLStore) async throws {
        let shop = Workshop()
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            let handle = try await engine.start(Repair.self, 1)
            try await failed(handle)
            func code(_ body: () async throws -> Void) async throws -> WorkflowError.Code? {
                do { try await body() } catch let error as WorkflowError { return error.code }
                return nil
            }
            #expect(try await code { try await handle.skip(step: "before", by: "ada") } == .stepCompleted)
            #expect(try await code { try await handle.skip(step: "repair", by: "") } == .invalidName)
            #expect(try await code { try await handle.skip(step: "repair", by: "ada", reason: "a\0b") } == .invalidName)
            #expect(try await code { try await engine.client.skip(step: "repair", of: "nobody", by: "ada") } == .notFound)
            // The engine has it, so only that knows.
            #expect(try await code { try await handle.skip(step: "unknown", by: "ada") } == nil)
            try await settled(handle, [.withoutEffect])
            try await handle.complete(step: "repair", with: "glued", by: "ada")
            #expect(try await handle.result() == "2: glued")
            #expect(try await code { try await handle.retryNow(step: "repair", by: "ada") } == .ended)
            #expect(try await handle.interventions().map(\.state) == [.withoutEffect, .applied])
        }
    }
}
