import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Five steps and a child; each body is counted under its idempotency key.
private struct Counting: Workflow {
    let ran: Counter

    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        var sum = 0
        for index in 0..<5 {
            sum += try await context.step("step", id: index) { step in
                ran.add(step.idempotencyKey)
                await Task.yield()
                return index
            }
        }
        async let added = context.child(Add.self, [number, sum])
        try await context.sleep(for: .milliseconds(1))
        return try await added
    }
}

private struct Stay: Workflow {
    func run(_ number: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("first") { number }
        try await context.sleep(for: .days(30))
        return try await context.step("second") { number + 1 }
    }
}

/// Swallows every error and goes on: what an unloaded workflow must not be able to abuse.
private struct Stubborn: Workflow {
    let turns: Counter

    func run(_: Void, in context: WorkflowContext) async throws {
        while true {
            turns.add()
            try? await context.sleep(for: .hours(1))
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct RecoveryTests {
    /// Replies are lost and statements fail all the time; every workflow finishes, with its own result, and no step runs after it completed.
    @Test(arguments: [StoreError.Code.unavailable, .transient, .full])
    func faultsEverywhere(code: StoreError.Code) async throws {
        let random = Lock(SystemRandomNumberGenerator())
        let struck = Counter()
        let database = MemoryDatabase()
        let ran = Counter()
        try await withEngine(store: .memory(database), configuration: .test) {
            Counting(ran: ran)
            Add()
        } body: { engine in
            database.faults = { operation in
                guard operation.kind != .open, operation.kind != .listen else { return nil }
                guard random.withLock({ Int.random(in: 0..<20, using: &$0) }) == 0 else { return nil }
                struck.add("\(operation.kind)")
                struck.add()
                return StoreError(code, "injected")
            }
            defer { database.faults = nil }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let handle = try await retrying { try await engine.start(Counting.self, number, id: "w\(number)") }
                        #expect(try await retrying { try await handle.result() } == number + 10)
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(struck[] > 5)
    }

    /// An engine dies without a word, again and again; another takes over each time.
    @Test func enginesThatLoseTheirLease() async throws {
        let database = MemoryDatabase()
        let ran = Counter()
        let killer = try await Client(store: .memory(database))
        try await withEngine(store: .memory(database), configuration: .test) {
            Counting(ran: ran)
            Add()
        } body: { engine in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let handle = try await engine.start(Counting.self, number, id: "w\(number)")
                        #expect(try await handle.result() == number + 10)
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        await killer.core.environment.clock.wait(.milliseconds(20))
                        let current = engine.client.core.incarnation.withLock { $0?.id }
                        if let current { try await killer.core.store.retire(current) }
                    }
                }
                try await group.waitForAll()
            }
        }
        await killer.close()
    }

    /// Far more workflows than fit in memory: each is taken out, and comes back when it is due.
    @Test func moreWorkflowsThanFitInMemory() async throws {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 20
        let clock = TestClock()
        try await withEngine(store: .memory(), configuration: configuration, clock: clock) {
            Stay()
        } body: { engine in
            let handles = try await withThrowingTaskGroup(of: WorkflowHandle<Int>.self) { group in
                for number in 0..<300 { group.addTask { try await engine.start(Stay.self, number) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try await waitWhile {
                var waiting = 0
                for handle in handles where try await handle.status().state == .waiting { waiting += 1 }
                let resident = engine.client.core.incarnation.withLock { $0?.residency.withLock { $0.runs.count } }
                #expect((resident ?? 0) <= 20)
                return waiting < 280
            }
            // Some may only now begin to sleep.
            let turning = Task {
                while !Task.isCancelled {
                    clock.advance(by: .days(1))
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            for handle in handles { _ = try await handle.result() }
            turning.cancel()
        }
    }

    @Test func codeThatSwallowsErrorsCannotSpin() async throws {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 2
        let turns = Counter()
        try await withEngine(store: .memory(), configuration: configuration) {
            Stubborn(turns: turns)
        } body: { engine in
            var handles: [WorkflowHandle<Void>] = []
            for _ in 0..<10 { handles.append(try await engine.start(Stubborn.self)) }
            for handle in handles {
                try await waitWhile { try await ![.waiting, .running].contains(handle.status().state) }
            }
        }
        #expect(turns[] <= 10 * 70)
    }

    /// A cancel reaches a workflow that is no more than a row.
    @Test func anUnloadedWorkflowIsWoken() async throws {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = 2
        try await withEngine(store: .memory(), configuration: configuration) {
            Stubborn(turns: Counter())
            Sleeping()
        } body: { engine in
            var handles: [WorkflowHandle<Void>] = []
            for _ in 0..<20 { handles.append(try await engine.start(Sleeping.self)) }
            for handle in handles {
                try await waitWhile { try await handle.status().state == .queued }
                try await handle.cancel()
            }
            for handle in handles {
                let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
                #expect(error?.code == .cancelled)
            }
        }
    }

    @Test func whatCannotBeDecodedIsSetAsideWithTheReason() async throws {
        let database = MemoryDatabase()
        let client = try await Client(store: .memory(database))
        let number = try await client.core.numbers.next()
        let garbage = WorkflowRecord(
            number: number, id: "garbage", lane: Lane(workflow: "Add"), input: EncodedPayload(codec: 1, bytes: [0xFF, 0x00]), created: 1)
        _ = try await client.core.start(garbage, IDPolicies())
        try await withEngine(store: .memory(database), configuration: .test) {
            Add()
        } body: { engine in
            let handle = try await engine.handle(of: Add.self, id: "garbage")
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .setAside)
            #expect(try await handle.status().reason?.contains("cannot be decoded") == true)
            let other = try await engine.start(Add.self, [1, 2])
            #expect(try await other.result() == 3)
        }
        await client.close()
    }
}

private struct Sleeping: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws { try await context.sleep(for: .hours(1)) }
}

/// What a caller would do about an error of the store that says "again".
private func retrying<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
    while true {
        do { return try await body() } catch let error as StoreError where error.message == "injected" { continue }
    }
}
