import Foundation
import Perdure
import PerdurePostgres
import Testing

extension Topic where Message == String { fileprivate static let words = Topic("words") }
extension RequestKey where Input == Int, Output == Int {
    fileprivate static let double = RequestKey("double")
    fileprivate static let triple = RequestKey("triple")
}

/// What is broken at the moment, and how often a question was handled.
private final class World: Sendable {
    struct Broken: Error {}

    private let state = Lock((isBroken: true, handled: 0))
    var handled: Int { state.withLock { $0.handled } }

    func mend() { state.withLock { $0.isBroken = false } }
    func check() throws { if state.withLock({ $0.isBroken }) { throw Broken() } }
    func handle() { state.withLock { $0.handled += 1 } }
}

/// Fails before it has received anything, as long as something is broken.
private struct Guarded: Workflow {
    static let name = "Guarded"
    let world: World

    func run(_ words: Int, in context: WorkflowContext) async throws -> String {
        try await context.step("guard") { try world.check() }
        var heard = ""
        for _ in 0..<words { heard += try await context.receive(.words) }
        let answered = try await context.answer(.double) { 2 * $0 }
        return heard + "\(answered.input)"
    }
}

/// Answers, and fails behind that; or, the other way round, fails before it, but ends with the error only then.
private struct Answerer: Workflow {
    static let name = "Answerer"
    let world: World

    func run(_ answersFirst: Bool, in context: WorkflowContext) async throws -> Int {
        var failure: (any Error)?
        if !answersFirst {
            do { try await context.step("work") { try world.check() } } catch { failure = error }
        }
        let answered = try await context.answer(.double) { number in
            world.handle()
            return 2 * number
        }
        if let failure { throw failure }
        try await context.step("ship") { try world.check() }
        // Somebody asks again.
        _ = try await context.receive(.words)
        return answered.input
    }
}

/// Answers two kinds of questions, and hears one word.
private struct Desk: Workflow {
    static let name = "Desk"

    func run(_ input: String, in context: WorkflowContext) async throws -> String {
        try await context.answering(.double) {
            2 * $0
        } while: {
            try await context.answering(.triple) {
                3 * $0
            } while: {
                try await context.receive(.words)
            }
        }
    }
}

/// Receives all that is there, and ends.
private struct Drain: Workflow {
    static let name = "Drain"

    func run(_ input: String, in context: WorkflowContext) async throws -> String {
        var heard = try await context.receive(.words)
        while let word = try await context.receive(.words, timeout: .zero) { heard += word }
        return heard
    }
}

/// What waits in an inbox when a run ends, and what becomes of keys.
@Suite(.timeLimit(.minutes(5)))
struct UnreadTests {
    private func engine(_ store: Store, _ world: World = World()) async throws -> Engine {
        try await Engine(store: store, configuration: .test) {
            Guarded(world: world)
            Answerer(world: world)
            Desk()
            Drain()
        }
    }

    @Test(arguments: SQLStore.available)
    func `what a run had not received when it failed is there for the run that goes on`(_ store: SQLStore) async throws {
        let world = World()
        let engine = try await engine(store.make().store, world)
        let first = try await engine.start(Guarded.self, 3, id: "guarded")
        try await first.send(.words, "a", key: "one")
        try await first.send(.words, "b")
        // It is not taken back when its time is up.
        await #expect(throws: WorkflowError.self) { try await first.request(.double, 4, key: "four", timeout: .zero) }
        try await running([engine]) {
            await #expect(throws: RecordedError.self) { try await first.result() }
            // Twice: a run that fails again has received nothing either.
            let second = try await first.rewind()
            await #expect(throws: RecordedError.self) { try await second.result() }
            world.mend()
            let third = try await second.rewind()
            try await third.send(.words, "a", key: "one")
            try await third.send(.words, "c")
            #expect(try await third.request(.double, 4, key: "four", timeout: .seconds(60)) == 8)
            #expect(try await third.result() == "abc4")
        }
    }

    @Test(arguments: SQLStore.available)
    func `what was answered before the failure stays answered when it is asked again`(_ store: SQLStore) async throws {
        let world = World()
        let engine = try await engine(store.make().store, world)
        try await running([engine]) {
            let first = try await engine.start(Answerer.self, true, id: "answerer")
            #expect(try await first.request(.double, 4, key: "k") == 8)
            await #expect(throws: RecordedError.self) { try await first.result() }
            world.mend()
            let second = try await first.rewind()
            #expect(try await second.request(.double, 4, key: "k", timeout: .seconds(60)) == 8)
            try await second.send(.words, "go")
            #expect(try await second.result() == 4)
            #expect(world.handled == 1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what was answered behind the failure is answered anew`(_ store: SQLStore) async throws {
        let world = World()
        let engine = try await engine(store.make().store, world)
        try await running([engine]) {
            let first = try await engine.start(Answerer.self, false, id: "answerer")
            #expect(try await first.request(.double, 4, key: "k") == 8)
            await #expect(throws: RecordedError.self) { try await first.result() }
            world.mend()
            let second = try await first.rewind()
            #expect(try await second.request(.double, 4, key: "k", timeout: .seconds(60)) == 8)
            try await second.send(.words, "go")
            #expect(try await second.result() == 4)
            #expect(world.handled == 2)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a key is one of its kind and of its name`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store)
        try await running([engine]) {
            let desk = try await engine.start(Desk.self, "", id: "desk")
            for _ in 0..<2 {
                #expect(try await desk.request(.double, 2, key: "k", timeout: .seconds(60)) == 4)
                #expect(try await desk.request(.triple, 2, key: "k", timeout: .seconds(60)) == 6)
            }
            try await desk.send(.words, "done", key: "k")
            #expect(try await desk.result() == "done")
        }
    }

    /// The message is held up on its way into the inbox until the run has ended.
    @Test(.enabled(if: SQLStore.postgresURL != nil))
    func `a start with a message starts anew if the run ends before the message is there`() async throws {
        let (database, table) = SQLStore.postgres.make()
        let (engine, other) = (try await engine(database), try await Client(store: database))
        let lock = Int64.random(in: 1...Int64.max)
        try await other.transaction { db in
            try await db.execute(
                """
                CREATE FUNCTION \(unsafeRaw: table("hold_up"))() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM pg_advisory_xact_lock(\(unsafeRaw: "\(lock)")); RETURN NULL; END $$
                """)
            try await db.execute(
                """
                CREATE TRIGGER hold_up AFTER INSERT ON \(unsafeRaw: table("inbox")) FOR EACH ROW WHEN (NEW.key = 'held')
                EXECUTE FUNCTION \(unsafeRaw: table("hold_up"))()
                """)
        }
        try await running([engine]) {
            let first = try await engine.client.start(Drain.self, "", id: "drain")
            try await withThrowingTaskGroup(of: WorkflowHandle<String>.self) { group in
                try await other.transaction { db in
                    _ = try await db.query("SELECT pg_advisory_xact_lock(\(unsafeRaw: "\(lock)"))::text", as: String.self)
                    group.addTask {
                        try await engine.client.start(Drain.self, "", id: "drain", sending: .words, "late", key: "held")
                    }
                    try await eventually("it is held up") {
                        try await db.query(
                            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid::int8 << 32) + objid::int8 = \(unsafeRaw: "\(lock)")",
                            as: Int.self
                        ).count == 1
                    }
                    try await first.send(.words, "first")
                    #expect(try await first.result() == "first")
                }
                let second = try #require(try await group.next())
                #expect(second.number != first.number)
                #expect(try await second.result() == "late")
            }
        }
        await other.close()
    }
}
