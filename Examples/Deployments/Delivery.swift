import Perdure

/// The builds of this program, one after the other.
enum Build: String {
    /// What runs today.
    case first
    /// Two steps have changed places. It must not be deployed: what is on its way was charged before it was packed.
    case careless
    /// A step was added, for deliveries that have not come to this place yet.
    case careful
}

/// From the order to the customer's door, in days.
struct Delivery: Workflow {
    let build: Build

    func run(_ order: Int, in context: WorkflowContext) async throws -> String {
        let shelf = try await context.step("reserve") { "shelf \(order % 40)" }
        switch build {
        case .first:
            try await context.step("charge") { "charge \(order)" }
            try await context.step("pack") { "box from \(shelf)" }
        case .careless:
            try await context.step("pack") { "box from \(shelf)" }
            try await context.step("charge") { "charge \(order)" }
        case .careful:
            if try context.patched("check for fraud") {
                try await context.step("check") { order >= 0 }
            }
            try await context.step("charge") { "charge \(order)" }
            try await context.step("pack") { "box from \(shelf)" }
        }
        try await context.sleep(for: .days(14))
        return try await context.step("deliver") { "order \(order) is at the door" }
    }
}
