import Perdure
import Testing

extension StreamKey where Element == String { fileprivate static let song = StreamKey("song") }
extension Topic where Message == Bool { fileprivate static let word = Topic("word") }

/// Closes its stream and goes on to append, also in the run as which it goes on.
private struct Singer: Workflow {
    struct State: Codable, Sendable {
        var run = 0
        var refusals: [String] = []
    }

    func run(_ input: State, in context: WorkflowContext) async throws -> State {
        var state = input
        if state.run == 0 {
            try await context.append("a", to: .song)
            try await context.step("sing") { step in try await step.append("b", to: .song) }
            try await context.close(.song)
        }
        do {
            try await context.append("c", to: .song)
        } catch let error as WorkflowError {
            state.refusals.append(error.code.rawValue)
        }
        // Closed twice is closed.
        try await context.close(.song)
        let late = try await context.step("sing late", retry: .none) { step in
            do {
                try await step.append("d", to: .song)
                return "sung"
            } catch let error as WorkflowError {
                return error.code.rawValue
            }
        }
        state.refusals.append(late)
        guard try await context.receive(.word) else { return state }
        state.run += 1
        try continueAsNew(state, in: context)
    }
}

/// What comes behind the end of a stream.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct StreamCloseTests {
    @Test(arguments: SQLStore.available)
    func `what is appended to a closed stream is refused, by later runs and after a crash, too`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) { Singer() }
        try await running([engine]) {
            let handle = try await engine.start(Singer.self, Singer.State(), id: "singer")
            // It ends though the workflow does not.
            let read = try await handle.stream(.song).reduce(into: [String]()) { $0.append($1.value) }
            #expect(read == ["a", "b"])
            for runs in 1...3 {
                try await eventually("it has sung late") {
                    let newest = try await engine.client.handle(of: Singer.self, id: "singer")
                    let steps = try await engine.client.core.store.recorded(newest.number)?.steps ?? []
                    return try await engine.client.runs(of: "singer").count == runs && steps.contains { $0.key == "sing late" }
                }
                // Its history is gone through again, and says the same.
                engine.client.core.incarnation.withLock { $0 }?.end(.fenced("a test"))
                try await engine.client.send(to: "singer", .word, runs < 3)
            }
            #expect(try await handle.result().refusals == Array(repeating: "streamClosed", count: 6))
            #expect(try await handle.stream(.song).reduce(into: [Int]()) { $0.append($1.offset) } == [0, 1])
            let rows = try await engine.client.core.store.stream("song", of: handle.number, from: 0, limit: 10)
            #expect(rows.map(\.value?.codec) == [1, 1, nil])
        }
    }
}
