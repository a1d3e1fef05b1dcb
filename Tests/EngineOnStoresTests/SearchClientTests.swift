import Foundation
import Perdure
import Testing

/// Finding workflows as users do.
@Suite(.fewAtOnce, .timeLimit(.minutes(5)))
struct SearchClientTests {
    private struct Order: Workflow {
        static let name = "Order"
        func run(_ amount: Int, in context: WorkflowContext) async throws -> Int {
            if amount < 0 { throw WorkflowError(.rejected, "nothing") }
            return amount
        }
    }

    @Test(arguments: SQLStore.available)
    func `by text and in Swift, from start to end`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) { Order() }
        for amount in [5, -1, 12] {
            let attributes: [String: SearchAttribute] = ["customer": amount == 5 ? "other" : "acme", "amount": .int(Int64(amount))]
            try await engine.start(Order.self, amount, id: "order-\(amount)", options: StartOptions(attributes: attributes))
        }
        let queue = Queue("later")
        try await engine.client.declare(queue)
        try await engine.client.enqueue(Order.self, 7, on: queue, options: EnqueueOptions(attributes: ["customer": "acme"]))
        let client = engine.client
        #expect(try await client.workflows(where: "status = queued").all().count == 4)
        async let running: Void = engine.run()
        for id in ["order-5", "order-12"] { _ = try await client.handle(of: Order.self, id: id).result() }
        _ = await #expect(throws: WorkflowError.self) { try await client.handle(of: Order.self, id: "order--1").result() }

        let text = "name = \"Order\" and status = failed and started > -1h and customer = \"acme\""
        let failed = try await client.workflows(where: text).all()
        #expect(failed.map(\.id) == ["order--1"] && failed.first?.attributes == ["customer": "acme", "amount": -1])
        #expect(try await client.status(of: "order--1").attributes == ["customer": "acme", "amount": -1])
        let filter: WorkflowFilter =
            .name == "Order" && .status == .failed && .started > .ago(.hours(1)) && .attribute("customer") == "acme"
        #expect(try await client.workflows(where: filter).all().map(\.id) == ["order--1"])
        #expect(try await client.count(where: "amount >= 5 and status = completed") == 2)
        #expect(try await client.count(where: .open || .attribute("amount") < 0) == 2)
        #expect(try await client.count() == 4)
        #expect(try await client.count(upTo: 3) == 3)
        let oldest = try await client.workflows(where: "status = closed", limit: 2, newestFirst: false).all()
        #expect(oldest.map(\.id) == ["order-5", "order--1"])
        #expect(try await client.workflows(where: "queue = 'later' and status = queued").all().first?.attributes["customer"] == "acme")
        #expect(throws: FilterError.self) { try client.workflows(where: "status = faild") }
        await #expect(throws: FilterError.self) { try await client.count(where: "status = faild") }
        engine.gracefulShutdown()
        try await running
        await engine.close()
    }

    @Test(arguments: SQLStore.available)
    func `a list pages by itself`(_ store: SQLStore) async throws {
        let client = try await Client(store: store.make().store, configuration: .test)
        for amount in 0..<12 { try await client.start(Order.self, amount, id: "order-\(amount)") }
        for size in [1, 5, 6, 12, 13] {
            var list = client.workflows(where: .name == "Order", newestFirst: false)
            list.pageSize = size
            var seen: [String] = []
            for try await workflow in list {
                seen.append(workflow.id)
                // What comes while it goes on is behind, and changes nothing before it.
                if seen.count == 3, size == 5 { try await client.start(Order.self, 99, id: "late") }
            }
            #expect(seen.prefix(12) == (0..<12).map { "order-\($0)" }[...], "\(size)")
            #expect(size != 5 || seen.last == "late")
        }
        #expect(try await client.workflows(limit: 0).all().isEmpty)
        #expect(try await client.workflows(limit: 7).all().count == 7)
        await client.close()
    }

    @Test(arguments: SQLStore.available)
    func `runs of a schedule are found by it`(_ store: SQLStore) async throws {
        let engine = try await Engine(store: store.make().store, configuration: .test) {
            Order()
            Schedule("nightly", .every(.hours(1)), Order.self, input: 3, attributes: ["team": "blue", "weight": 1.5])
        }
        async let running: Void = engine.run()
        let client = engine.client
        while try await client.schedules().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        try await client.triggerSchedule("nightly")
        let text = "perdure.schedule = 'nightly' and perdure.scheduledAt > -1h and team = 'blue' and weight < 2 and status = completed"
        while try await client.count(where: text) == 0 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try await client.workflows(where: text).all().first?.attributes["weight"] == 1.5)
        engine.gracefulShutdown()
        try await running
        await engine.close()
    }
}
