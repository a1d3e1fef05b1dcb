import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// Whoever waits for the end after `resume()` has returned is not told that the workflow is set aside, as it was.
@Suite(.timeLimit(.minutes(1)))
struct ResumeAsideTests {
    /// Its first run is set aside, the others return.
    private static func mended(_ gate: Gate) -> Act {
        let ran = Counter()
        return Act { context in
            if ran.add() == 1 { await Gate().wait() }
            try await context.step("wait") { await gate.wait() }
            return "mended"
        }
    }

    /// The engine hears late that its own command is committed; meanwhile it is resumed.
    @Test func theReplyToTheSettingAsideComesLate() async throws {
        let database = MemoryDatabase()
        let (reply, gate, looked) = (Blocker(), Gate(), Counter())
        gate.open()
        try await withEngine(store: .memory(database), configuration: .patient) {
            Self.mended(gate)
        } body: { engine in
            database.faults = { operation in
                if operation.kind == .endings, operation.moment == .after { looked.add() }
                let setsAside = operation.commands.contains { if case .setAside = $0 { true } else { false } }
                if setsAside, operation.moment == .after { reply.wait() }
                return nil
            }
            let handle = try await engine.start(Act.self, "")
            try await waitWhile { try await handle.status().state != .setAside }
            #expect(try await handle.resume())
            async let result = handle.result()
            try await waitWhile { looked[] == 0 }
            reply.open()
            #expect(try await result == "mended")
        }
    }

    /// Somebody has asked the database before, and the answer comes late.
    @Test func anEarlierLookComesLate() async throws {
        let database = MemoryDatabase()
        let (answer, gate, looked) = (Blocker(), Gate(), Counter())
        // The look blocks a thread; it must not be one of the pool's.
        let thread = ThreadExecutor(name: "looks early")
        try await withEngine(store: .memory(database), configuration: .patient) {
            Self.mended(gate)
        } body: { engine in
            let handle = try await engine.start(Act.self, "")
            let asides = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(asides?.code == .setAside)
            database.faults = { operation in
                if operation.kind == .endings, operation.moment == .after, looked.add() == 1 { answer.wait() }
                return nil
            }
            let early = Task(executorPreference: thread) { try await handle.result() }
            try await waitWhile { looked[] == 0 }
            #expect(try await handle.resume())
            let late = Task { try await handle.result() }
            try await waitWhile { engine.client.core.endings.waiting < 2 }
            answer.open()
            let error = await #expect(throws: WorkflowError.self) { try await early.value }
            #expect(error?.code == .setAside)
            gate.open()
            #expect(try await late.value == "mended")
        }
        thread.stop()
    }
}
