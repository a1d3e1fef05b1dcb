import Perdure
import PerdureMemory
import PerdureTesting
import Testing

extension Topic where Message == Int { fileprivate static let numbers = Topic("numbers") }

private struct Collector: Workflow {
    static let name = "Collector"

    func run(_ count: Int, in context: WorkflowContext) async throws -> [Int] {
        var numbers: [Int] = []
        for _ in 0..<count { numbers.append(try await context.receive(.numbers)) }
        return numbers
    }
}

private struct Caller: Workflow {
    static let name = "Caller"

    func run(_ count: Int, in context: WorkflowContext) async throws {
        for number in 0..<count { try await context.send(to: "collector", .numbers, number) }
    }
}

/// In what order messages arrive, whoever dies on the way.
@Suite(.timeLimit(.minutes(1)))
struct MessageOrderTests {
    /// The engine that dies has told nobody of what it had sent; the one that goes on has the receiver in its memory.
    @Test func whatTheDeadHaveSentIsNotOvertaken() async throws {
        let database = MemoryDatabase()
        let isDead = Lock(false)
        let survivor = try await Engine(store: .memory(database), configuration: .patient) {
            Collector()
            Caller()
        }
        let victim = try await Engine(store: .memory(database), configuration: .patient) { Caller() }
        try await withEngine(survivor) { survivor in
            _ = try await survivor.registered()
            let collector = try await survivor.start(Collector.self, 3, id: "collector")
            try await waitWhile { try await collector.status().state != .running }
            try await withEngine(victim) { victim in
                let executor = try await victim.registered().id
                database.faults = { operation in
                    // Committed, and the reply is lost with the process; it does not come back.
                    if operation.kind == .commit, operation.executor == executor, operation.moment == .after, operation.sends {
                        isDead.withLock { $0 = true }
                    }
                    if isDead.withLock({ $0 }), operation.kind == .register { return StoreError(.unavailable, "it is dead") }
                    return isDead.withLock { $0 } && operation.executor == executor && operation.kind == .commit
                        ? StoreError(.fenced, "its lease is gone") : nil
                }
                let caller = try await victim.start(Caller.self, 3)
                #expect(try await collector.result() == [0, 1, 2])
                try await caller.result()
            }
            #expect(isDead.withLock { $0 })
        }
        await victim.close()
        await survivor.close()
    }
}

extension MemoryOperation {
    fileprivate var sends: Bool {
        commands.contains { if case .effect(_, .send) = $0 { true } else { false } }
    }
}
