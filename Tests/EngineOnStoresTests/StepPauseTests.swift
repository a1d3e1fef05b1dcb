import Perdure
import Testing

/// A step that may be paused beside one that goes on, then another.
private struct Order: Workflow {
    static let name = "Order"
    let floor: Floor

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        async let charged = context.step("charge", id: input) {
            floor.begin("charge")
            return 1
        }
        async let packed: Int = {
            let first = try await context.step("pack", id: input) {
                floor.begin("pack")
                return 10
            }
            return try await context.step("label", id: input) {
                floor.begin("label"); return first + 100
            }
        }()
        return try await charged + packed + input * 1_000
    }
}

/// The same step in another type; it fails once, then waits in its body.
private struct Refund: Workflow {
    static let name = "Refund"
    let floor: Floor

    func run(_ input: Int, in context: WorkflowContext) async throws -> Int {
        try await context.step("charge", retry: .fixed(attempts: 2, interval: .milliseconds(1))) { step in
            floor.begin("refund \(step.attempt)")
            try await floor.wait()
            if step.attempt == 1 { throw Declined() }
            return step.attempt
        }
    }
}

private struct Declined: Error {}

/// A transaction, and what undoes it.
private struct Ledger: Workflow {
    static let name = "Ledger"
    let floor: Floor

    func run(_ fails: Bool, in context: WorkflowContext) async throws -> Int {
        let booked = try await context.transaction("book") { _ in
            floor.begin("book")
            return 5
        }
        try context.onFailure("unbook") { floor.undo() }
        try await context.step("then") {
            floor.begin("then")
            try await floor.wait()
            if fails { throw Declined() }
        }
        return booked
    }
}

@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct StepPauseTests {
    private let stepPaused = "a step that is paused"

    private func engine(_ store: Store, _ floor: Floor, memory: Int = 20_000) async throws -> Engine {
        var configuration = EngineConfiguration.test
        configuration.maximumInMemory = memory
        return try await Engine(store: store, configuration: configuration) {
            Order(floor: floor)
            Refund(floor: floor)
            Ledger(floor: floor)
        }
    }

    private func held(_ handle: WorkflowHandle<some Sendable>) async throws {
        try await eventually("a step of it is held back") {
            let status = try await handle.status()
            return status.waitsFor == stepPaused && status.pendingSteps.contains { $0.isPaused }
        }
    }

    @Test(arguments: SQLStore.available)
    func `other steps and branches go on, and what waits begins on resume`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        floor.open()
        let engines = [try await engine(database, floor), try await engine(database, floor)]
        try await engines[0].client.pause(step: "charge", in: "Order", by: "ada", reason: "the bank is down")
        try await running(engines) {
            var handles: [WorkflowHandle<Int>] = []
            for index in 1...6 { handles.append(try await engines[index % 2].start(Order.self, index)) }
            for handle in handles { try await held(handle) }
            try await eventually("the other branches are through") { floor.count("label") == 6 }
            #expect(floor.count("charge") == 0)
            let status = try await handles[0].status()
            #expect(status.pauses.map(\.reason) == ["the bank is down"] && status.pauses.first?.workflow == "Order")
            #expect(status.pendingSteps.map(\.attempts) == [0])
            // Of another type it is not paused.
            #expect(try await engines[0].start(Refund.self, 0).result() == 2)
            #expect(try await !engines[1].client.resume(step: "charge", by: "bob"), "that is another pause")
            #expect(try await engines[1].client.resume(step: "charge", in: "Order", by: "bob"))
            for (index, handle) in handles.enumerated() { #expect(try await handle.result() == (index + 1) * 1_000 + 111) }
            #expect(floor.count("charge") == 6 && floor.count("pack") == 6)
        }
    }

    @Test(arguments: SQLStore.available)
    func `an attempt that runs ends as it would, and the next one waits`(_ store: SQLStore) async throws {
        let floor = Floor()
        let engine = try await engine(store.make().store, floor)
        try await running([engine]) {
            let handle = try await engine.start(Refund.self, 0)
            try await eventually("it runs") { floor.begun == ["refund 1"] }
            try await engine.client.pause(step: "charge", by: "ada")
            try await engine.client.pause(step: "charge", in: "Refund", by: "ada")
            floor.open()
            try await held(handle)
            #expect(try await handle.status().pendingSteps.map(\.attempts) == [1])
            #expect(try await handle.status().pendingSteps.first?.error != nil)
            // There is nothing to be hastened.
            try await handle.retryNow(step: "charge", by: "ada")
            try await eventually("it was without effect") { try await handle.interventions().map(\.state) == [.withoutEffect] }
            #expect(try await engine.client.resume(step: "charge", by: "ada"))
            try await held(handle)
            #expect(floor.begun == ["refund 1"])
            #expect(try await engine.client.resume(step: "charge", in: "Refund", by: "ada"))
            #expect(try await handle.result() == 2)
            #expect(floor.begun == ["refund 1", "refund 2"])
        }
    }

    @Test(arguments: SQLStore.available)
    func `what waits leaves memory, outlives its engines, and is woken`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        floor.open()
        let first = try await engine(database, floor, memory: 4)
        try await first.client.pause(step: "charge", by: "ada")
        try await running([first]) {
            var handles: [WorkflowHandle<Int>] = []
            for index in 1...20 { handles.append(try await first.start(Order.self, index, id: "order-\(index)")) }
            for handle in handles { try await held(handle) }
            try await eventually("most have left memory") {
                var waiting = 0
                for handle in handles where try await handle.status().state == .waiting { waiting += 1 }
                return waiting >= 16
            }
            for handle in handles.prefix(5) { #expect(try await handle.status().waitsFor == stepPaused) }
        }
        #expect(floor.count("charge") == 0)
        let (second, third) = (try await engine(database, floor, memory: 4), try await engine(database, floor))
        try await running([second, third]) {
            try await held(try await second.client.handle(of: Order.self, id: "order-20"))
            #expect(try await third.client.resume(step: "charge", by: "bob"))
            for index in 1...20 {
                #expect(try await third.client.handle(of: Order.self, id: "order-\(index)").result() == index * 1_000 + 111)
            }
            #expect(floor.count("charge") == 20)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what was resumed while no engine ran is woken by the next`(_ store: SQLStore) async throws {
        let (database, floor) = (store.make().store, Floor())
        floor.open()
        let first = try await engine(database, floor, memory: 2)
        try await first.client.pause(step: "charge", by: "ada")
        try await running([first]) {
            for index in 1...8 { try await held(try await first.start(Order.self, index, id: "order-\(index)")) }
        }
        let client = try await Client(store: database)
        #expect(try await client.resume(step: "charge", by: "bob"))
        await client.close()
        let second = try await engine(database, floor)
        try await running([second]) {
            for index in 1...8 {
                let result = try await second.client.handle(of: Order.self, id: "order-\(index)").result()
                #expect(result == index * 1_000 + 111)
            }
        }
    }

    @Test(arguments: SQLStore.available)
    func `transactions and what undoes a step are steps of their names, too`(_ store: SQLStore) async throws {
        let floor = Floor()
        let engine = try await engine(store.make().store, floor)
        for step in ["book", "unbook"] { try await engine.client.pause(step: step, by: "ada") }
        try await running([engine]) {
            let handles = [try await engine.start(Ledger.self, false), try await engine.start(Ledger.self, true)]
            let cancelled = try await engine.start(Ledger.self, false)
            for handle in handles + [cancelled] { try await held(handle) }
            try await cancelled.cancel()
            try await eventually("cancelled") { try await cancelled.status().state == .cancelled }
            #expect(try await engine.client.resume(step: "book", by: "ada"))
            try await eventually("they go on") { floor.count("then") == 2 }
            for handle in handles { #expect(try await handle.status().pendingSteps.isEmpty) }
            floor.open()
            #expect(try await handles[0].result() == 5)
            try await held(handles[1])
            #expect(floor.count("book") == 2 && floor.undone == 0)
            #expect(try await engine.client.resume(step: "unbook", by: "ada"))
            await #expect(throws: (any Error).self) { try await handles[1].result() }
            #expect(floor.undone == 1)
        }
    }

    @Test(arguments: SQLStore.available)
    func `what waits can be cancelled, terminated, and given its result`(_ store: SQLStore) async throws {
        let floor = Floor()
        let engine = try await engine(store.make().store, floor)
        try await engine.client.pause(step: "charge", by: "ada")
        try await running([engine]) {
            var handles: [WorkflowHandle<Int>] = []
            for index in 1...3 { handles.append(try await engine.start(Order.self, index)) }
            for handle in handles { try await held(handle) }
            try await handles[0].cancel()
            try await handles[1].terminate()
            try await handles[2].complete(step: "charge[3]", with: 7, by: "ada")
            try await eventually("cancelled") { try await handles[0].status().state == .cancelled }
            try await eventually("terminated") { try await handles[1].status().state == .terminated }
            #expect(try await handles[2].result() == 3_117)
            #expect(floor.count("charge") == 0)
        }
    }
}
