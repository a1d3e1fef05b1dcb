extension WorkflowContext {
    /// Publishes a value under a key, in place of the earlier one; returns when it is durable.
    ///
    /// Anybody can read or await it, while the workflow runs and after it has ended: ``WorkflowHandle/event(_:)``.
    public func publish<Value>(_ key: EventKey<Value>, _ value: Value) async throws {
        try await enter("publish '\(key.name)'")
        try Names.check(key.name, "the name of an event")
        try await publish(key.name, run.coder.encode(value, what: "event '\(key.name)'"))
    }

    func publish(_ name: String, _ payload: EncodedPayload) async throws {
        let record = try await call("@event:" + Names.key(name, id: nil), .event) { step in
            run.record(step, .event, payload, .publish(name, as: run.origin?.chain), started: run.host.clock.now())
        }
        _ = try succeeded(record)
    }
}
