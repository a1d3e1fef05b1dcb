/// The output of the row of a child's start.
package struct ChildReference: Codable, Sendable, Hashable {
    package var id: String
    package var number: WorkflowNumber
    package var onClose: Int16

    /// In JSON, whatever the codec: any engine must be able to read it when it ends the parent.
    func encoded() throws(WorkflowError) -> EncodedPayload { try PayloadCoder().encode(self, what: "a child's reference") }
}

/// A child that is being started.
struct StartingChild {
    var record: WorkflowRecord
    var isOwned: Bool
    var output: EncodedPayload?
}
