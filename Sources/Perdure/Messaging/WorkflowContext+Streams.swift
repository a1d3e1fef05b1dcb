extension WorkflowContext {
    /// Appends a value to a stream; returns when it is durable, exactly once.
    public func append<Element>(_ element: Element, to stream: StreamKey<Element>) async throws {
        try await append(try run.coder.encode(element, what: "a value of stream '\(stream.name)'"), stream.name)
    }

    /// Closes a stream: those who read it come to its end.
    ///
    /// The end of the workflow closes it too.
    public func close<Element>(_ stream: StreamKey<Element>) async throws { try await append(nil, stream.name) }

    private func append(_ value: EncodedPayload?, _ stream: String) async throws {
        try await enter("append to '\(stream)'")
        try Names.check(stream, "the name of a stream")
        let record = try await call("@append:" + Names.key(stream, id: nil), .append) { key in
            let started = run.host.clock.now()
            run.withNextOffset(of: stream) { [run] offset in
                guard let offset else { return }
                run.record(key, .append, value, .append(stream: stream, offset: offset, as: run.first), started: started)
            }
        }
        _ = try succeeded(record)
    }
}

extension StepContext {
    /// Appends a value to a stream of the step's workflow from within its body; returns when it is durable.
    ///
    /// At least once, as the body itself: an attempt that is made again appends again, and readers see which attempt a value is of.
    public func append<Element>(_ element: Element, to stream: StreamKey<Element>) async throws {
        try Names.check(stream.name, "the name of a stream")
        try await append(try coder.encode(element, what: "a value of stream '\(stream.name)'"), stream.name)
    }
}
