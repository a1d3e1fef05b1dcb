import Foundation
import Perdure
import Testing

extension Topic where Message == String { fileprivate static let words = Topic("words") }
extension EventKey where Value == String { fileprivate static let progress = EventKey("progress") }
extension StreamKey where Element == String { fileprivate static let log = StreamKey("log") }

/// What bodies did, in order, and what is broken at the moment.
private final class Shop: Sendable {
    struct Closed: Error {}

    private let state = Lock<(lines: [String], broken: Set<String>)>(([], []))
    var all: [String] { state.withLock { $0.lines } }

    init(broken: Set<String> = []) { state.withLock { $0.broken = broken } }

    func mend() { state.withLock { $0.broken = [] } }

    func visit(_ line: String) throws {
        try state.withLock { state in
            state.lines.append(line)
            if state.broken.contains(line) { throw Closed() }
        }
    }
}

/// Steps whose results hang on random numbers and the time, as far as a replay must find them the same.
private struct Order: Workflow {
    let shop: Shop
    let keys: Shop

    func run(_ name: String, in context: WorkflowContext) async throws -> String {
        var generator = context.randomNumberGenerator()
        let lucky = Int.random(in: 0..<1_000_000, using: &generator)
        try await context.step("pack", id: "\(lucky)") { try shop.visit("pack \(name)") }
        try await context.publish(.progress, "packed")
        try await context.append("packed", to: .log)
        let paid = try await context.step("pay") { step in
            try keys.visit(step.idempotencyKey)
            try shop.visit("pay")
            return "\(name)-\(lucky)"
        }
        try await context.publish(.progress, "paid")
        try await context.step("ship") { try shop.visit("ship") }
        return paid
    }
}

/// Waits for words until one is "stop".
private struct Listener: Workflow {
    func run(_ input: String, in context: WorkflowContext) async throws -> String {
        var heard = ""
        while true {
            let word = try await context.receive(.words)
            if word == "stop" { return heard }
            heard += word
        }
    }
}

/// A child that fails as long as something is broken, under an id of its own.
private struct Parent: Workflow {
    struct Child: Workflow {
        let shop: Shop
        func run(_ name: String, in context: WorkflowContext) async throws -> String {
            try await context.step("child") { try shop.visit("child") }
            return name
        }
    }

    let shop: Shop

    func run(_ id: String, in context: WorkflowContext) async throws -> String {
        try await context.step("before") { try shop.visit("before") }
        return try await context.child(Child.self, "well", id: "child of \(id)")
    }
}

/// One step, which fails as long as something is broken.
private struct Single: Workflow {
    let shop: Shop
    let keys: Shop

    func run(_ input: String, in context: WorkflowContext) async throws {
        try await context.step("only") { step in
            try keys.visit(step.idempotencyKey)
            try shop.visit("only")
        }
    }
}

/// Fails with the error of its first step, but only behind a transaction.
private struct Late: Workflow {
    let shop: Shop

    func run(_ input: String, in context: WorkflowContext) async throws -> Int {
        var failure: (any Error)?
        do { try await context.step("look") { try shop.visit("look") } } catch { failure = error }
        let paid = try await context.transaction("pay") { _ in
            try shop.visit("pay")
            return 7
        }
        if let failure { throw failure }
        return try await context.step("ship") {
            try shop.visit("ship")
            return paid
        }
    }
}

/// Sleeps behind its first step.
private struct Sleeper: Workflow {
    func run(_ seconds: Int, in context: WorkflowContext) async throws -> Bool {
        try await context.step("first") {}
        let before = context.now
        try await context.sleep(for: .seconds(seconds))
        return context.now.timeIntervalSince(before) >= Double(seconds)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RunTests {
    private func engine(
        _ store: Store, _ shop: Shop, _ keys: Shop = Shop(), memory: Int = 20_000, version: String = ""
    ) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        configuration.version = version
        return try await Engine(store: store, configuration: configuration) {
            Order(shop: shop, keys: keys)
            Listener()
            Parent(shop: shop)
            Parent.Child(shop: shop)
            Sleeper()
            Single(shop: shop, keys: keys)
            Late(shop: shop)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a restart does all of it again, with another input if there is one`(_ store: SQLStore) async throws {
        let shop = Shop()
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            let first = try await engine.start(Order.self, "ann", id: "order")
            #expect(try await first.result().hasPrefix("ann-"))
            let second = try await first.restart(options: NewRunOptions(by: "Ada", reason: "again"))
            #expect(second.id == "order" && second.run != first.run)
            #expect(try await second.result().hasPrefix("ann-"))
            let third = try await second.restart(input: "bob")
            #expect(try await third.result().hasPrefix("bob-"))
            #expect(try await first.result().hasPrefix("ann-"))
            #expect(shop.all == ["pack ann", "pay", "ship", "pack ann", "pay", "ship", "pack bob", "pay", "ship"])
            #expect(try await engine.client.handle(of: Order.self, id: "order").run == third.run)
            let runs = try await engine.client.runs(of: "order")
            #expect(runs.map(\.run) == [first.run, second.run, third.run])
            #expect(runs.map(\.link?.kind) == [nil, .restarted, .restarted])
            #expect(runs.map(\.link?.previous) == [nil, first.run, second.run])
            #expect(runs[1].link?.by == "Ada" && runs[1].link?.reason == "again")
            #expect(runs.allSatisfy { $0.state == .completed && $0.finishedAt != nil })
        }
    }

    @Test(arguments: SQLStore.available)
    func `a fork goes on from its step with the random numbers, events and streams of the first run`(_ store: SQLStore) async throws {
        let (shop, keys) = (Shop(), Shop())
        let engine = try await engine(store.make().store, shop, keys)
        try await running([engine]) {
            let first = try await engine.start(Order.self, "ann", id: "order")
            let result = try await first.result()
            let fork = try await first.fork(from: "pay")
            #expect(try await fork.result() == result)
            #expect(shop.all == ["pack ann", "pay", "ship", "pay", "ship"])
            // A key of its own: the payment is another one.
            #expect(Set(keys.all).count == 2)
            var log: [String] = []
            for try await item in fork.stream(.log) { log.append(item.value) }
            #expect(log == ["packed"])
            let link = try await fork.status().link
            #expect(link?.kind == .forked && link?.step == "pay" && link?.previous == first.run)
            // By its place, and with an input that the code has not used yet.
            let ordinal = try await #require(place(of: "ship", first, engine))
            let last = try await fork.fork(fromOrdinal: ordinal, input: "bob")
            #expect(try await last.result() == result)
            #expect(shop.all.suffix(1) == ["ship"] && shop.all.count == 6)
            #expect(try await last.event(.progress) == "paid")
        }
    }

    private func place<Output>(of key: String, _ handle: WorkflowHandle<Output>, _ engine: Engine) async throws -> Int? {
        try await engine.client.core.store.recorded(handle.number)?.steps.first { $0.key == key }?.order.map(Int.init)
    }

    @Test(arguments: SQLStore.available)
    func `a fork is refused if there is no such step, and leaves everything as it was`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, Shop())
        try await running([engine]) {
            let first = try await engine.start(Order.self, "ann", id: "order")
            _ = try await first.result()
            let error = await #expect(throws: WorkflowError.self) { try await first.fork(from: "pay#2") }
            #expect(error?.code == .unknownStep && error?.message.contains("'pay'") == true)
            #expect(try await engine.client.runs(of: "order").count == 1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what failed goes on where it failed, as often as it must`(_ store: SQLStore) async throws {
        let (shop, keys) = (Shop(broken: ["pay"]), Shop())
        // With room for one only, it comes back from its rows again and again.
        let engine = try await engine(store.make().store, shop, keys, memory: 1)
        try await running([engine]) {
            let first = try await engine.start(Order.self, "ann")
            await #expect(throws: RecordedError.self) { try await first.result() }
            let second = try await first.rewind()
            await #expect(throws: RecordedError.self) { try await second.result() }
            #expect(try await second.event(.progress) == "packed")
            shop.mend()
            let third = try await second.rewind(options: NewRunOptions(reason: "mended"))
            #expect(try await third.result().hasPrefix("ann-"))
            #expect(shop.all == ["pack ann", "pay", "pay", "pay", "ship"])
            #expect(Set(keys.all).count == 1 && keys.all.count == 3)
            // The id that Perdure made stands for the newest.
            #expect(third.id == first.id)
            #expect(try await engine.client.handle(of: Order.self, id: first.id).run == third.run)
            let error = await #expect(throws: WorkflowError.self) { try await third.rewind() }
            #expect(error?.code == .notFailed)
        }
    }

    /// Twice, so that it is also taken over from a run that had it without a place.
    @Test(arguments: SQLStore.available)
    func `a transaction that has committed behind the failure is not done again`(_ store: SQLStore) async throws {
        let shop = Shop(broken: ["look"])
        let engine = try await engine(store.make().store, shop, memory: 1)
        try await running([engine]) {
            let first = try await engine.start(Late.self, "", id: "late")
            await #expect(throws: RecordedError.self) { try await first.result() }
            let second = try await first.rewind()
            await #expect(throws: RecordedError.self) { try await second.result() }
            shop.mend()
            let third = try await second.rewind()
            #expect(try await third.result() == 7)
            #expect(shop.all == ["look", "pay", "look", "look", "ship"])
            // A fork does it again: that is what it was asked for.
            let fork = try await third.fork(from: "pay")
            #expect(try await fork.result() == 7)
            #expect(shop.all.suffix(2) == ["pay", "ship"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `a first step keeps its key when its run is rewound, and gets another when it is restarted`(_ store: SQLStore) async throws {
        let (shop, keys) = (Shop(broken: ["only"]), Shop())
        let engine = try await engine(store.make().store, shop, keys)
        try await running([engine]) {
            let first = try await engine.start(Single.self, "", id: "single")
            await #expect(throws: RecordedError.self) { try await first.result() }
            shop.mend()
            let second = try await first.rewind()
            try await second.result()
            try await second.restart().result()
            #expect(keys.all.count == 3 && keys.all[0] == keys.all[1] && keys.all[1] != keys.all[2])
        }
    }

    @Test(arguments: SQLStore.available)
    func `what is still running is refused, or terminated first`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, Shop())
        try await running([engine]) {
            let first = try await engine.start(Listener.self, "", id: "ear")
            for change in [
                { _ = try await first.restart() }, { _ = try await first.fork(from: "x") }, { _ = try await first.rewind() },
            ] as [() async throws -> Void] {
                let error = await #expect(throws: WorkflowError.self) { try await change() }
                #expect(error?.code == .stillRunning && error?.message.contains("cancel or terminate") == true)
            }
            let second = try await first.restart(options: NewRunOptions(terminatesFirst: true))
            #expect(try await first.status().state == .terminated)
            try await second.send(.words, "stop")
            #expect(try await second.result() == "")
            let error = await #expect(throws: WorkflowError.self) { try await first.restart() }
            #expect(error?.code == .superseded && error?.message.contains(second.run) == true)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a cancelled run goes on, and has heard what it had heard`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, Shop())
        try await running([engine]) {
            let first = try await engine.start(Listener.self, "", id: "ear")
            try await first.send(.words, "a")
            try await first.send(.words, "b", key: "once")
            try await eventually("both are heard") {
                try await engine.client.core.store.recorded(first.number)?.steps.count == 2
            }
            try await first.cancel()
            await #expect(throws: WorkflowError.self) { try await first.result() }
            let second = try await first.rewind()
            try await second.send(.words, "b", key: "once")
            try await second.send(.words, "stop")
            #expect(try await second.result() == "ab")
        }
    }

    @Test(arguments: SQLStore.available)
    func `a child that failed is started anew under its id`(_ store: SQLStore) async throws {
        let shop = Shop(broken: ["child"])
        let engine = try await engine(store.make().store, shop)
        try await running([engine]) {
            let first = try await engine.start(Parent.self, "order", id: "order")
            await #expect(throws: RecordedError.self) { try await first.result() }
            shop.mend()
            let second = try await first.rewind()
            #expect(try await second.result() == "well")
            #expect(shop.all == ["before", "child", "child"])
            // A child that has completed is one of an earlier run, too.
            let third = try await second.restart()
            #expect(try await third.result() == "well")
            #expect(shop.all == ["before", "child", "child", "before", "child"])
            // Its end is behind the step: the new run is told of it.
            let fork = try await third.fork(from: "@child:" + Names.key(Parent.Child.name, id: "child of order") + "/result")
            #expect(try await fork.result() == "well")
            #expect(shop.all.count == 5)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a wait behind the place of a fork begins with the fork`(_ store: SQLStore) async throws {
        let engine = try await engine(store.make().store, Shop())
        try await running([engine]) {
            let first = try await engine.start(Sleeper.self, 1, id: "sleeper")
            #expect(try await first.result())
            let fork = try await first.fork(from: "@sleep")
            #expect(try await fork.status().state.isClosed == false)
            #expect(try await fork.result())
            let (began, ended) = (try await fork.status().createdAt, try await fork.status().finishedAt ?? .distantPast)
            #expect(ended.timeIntervalSince(began) >= 1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `a new version runs it if that is asked for`(_ store: SQLStore) async throws {
        let database = store.make().store
        let engine = try await engine(database, Shop(broken: ["pay"]), version: "1")
        let handle = try await engine.start(Order.self, "ann", id: "order")
        try await running([engine]) { await #expect(throws: RecordedError.self) { try await handle.result() } }
        let mended = try await self.engine(database, Shop(), version: "2")
        try await running([mended]) {
            let again = try await mended.client.handle(of: Order.self, id: "order").rewind(options: NewRunOptions(version: "2"))
            #expect(try await again.result().hasPrefix("ann-"))
            #expect(try await again.status().version == "2")
        }
    }

    @Test(arguments: SQLStore.available)
    func `in a transaction of the user's it happens when that commits, or not at all`(_ store: SQLStore) async throws {
        struct Undecided: Error {}
        let engine = try await engine(store.make().store, Shop(broken: ["pay"]))
        try await running([engine]) {
            let first = try await engine.start(Order.self, "ann", id: "order")
            await #expect(throws: RecordedError.self) { try await first.result() }
            await #expect(throws: Undecided.self) {
                try await engine.client.transaction { db in
                    try await engine.client.restart("order", in: db)
                    throw Undecided()
                }
            }
            #expect(try await engine.client.runs(of: "order").count == 1)
            let run = try await engine.client.transaction { db in try await engine.client.rewind("order", in: db) }
            let runs = try await engine.client.runs(of: "order")
            #expect(runs.map(\.run) == [first.run, run])
        }
    }
}
