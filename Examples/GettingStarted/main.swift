import Perdure
import PerdureSQLite

struct Order: Codable, Sendable {
    var id: Int
    var cents: Int
}

struct Checkout: Workflow {
    func run(_ order: Order, in context: WorkflowContext) async throws -> String {
        let charge = try await context.step("charge card", retry: .exponential(attempts: 5)) { step in
            try await pay(order.cents, key: step.idempotencyKey)
        }
        try await context.transaction("record payment") { db in
            try await db.execute("INSERT INTO payments (order_id, charge_id) VALUES (\(order.id), \(charge))")
        }
        try await context.sleep(for: .seconds(10))
        return "order \(order.id) is paid by \(charge)"
    }

    /// Stands for a request to a payment service.
    func pay(_ cents: Int, key: String) async throws -> String {
        print("charging \(cents) cents, key \(key)")
        return "ch-\(cents)"
    }
}

let engine = try await Engine(store: .sqlite("shop.db")) {
    Checkout()
}
try await engine.transaction { db in
    try await db.execute("CREATE TABLE IF NOT EXISTS payments (order_id INTEGER, charge_id TEXT)")
}
let running = Task { try await engine.run() }

let checkout = try await engine.start(Checkout.self, Order(id: 1, cents: 4200), id: "order-1")
print(try await checkout.result())

running.cancel()
try await running.value
await engine.close()
