extension WorkflowHandle {
    /// Asks the workflow something and waits for its answer.
    ///
    /// - Parameters:
    ///   - request: Which.
    ///   - input: What it is given.
    ///   - key: An idempotency key: a second request of this name to this run under it is not handled again, and gets the same answer.
    ///   - timeout: Not to wait for longer; the request is not taken back.
    /// - Throws: What the validator or the handler threw; ``WorkflowError/Code/ended`` if the workflow ends without answering;
    ///   ``WorkflowError/Code/timedOut``; ``WorkflowError/Code/closed`` if the client is closed meanwhile.
    public func request<Input, Answer>(
        _ request: RequestKey<Input, Answer>, _ input: Input, key: String? = nil, timeout: Duration? = nil
    ) async throws -> Answer {
        try Names.check(request.name, "the name of a request")
        let key = key ?? core.randomKey()
        let deadline = timeout.map { core.environment.clock.instant() + $0 }
        let payload = try core.coder.encode(input, what: "the input of request '\(request.name)'")
        let item = InboxItem(workflow: number, kind: .request, payload: payload, topic: request.name, key: key)
        let result = try await core.send(item, in: nil)
        let reply = try await reply(to: key, of: request.name, wasSent: result != .ended, until: deadline)
        if let error = reply.error { throw errors.restore(error, with: core.coder) }
        return try core.coder.decode(Answer.self, from: reply.output, what: "the answer to request '\(request.name)'")
    }

    private func reply(to key: String, of name: String, wasSent: Bool, until deadline: Instant?) async throws -> ReplyRecord {
        let reply: ReplyRecord? = try await core.publications.wait(on: number, until: deadline) {
            // First this: an answer is there before the end.
            let hasEnded = try await core.hasEnded(number)
            if let reply = try await core.store.reply(to: key, of: name, by: number) { return reply }
            guard hasEnded || !wasSent else { return nil }
            throw WorkflowError(.ended, "the workflow '\(id)' has ended without answering the request '\(name)'")
        }
        if let reply { return reply }
        throw WorkflowError(.timedOut, "the workflow '\(id)' has not answered the request '\(name)' in time")
    }
}

extension ClientCore {
    func randomKey() -> String { String(environment.random(), radix: 36) + String(environment.random(), radix: 36) }
}
