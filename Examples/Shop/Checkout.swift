import Perdure

/// What a customer has ordered.
struct Order: Codable, Sendable {
    var id: Int
    var item: String
    var cents: Int

    /// The workflow's id: an order that is sent in twice is one checkout.
    var workflowID: String { "order-\(id)" }
}

/// What the customer gets in the end.
struct Receipt: Codable, Sendable {
    var charge: String
    var invoice: String
    var parcel: String
}

/// An order from the first click to the receipt.
///
/// The process may die at any point of it. Steps that have completed are not done again, and the rest goes on in another process.
struct Checkout: Workflow {
    let payments: PaymentService
    let office: Office

    func run(_ order: Order, in context: WorkflowContext) async throws -> Receipt {
        let shelf = try await context.step("reserve stock") { try await office.reserve(order.item) }

        // A step may run again if the process dies in it: the key lets the payment service notice.
        let charge = try await context.step("charge card", retry: .exponential(attempts: 10)) { step in
            try await payments.charge(order, key: step.idempotencyKey)
        }

        // Commits together with its own checkpoint: exactly once. The table has no unique key that would hide a second row.
        try await context.transaction("record payment") { db in
            try await db.execute("INSERT INTO payments (order_id, charge_id, cents) VALUES (\(order.id), \(charge), \(order.cents))")
        }

        async let invoice = context.step("invoice") { try await office.writeInvoice(order) }
        async let parcel = context.child(Ship.self, Parcel(order: order.id, shelf: shelf), id: "parcel-\(order.id)")
        let receipt = try await Receipt(charge: charge, invoice: invoice, parcel: parcel)

        try await context.sleep(for: .milliseconds(500))
        return receipt
    }
}
