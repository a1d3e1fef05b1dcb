/// The output of the row of a child's start.
package struct ChildReference: Codable, Sendable, Hashable {
    package var id: String
    package var number: WorkflowNumber
    package var onClose: Int16
}

/// A child that is being started.
struct StartingChild {
    var record: WorkflowRecord
    var isOwned: Bool
    var output: EncodedPayload?
}
