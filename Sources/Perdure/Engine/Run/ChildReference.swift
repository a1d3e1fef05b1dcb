/// The output of the row of a child's start.
package struct ChildReference: Codable, Sendable, Hashable {
    package var id: String
    package var number: WorkflowNumber
    package var onClose: Int16

    /// In JSON, whatever the codec: any engine must be able to read it when it ends the parent.
    func encoded() throws(WorkflowError) -> EncodedPayload { try PayloadCoder().encode(self, what: "a child's reference") }

    /// It, with what its parent's end means to it.
    var openChild: OpenChild { OpenChild(number: number, closePolicy: StoredClosePolicy(column: Int64(onClose))) }
}

extension ChildReference {
    /// Of the output of a row; nil if it is none.
    init?(_ output: EncodedPayload) {
        guard let reference = try? PayloadCoder().decode(Self.self, from: output, what: "a child's reference") else { return nil }
        self = reference
    }
}

/// A child that is being started.
struct StartingChild {
    var record: WorkflowRecord
    var isOwned: Bool
    var output: EncodedPayload?
}
