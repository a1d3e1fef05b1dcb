import Foundation
import Perdure

/// What is to be sent.
struct Parcel: Codable, Sendable {
    var order: Int
    var shelf: String
}

/// Packs a parcel and hands it over, as a child of a checkout; returns the number to follow the parcel by.
struct Ship: Workflow {
    let office: Office

    func run(_ parcel: Parcel, in context: WorkflowContext) async throws -> String {
        let box = try await context.step("pack") { try await office.pack(parcel) }
        // The same on each replay, which `UUID()` would not be.
        let number = "\(box)-\(context.uuid().uuidString.prefix(8))"
        try await context.step("hand over") { try await office.handOver(number) }
        return number
    }
}
