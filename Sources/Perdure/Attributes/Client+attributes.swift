// What workflows are found by, changed from outside.

extension WorkflowHandle {
    /// Changes what the workflow is found by, whether it is open or has ended.
    ///
    /// Those that are named get the value, or are removed if it is nil; the others stay. The workflow itself can do it, too:
    /// ``WorkflowContext/setAttributes(_:)``. Whoever comes last, wins.
    ///
    /// - Parameters:
    ///   - attributes: The changes.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Throws: ``WorkflowError/Code/invalidAttribute`` for a value that cannot be searched, or if there would be more than 64.
    public func setAttributes(_ attributes: [String: SearchAttribute?], by: String, reason: String? = nil) async throws {
        try await core.setAttributes(AttributeChanges(attributes), number, id, by, reason)
    }
}

extension Client {
    /// Changes what the newest run under an id is found by; see ``WorkflowHandle/setAttributes(_:by:reason:)``.
    public func setAttributes(_ attributes: [String: SearchAttribute?], of id: String, by: String, reason: String? = nil) async throws {
        try await core.setAttributes(AttributeChanges(attributes), core.number(ofID: id), id, by, reason)
    }
}

extension ClientCore {
    func setAttributes(
        _ changes: AttributeChanges, _ number: WorkflowNumber, _ id: String, _ by: String, _ reason: String?
    ) async throws {
        try changes.check()
        let instruction = try instruction(by, reason)
        switch try await patiently({ () throws(StoreError) in try await store.setAttributes(changes, of: number, instruction) }) {
        case .changed: break
        case .tooMany: throw AttributeChanges.tooMany
        case .unknown:
            throw WorkflowError(.notFound, "no workflow has the id '\(id)': it is past its retention, or was never started")
        }
    }
}
