import Perdure
import PerdureMemory
import PerdureTesting
import Testing

/// The helper of the test kit.
@Suite(.timeLimit(.minutes(1)))
struct WithEngineTests {
    @Test func aBodyThatThrowsEndsTheEngineAndIsHeard() async throws {
        let database = MemoryDatabase()
        let gate = Gate()
        let act = Act { context in
            try await context.step("wait") { await gate.wait() }
            return "done"
        }
        await #expect(throws: Refused(code: 1)) {
            try await withEngine(store: .memory(database), configuration: .test) {
                act
            } body: { engine in
                _ = try await engine.start(Act.self, "", id: "act")
                throw Refused(code: 1)
            }
        }
        gate.open()
        // What it had is another's, at once: it has handed it back.
        try await withEngine(store: .memory(database), configuration: .patient) {
            act
        } body: { engine in
            let result = try await engine.handle(of: Act.self, id: "act").result()
            #expect(result == "done")
        }
    }

    @Test func anEngineThatCannotRunIsWhatIsHeard() async throws {
        let database = MemoryDatabase()
        let tried = Counter()
        database.faults = { operation in
            guard operation.kind == .register else { return nil }
            tried.add()
            return StoreError(.misconfigured, "injected")
        }
        let error = await #expect(throws: StoreError.self) {
            try await withEngine(store: .memory(database), configuration: .test) {
                Act { _ in "" }
            } body: { _ in
                try await waitWhile { tried[] == 0 }
                throw Refused(code: 1)
            }
        }
        #expect(error?.code == .misconfigured)
    }
}
