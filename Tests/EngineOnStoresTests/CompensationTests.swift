import Foundation
import Perdure
import Testing

/// What a test's workflows have done, in order.
private final class Diary: Sendable {
    private let lines = Lock<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
}

extension Topic where Message == Bool { fileprivate static let go = Topic("go") }

/// Books three things, waits to be told to go on, and fails if it is told not to.
private struct Trip: Workflow {
    struct Refused: Error {}
    struct Broken: Error {}

    let diary: Diary

    func run(_ brokenUndo: String, in context: WorkflowContext) async throws -> String {
        for thing in ["hotel", "car", "flight"] {
            try await context.step("book", id: thing) { diary.note("book \(thing)") }
            try context.onFailure("cancel \(thing)", retry: .fixed(attempts: 2, interval: .milliseconds(1))) { step in
                if brokenUndo == thing || step.attempt == 1 { throw Broken() }
                diary.note("cancel \(thing)")
            }
        }
        guard try await context.receive(.go) else { throw Refused() }
        return "gone"
    }
}

/// Registers where nothing can be registered.
private struct Misuse: Workflow {
    func run(_ isNested: Bool, in context: WorkflowContext) async throws {
        if isNested {
            try await context.step("outer") { try context.onFailure("inner") {} }
        } else {
            try context.onFailure("") {}
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct CompensationTests {
    private func engine(_ store: Store, _ diary: Diary, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) { Trip(diary: diary) }
    }

    private static let undone = ["cancel flight", "cancel car", "cancel hotel"]

    @Test(arguments: SQLStore.available)
    func `what fails or is cancelled is undone in reverse order, and what succeeds is not`(_ store: SQLStore) async throws {
        let database = store.make().store
        let (failing, cancelled, fine) = (Diary(), Diary(), Diary())
        for (diary, verdict) in [(failing, false), (cancelled, nil), (fine, true)] as [(Diary, Bool?)] {
            let engine = try await engine(database, diary)
            try await running([engine]) {
                let handle = try await engine.start(Trip.self, "")
                try await eventually("it waits") { diary.all.count == 3 }
                if let verdict { try await handle.send(.go, verdict) } else { try await handle.cancel() }
                let result = try? await handle.result()
                #expect(result == (verdict == true ? "gone" : nil))
                let state = try await handle.status().state
                #expect(state == (verdict == nil ? .cancelled : verdict == true ? .completed : .failed))
            }
        }
        let booked = ["book hotel", "book car", "book flight"]
        #expect(failing.all == booked + Self.undone)
        #expect(cancelled.all == booked + Self.undone)
        #expect(fine.all == booked)
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be undone does not hold up the rest, and is named`(_ store: SQLStore) async throws {
        let diary = Diary()
        let engine = try await engine(store.make().store, diary)
        try await running([engine]) {
            let handle = try await engine.start(Trip.self, "car")
            try await handle.send(.go, false)
            let error = await #expect(throws: WorkflowError.self) { try await handle.result() }
            #expect(error?.code == .compensationFailed && error?.message.contains("cancel car") == true)
            #expect(diary.all.suffix(2) == ["cancel flight", "cancel hotel"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `what cannot be registered is refused at once`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) { Misuse() }
        try await running([engine]) {
            for (isNested, code) in [(true, WorkflowError.Code.nestedStep), (false, .invalidName)] {
                let error = await #expect(throws: WorkflowError.self) { try await engine.start(Misuse.self, isNested).result() }
                #expect(error?.code == code)
            }
        }
    }

    /// Each comes back from a row, and is undone once.
    @Test(arguments: SQLStore.available)
    func `it is undone by whoever goes on with it`(_ store: SQLStore) async throws {
        let database = store.make().store
        let diary = Diary()
        let first = try await engine(database, diary)
        let handle = try await first.start(Trip.self, "", id: "trip")
        try await running([first]) { try await eventually("it waits") { diary.all.count == 3 } }
        let second = try await engine(database, diary, memory: 2)
        try await running([second]) {
            let again = try await second.client.handle(of: Trip.self, id: handle.id)
            try await again.cancel()
            _ = try? await again.result()
            #expect(try await again.status().state == .cancelled)
        }
        #expect(diary.all == ["book hotel", "book car", "book flight"] + Self.undone)
    }
}
