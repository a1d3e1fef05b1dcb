extension WorkflowContext {
    /// Changes what the workflow is found by; returns when that is durable, and then a search finds it so.
    ///
    /// Those that are named get the value, or are removed if it is nil; the others stay. It happens exactly once, however often the code is replayed. As
    /// Temporal's UpsertSearchAttributes.
    ///
    /// ```swift
    /// try await context.setAttributes(["phase": "paid", "waitsForBank": nil])
    /// ```
    ///
    /// - Throws: ``WorkflowError/Code/invalidAttribute`` for a value that cannot be searched, or if there would be more than 64.
    public func setAttributes(_ attributes: [String: SearchAttribute?]) async throws {
        try await enter("setAttributes")
        let changes = AttributeChanges(attributes)
        try changes.check()
        let refusal = run.workflow.errors.record(AttributeChanges.tooMany, with: run.coder)
        let record = try await call("@attributes", .setAttributes) { key in
            run.record(
                key, .setAttributes, changes.payload, .setAttributes(changes, refusal: refusal), started: run.host.clock.now())
        }
        _ = try succeeded(record)
    }
}
