extension WorkflowContext {
    /// Waits for the next message on a topic, for as long as it takes.
    ///
    /// Messages are kept until they are asked for, and come in the order in which each sender sent them. Several receives may wait at the same time:
    /// the one that was called first is given the first message. To wait for the first of several things, race them in a task group as usual; what a
    /// receive that loses had been given goes back to the front. A message that cannot be read as the topic's type is not received: the workflow is set aside,
    /// and goes on when it is resumed with code that can read it, or behind ``WorkflowHandle/discardMessage(on:by:reason:)``.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled; then nothing is recorded.
    public func receive<Message>(_ topic: Topic<Message>) async throws -> Message {
        let (record, message) = try await received(topic, until: nil)
        return try message ?? decoded(Message.self, record.output, "a message on topic '\(topic.name)'")
    }

    /// Waits for the next message on a topic, but not for longer than `timeout`, counted from ``now``; nil if none came.
    ///
    /// With a timeout of zero or below it takes what is there.
    public func receive<Message>(_ topic: Topic<Message>, timeout: Duration) async throws -> Message? {
        let due = run.state.withLock { $0.now }.adding(timeout)
        let (record, message) = try await received(topic, until: due)
        guard record.output != nil else { return nil }
        return try message ?? decoded(Message.self, record.output, "a message on topic '\(topic.name)'")
    }

    /// What is recorded, and the message if it was read before that: one that cannot be read is not received.
    private func received<Message: Payload>(
        _ topic: Topic<Message>, until due: Microseconds?
    ) async throws -> (record: StepRecord, message: Message?) {
        let name = topic.name
        try await enter("receive '\(name)'")
        try Names.check(name, "the name of a topic")
        let address = Mailbox.Address(kind: .message, topic: name)
        let found = Lock<ReadMessage<Message>?>(nil)
        let record = try await call("@receive:" + Names.key(name, id: nil), .receive, due: due, address: address) { key in
            run.want(address, key, until: due) { [coder = run.coder] payload throws(WorkflowError) in
                let message = try coder.decode(Message.self, from: payload, what: "a message on topic '\(name)'")
                found.withLock { $0 = ReadMessage(payload: payload, message: message) }
            }
        }
        let read = found.withLock { $0 }
        return (try succeeded(record), read?.payload == record.output ? read?.message : nil)
    }

    /// Sends a message to another workflow; returns when it is durable, exactly once.
    ///
    /// - Parameters:
    ///   - id: The receiver's id; the newest run under it gets the message.
    ///   - topic: Where it arrives there.
    ///   - message: What it is given.
    /// - Throws: ``WorkflowError/Code/notFound`` if no open workflow has the id.
    public func send<Message>(to id: String, _ topic: Topic<Message>, _ message: Message) async throws {
        try await enter("send '\(topic.name)'")
        try Names.check(id, "the id of a receiver")
        try await send(to: Names.number(fromPublicID: id) ?? 0, id: id, topic, message)
    }

    func send<Message>(to number: WorkflowNumber, id: String, _ topic: Topic<Message>, _ message: Message) async throws {
        try Names.check(topic.name, "the name of a topic")
        let payload = try run.coder.encode(message, what: "a message on topic '\(topic.name)'")
        let refusal = run.workflow.errors.record(WorkflowError.nobody(id), with: run.coder)
        let record = try await call("@send:" + Names.key(topic.name, id: nil), .send) { key in
            let item = InboxItem(
                workflow: number, kind: .message, reference: run.number, payload: payload, topic: topic.name, key: key)
            run.record(
                key, .send, nil, .send(item, id: number == 0 ? id : nil, refusal: refusal), started: run.host.clock.now())
        }
        _ = try succeeded(record)
    }
}

/// A message that is about to be received.
private struct ReadMessage<Message: Payload>: Sendable {
    var payload: EncodedPayload
    var message: Message
}

extension ChildHandle {
    /// Sends a message to the child; see ``WorkflowContext/send(to:_:_:)``.
    public func send<Message>(_ topic: Topic<Message>, _ message: Message) async throws {
        try await context.enter("send '\(topic.name)'")
        try await context.send(to: reference.number, id: id, topic, message)
    }
}

extension WorkflowError {
    static func nobody(_ id: String) -> WorkflowError {
        WorkflowError(.notFound, "no open workflow has the id '\(id)': it has ended, or was never started")
    }
}
