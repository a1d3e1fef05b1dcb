// A message that nobody can read.

extension WorkflowHandle {
    /// Discards the first message that waits on a topic, and records who did it, and why.
    ///
    /// For one that cannot be read as what the code asks for, which has set the workflow aside: without it the workflow goes on when it is resumed. Whoever has
    /// sent it is told nothing.
    ///
    /// - Parameters:
    ///   - topic: The name of the topic.
    ///   - by: Who does it; recorded.
    ///   - reason: Why; recorded.
    /// - Returns: False if no message waits there.
    /// - Throws: ``WorkflowError/Code/stillRunning`` if it is neither set aside nor paused, ``WorkflowError/Code/ended`` if it has ended.
    @discardableResult
    public func discardMessage(on topic: String, by: String, reason: String? = nil) async throws -> Bool {
        try await core.discardMessage(on: topic, number, id, by, reason)
    }
}

extension Client {
    /// Discards the first message that waits on a topic of the newest run under an id; see ``WorkflowHandle/discardMessage(on:by:reason:)``.
    @discardableResult
    public func discardMessage(on topic: String, of id: String, by: String, reason: String? = nil) async throws -> Bool {
        try await core.discardMessage(on: topic, core.number(ofID: id), id, by, reason)
    }
}

extension ClientCore {
    func discardMessage(on topic: String, _ number: WorkflowNumber, _ id: String, _ by: String, _ reason: String?) async throws -> Bool {
        try Names.check(topic, "the name of a topic")
        let instruction = try instruction(by, reason)
        switch try await patiently({ () throws(StoreError) in try await store.discard(topic, of: number, instruction) }) {
        case .discarded: return true
        case .nothing: return false
        case .running:
            throw WorkflowError(
                .stillRunning,
                "the workflow '\(id)' is neither set aside nor paused, and may be about to receive the message: pause it first")
        case .ended: throw WorkflowError(.ended, "the workflow '\(id)' has ended, and nothing of it changes any more")
        }
    }
}
