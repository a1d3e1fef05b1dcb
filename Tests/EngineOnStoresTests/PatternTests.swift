import Foundation
import Patterns
import Perdure
import PerdureTesting
import Testing

/// What the companies and the model were asked, and what they refuse.
private final class World: Sendable {
    private let state = Lock<(lines: [String], broken: Set<String>)>(([], []))
    var lines: [String] { state.withLock { $0.lines } }
    func note(_ line: String) { state.withLock { $0.lines.append(line) } }
    func breaks(_ what: String) { state.withLock { _ = $0.broken.insert(what) } }
    func isBroken(_ what: String) -> Bool { state.withLock { $0.broken.contains(what) } }
}

private struct Company: Trip.Company {
    struct Full: Error {}

    let name: String
    let world: World

    func book(_ plan: Trip.Plan, key: String) async throws -> String {
        world.note("book \(name)")
        if world.isBroken(name) { throw Full() }
        return "\(name) in \(plan.city)"
    }

    func cancel(_ plan: Trip.Plan, key: String) async throws { world.note("cancel \(name)") }
}

/// Asks for the weather first; its connection breaks once in the midst of an answer.
private struct Model: Agent.Model {
    struct Broken: Error {}

    let world: World

    func tokens(after turns: [Agent.Turn]) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { stream in
            world.note("model after \(turns.count)")
            if turns.last?.speaker != "tool" {
                for token in ["TOOL ", "weather ", "Madrid"] { stream.yield(token) }
                stream.finish()
            } else {
                stream.yield("It is ")
                if !world.isBroken("connection") {
                    world.breaks("connection")
                    stream.finish(throwing: Broken())
                } else {
                    stream.yield(turns.last?.text ?? "?")
                    stream.finish()
                }
            }
        }
    }
}

/// Charges, once for each key.
private struct Till: Subscription.Billing {
    let world: World

    func charge(_ customer: String, for plan: String, key: String) async throws -> Int {
        world.note("\(customer) pays for \(plan), \(key)")
        return plan == "large" ? 30 : 10
    }
}

/// The examples do what they say.
@Suite(.timeLimit(.minutes(5)))
struct PatternTests {
    private func engine(_ store: Store, _ world: World) async throws -> Engine {
        func company(_ name: String) -> Company { Company(name: name, world: world) }
        return try await Engine(store: store, configuration: .test) {
            Approval { person, _ in world.note("mail to \(person)") }
            Trip(hotel: company("hotel"), train: company("train"), museum: company("museum"))
            Agent(model: Model(world: world), tools: ["weather": { city in "sunny in \(city)" }])
        }
    }

    private func expense(_ patience: Duration) -> Approval.Expense {
        Approval.Expense(purpose: "a chair", amount: 200, patience: patience, approvers: ["Ada", "Eve"])
    }

    @Test(arguments: SQLStore.available)
    func `an approval comes in time, or goes to the next in line`(_ store: SQLStore) async throws {
        let (database, world) = (store.make().store, World())
        let engine = try await engine(database, world)
        try await running([engine]) {
            let granted = try await engine.start(Approval.self, expense(.days(2)), id: "chair")
            #expect(try await granted.awaitEvent(.waitsFor) == "Ada")
            let verdict = Approval.Verdict(isGranted: true, by: "Ada")
            try await engine.client.send(to: "chair", .verdict, verdict)
            let seen = try await granted.result()
            #expect(seen == verdict)
            let late = try await engine.start(Approval.self, expense(.milliseconds(30)), id: "another chair")
            let nobody = try await late.result()
            #expect(nobody == Approval.Verdict(isGranted: false, by: "nobody in time"))
            #expect(world.lines == ["mail to Ada", "mail to Ada", "mail to Eve"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a trip is booked as a whole or not at all`(_ store: SQLStore) async throws {
        let (database, world) = (store.make().store, World())
        let engine = try await engine(database, world)
        try await running([engine]) {
            let plan = Trip.Plan(traveller: "Ada", city: "Madrid")
            let bookings = try await engine.start(Trip.self, plan).result()
            #expect(bookings == ["hotel in Madrid", "train in Madrid", "museum in Madrid"])
            world.breaks("museum")
            await #expect(throws: (any Error).self) { try await engine.start(Trip.self, plan).result() }
            let booked = ["book hotel", "book train", "book museum"]
            #expect(
                world.lines == booked + booked + ["book museum", "book museum"] + ["cancel museum", "cancel train", "cancel hotel"])
        }
    }

    /// In the hands of two processes, one after the other.
    @Test(arguments: SQLStore.available)
    func `a subscription is billed for years, by one run after the other`(_ store: SQLStore) async throws {
        let (database, world, clock) = (store.make().store, World(), TestClock())
        func life(_ body: (WorkflowHandle<Subscription.State>, Engine) async throws -> Void) async throws {
            try await withEngine(store: database, configuration: .test, clock: clock) {
                Subscription(billing: Till(world: world))
            } body: { engine in
                let input = Subscription.State(customer: "acme", plan: "small")
                try await body(try await engine.start(Subscription.self, input, id: "acme"), engine)
            }
        }
        func period(_ number: Int, _ handle: WorkflowHandle<Subscription.State>) async throws {
            #expect(try await handle.awaitEvent(.subscription, where: { $0.periods == number }) != nil)
            clock.advance(by: .days(Subscription.days))
        }
        try await life { handle, engine in
            for number in 1...6 {
                if number == 3 {
                    #expect(try await handle.awaitEvent(.subscription, where: { $0.periods == 3 }) != nil)
                    try await engine.client.send(to: "acme", .wishes, .change(plan: "large"))
                    #expect(try await handle.awaitEvent(.subscription, where: { $0.plan == "large" }) != nil)
                }
                try await period(number, handle)
            }
        }
        try await life { handle, engine in
            for number in 7...9 { try await period(number, handle) }
            #expect(try await handle.awaitEvent(.subscription, where: { $0.periods == 10 }) != nil)
            try await handle.send(.wishes, .cancel)
            let end = try await handle.result()
            #expect(end.periods == 10 && end.paid == 3 * 10 + 7 * 30)
            let runs = try await engine.client.runs(of: "acme")
            #expect(runs.map(\.state) == [.continued, .continued, .completed])
            #expect(world.lines.count == 10 && Set(world.lines).count == 10)
        }
    }

    @Test(arguments: SQLStore.available)
    func `an agent's tokens are read as they come, and what was paid for is not asked again`(_ store: SQLStore) async throws {
        let (database, world) = (store.make().store, World())
        let (engine, browser) = (try await engine(database, world), try await Client(store: database))
        let handle = try await engine.start(Agent.self, "What is the weather in Madrid?", id: "talk")
        let remote = try await browser.handle(of: Agent.self, id: "talk")
        try await running([engine]) {
            async let read = remote.stream(.tokens).reduce(into: [String]()) { $0.append("\($1.attempt) \($1.value)") }
            let answer = try await handle.result()
            #expect(answer == "It is sunny in Madrid")
            let tokens = try await read
            #expect(tokens == ["1 TOOL ", "1 weather ", "1 Madrid", "1 It is ", "2 It is ", "2 sunny in Madrid"])
            #expect(world.lines == ["model after 1", "model after 3", "model after 3"])
        }
        await browser.close()
    }
}
