@testable import Perdure
import PerdureMemory
import PerdureTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LongHistoryTests {
    @Test func `a history that grows is called long once at each length, and not again when it is replayed`() async throws {
        let database = MemoryDatabase()
        let said = Lock<[String]>([])
        var configuration = EngineConfiguration.test
        configuration.longHistories = [3, 5, 100]
        configuration.log = { level, message in
            if level == .warning, message.contains("the history of workflow") { said.withLock { $0.append(message) } }
        }
        let gate = Gate()
        let ran = Counter()
        let act = Act { context in
            for number in 1...4 { try await context.step("step \(number)") { ran.add("step") } }
            try await context.step("wait") {
                ran.add("waits")
                await gate.wait()
            }
            try await context.step("last") {}
            return "done"
        }
        try await withEngine(store: .memory(database), configuration: configuration) {
            act
        } body: { engine in
            _ = try await engine.start(Act.self, "", id: "long")
            try await waitWhile { ran["waits"] == 0 }
        }
        gate.open()
        try await withEngine(store: .memory(database), configuration: configuration) {
            act
        } body: { engine in
            let handle = try await engine.client.handle(of: Act.self, id: "long")
            #expect(try await handle.result() == "done")
        }
        let messages = said.withLock { $0 }
        #expect(ran["step"] == 4 && messages.count == 2)
        #expect(messages.first?.contains("has 3 rows") == true && messages.last?.contains("has 5 rows") == true)
    }
}
