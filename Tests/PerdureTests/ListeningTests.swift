import Dispatch
@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

private struct Thought: Workflow {
    func run(_: Void, in context: WorkflowContext) async throws {}
}

/// A clock that stands still: no poll comes.
private struct StandingClock: EngineClock {
    private let moment = Instant.now

    func now() -> Microseconds { 0 }
    func instant() -> Instant { moment }
    func schedule(at due: Microseconds, _ action: @escaping @Sendable () -> Void) -> TimerID { 1 }
    func schedule(at due: Instant, _ action: @escaping @Sendable () -> Void) -> TimerID { 1 }
    func cancel(_ timer: TimerID) {}
}

@Suite(.timeLimit(.minutes(1)))
struct ListeningTests {
    /// One who comes while the first listens for the first time looks at once, and then waits for a push that is told to nobody yet.
    @Test func `what comes while the first begins to listen is missed by nobody`() async throws {
        let database = MemoryDatabase()
        let (begun, goesOn) = (Counter(), DispatchSemaphore(value: 0))
        database.faults = { operation in
            guard operation.kind == .listen, operation.moment == .before else { return nil }
            begun.add()
            goesOn.wait()
            return nil
        }
        let backend = try await Store.memory(database).open(StoreSettings())
        let watch = PublicationsWatch(store: backend, clock: StandingClock())
        let (value, looks) = (Lock<Int?>(nil), Counter())
        async let first = watch.wait(on: 1) { value.withLock { $0 } }
        try await waitWhile { begun[] == 0 }
        async let second = watch.wait(on: 1) {
            defer { looks.add() }
            return value.withLock { $0 }
        }
        try await waitWhile { looks[] == 0 }
        value.withLock { $0 = 7 }
        goesOn.signal()
        let found = try await [first, second]
        #expect(found == [7, 7])
        await watch.close()
        await backend.close()
    }

    /// The same of the ends of workflows.
    @Test func `an end that comes while the first begins to listen is missed by nobody`() async throws {
        let database = MemoryDatabase()
        let act = Act { context in
            _ = try await context.receive(Topic<Bool>("word"))
            return "ended"
        }
        try await withEngine(store: .memory(database)) {
            act
        } body: { engine in
            _ = try await engine.registered()
            let (one, two) = (try await engine.start(Act.self, ""), try await engine.start(Act.self, ""))
            let (begun, looks, goesOn) = (Counter(), Counter(), DispatchSemaphore(value: 0))
            database.faults = { operation in
                if operation.kind == .endings, operation.moment == .after { looks.add() }
                guard operation.kind == .listen, operation.moment == .before else { return nil }
                begun.add()
                goesOn.wait()
                return nil
            }
            let backend = try await Store.memory(database).open(StoreSettings())
            let watch = EndingsWatch(store: backend, clock: StandingClock())
            async let first = watch.ending(of: one.number) { false }
            try await waitWhile { begun[] == 0 }
            async let second = watch.ending(of: two.number) { false }
            try await waitWhile { looks[] == 0 }
            for handle in [two, one] {
                try await handle.send(Topic<Bool>("word"), true)
                try await waitWhile { try await !handle.status().state.isClosed }
            }
            goesOn.signal()
            let ended = try await [first, second].map(\.workflow)
            #expect(ended == [one.number, two.number])
            await watch.close()
            await backend.close()
        }
    }

    /// As when the server had no connection left for a moment.
    @Test func aListenThatFailsIsTriedAgain() async throws {
        let database = MemoryDatabase()
        let (failures, listened) = (Counter(), Counter())
        database.faults = { operation in
            guard operation.kind == .listen else { return nil }
            if operation.moment == .after { listened.add() }
            guard operation.moment == .before, failures[] < 2 else { return nil }
            failures.add()
            return StoreError(.full, "no connection is left")
        }
        let logged = Lock<[String]>([])
        var configuration = EngineConfiguration.test
        configuration.log = { _, message in logged.withLock { $0.append(message) } }
        let engine = try await Engine(store: .memory(database), configuration: configuration) { Thought() }
        try await withEngine(engine) { _ in
            try await waitWhile { listened[] == 0 }
            #expect(failures[] == 2)
            #expect(logged.withLock { $0.contains { $0.contains("wake-ups of other processes are not heard") } })
            // Started by somebody else, it is found without the poll.
            let client = try await Client(store: .memory(database))
            try await client.start(Thought.self).result()
            await client.close()
        }
    }
}
