import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// A workflow that is resumed the moment it is set aside.
@Suite(.timeLimit(.minutes(1)))
struct ResumeTests {
    /// The engine still holds what it set aside while somebody resumes it already.
    @Test func resumedBeforeTheEngineKnowsThatItIsSetAside() async throws {
        let database = MemoryDatabase()
        let isMended = Lock(false)
        let (committed, resumed) = (Gate(), Blocker())
        let isFirst = Lock(true)
        database.faults = { operation in
            guard operation.kind == .commit, operation.moment == .after, operation.commands.contains(where: \.setsAside),
                isFirst.withLock({ $0 })
            else { return nil }
            isFirst.withLock { $0 = false }
            // In the database, and the reply is on its way.
            committed.open()
            resumed.wait()
            return nil
        }
        try await withEngine(store: .memory(database), configuration: .patient) {
            Act { context in
                if isMended.withLock({ $0 }) { return "mended" }
                await Gate().wait()
                return "never to be seen"
            }
        } body: { engine in
            let act = try await engine.start(Act.self, "")
            await committed.wait()
            isMended.withLock { $0 = true }
            let isResumed = try await act.resume()
            #expect(isResumed)
            // Claimed by the engine that does not know yet that it has let go of it.
            try await waitWhile { try await act.status().state == .queued }
            for _ in 0..<100 { await Task.yield() }
            resumed.open()
            for _ in 0..<2_000 where database.openCount > 0 { try await Task.sleep(for: .milliseconds(1)) }
            let state = try await act.status().state
            #expect(state == .completed)
        }
    }
}

extension Command {
    fileprivate var setsAside: Bool { if case .setAside = self { true } else { false } }
}
