import Perdure
import PerdureMemory
import PerdureTesting
import Testing

extension RequestKey where Input == Int, Output == Int { fileprivate static let double = RequestKey("double") }

/// Gives up its first answer while a request is looked at, and answers the next.
private struct Fickle: Workflow {
    struct No: Error, Codable {}

    enum Validator: String, CaseIterable { case throwsCancellation, refuses, agrees }

    let validator: Validator
    let looks: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { _ = try await context.answer(.double, validate: { _ in try await look() }) { _ in 0 } } catch is CancellationError {}
            }
            group.addTask { try await context.step("wait") { await looks.wait() } }
            try await group.next()
            group.cancelAll()
        }
        return try await context.answer(.double) { 2 * $0 }.input
    }

    private func look() async throws {
        looks.open()
        let never = Gate()
        await never.wait()
        switch validator {
        case .throwsCancellation: try Task.checkCancellation()
        case .refuses: throw No()
        case .agrees: break
        }
    }
}

/// Looks at each request for as long as the gate is shut, or until it is cancelled, and answers one.
private struct Slow: Workflow {
    let reached: Gate
    let gate: Gate

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        try await context.answer(.double) { _ in
            reached.open()
            await gate.wait()
            try Task.checkCancellation()
        } _: {
            2 * $0
        }.input
    }
}

/// Refuses odd numbers.
private struct Picky: Workflow {
    struct Odd: Error, Codable {}

    func run(_: Void, in context: WorkflowContext) async throws -> Int {
        try await context.answer(.double) {
            if $0 % 2 == 1 { throw Odd() }
        } _: {
            2 * $0
        }.input
    }
}

/// Requests that are looked at when something comes in between.
@Suite(.timeLimit(.minutes(2)))
struct RequestCancelTests {
    @Test(arguments: Fickle.Validator.allCases)
    fileprivate func `an answer that is cancelled while it looks returns, and the request is there for the next`(
        _ validator: Fickle.Validator
    ) async throws {
        let looks = Gate()
        try await withEngine(store: .memory(), configuration: .test) {
            Fickle(validator: validator, looks: looks)
        } body: { engine in
            let handle = try await engine.start(Fickle.self)
            #expect(try await handle.request(.double, 4, timeout: .seconds(60)) == 8)
            #expect(try await handle.result() == 4)
            // A replay, in which nobody looks at anything, takes the same path.
            try await replay(try await engine.client.exportHistory(of: handle.id), of: Fickle(validator: validator, looks: Gate()))
        }
    }

    @Test func `a request that an engine looks at when it ends is answered by the next`() async throws {
        let (database, reached, gate) = (MemoryDatabase(), Gate(), Gate())
        let client = try await Client(store: .memory(database))
        let first = try await Engine(store: .memory(database), configuration: .test) { Slow(reached: reached, gate: gate) }
        _ = try await first.start(Slow.self, id: "slow")
        let remote = try await client.handle(of: Slow.self, id: "slow")
        let asked = Lock<Int?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { asking in
            asking.addTask {
                let answer = try await remote.request(.double, 4, timeout: .seconds(60))
                asked.withLock { $0 = answer }
            }
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run() }
                await reached.wait()
                group.cancelAll()
            }
            await first.close()
            gate.open()
            try await withEngine(store: .memory(database), configuration: .test) {
                Slow(reached: reached, gate: gate)
            } body: { _ in
                let result = try await remote.result()
                #expect(result == 4)
            }
            try await asking.waitForAll()
        }
        #expect(asked.withLock { $0 } == 8)
        await client.close()
    }

    @Test func `an answer that the database does not take reaches the client and the workflow as that`() async throws {
        let database = MemoryDatabase()
        database.faults = { operation in
            guard operation.kind == .commit, operation.moment == .before else { return nil }
            for case .effect(_, .reply(let reply, _)) in operation.commands where reply.output != nil {
                return StoreError(.rejected, "that is too much")
            }
            return nil
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Picky()
        } body: { engine in
            let handle = try await engine.start(Picky.self)
            let error = await #expect(throws: WorkflowError.self) { try await handle.request(.double, 4, timeout: .seconds(60)) }
            #expect(error?.code == .rejected)
            let failure = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(failure?.code == .rejected)
        }
    }

    @Test func `a refusal that the database does not take reaches the client as that`() async throws {
        let (database, refused) = (MemoryDatabase(), Counter())
        database.faults = { operation in
            guard operation.kind == .commit, operation.moment == .before else { return nil }
            for case .refuse(let reply, _, _) in operation.commands {
                guard reply.error.map({ String(decoding: $0.bytes, as: UTF8.self).contains("rejected") }) != true else { continue }
                refused.add()
                return StoreError(.rejected, "that is too much")
            }
            return nil
        }
        try await withEngine(store: .memory(database), configuration: .test) {
            Picky()
        } body: { engine in
            let handle = try await engine.start(Picky.self)
            let error = await #expect(throws: WorkflowError.self) { try await handle.request(.double, 3, timeout: .seconds(60)) }
            #expect(error?.code == .rejected)
            #expect(refused[] > 0)
            #expect(try await handle.request(.double, 4, timeout: .seconds(60)) == 8)
            #expect(try await handle.result() == 4)
        }
    }
}
