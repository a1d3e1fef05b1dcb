extension WorkflowContext {
    /// Appends a value to a stream; returns when it is durable, exactly once.
    ///
    /// - Throws: ``WorkflowError/Code/streamClosed`` if the stream was closed, also by a run that this one continues.
    public func append<Element>(_ element: Element, to stream: StreamKey<Element>) async throws {
        try await append(try run.coder.encode(element, what: "a value of stream '\(stream.name)'"), stream.name)
    }

    /// Closes a stream: those who read it come to its end.
    ///
    /// The end of the workflow closes it too. It stays closed: nothing can be appended any more, and to close it again is nothing.
    public func close<Element>(_ stream: StreamKey<Element>) async throws { try await append(nil, stream.name) }

    private func append(_ value: EncodedPayload?, _ stream: String) async throws {
        try await enter("append to '\(stream)'")
        try Names.check(stream, "the name of a stream")
        let record = try await call("@append:" + Names.key(stream, id: nil), .append) { key in
            let started = run.host.clock.now()
            run.withNextOffset(of: stream, closes: value == nil) { [run] place in
                switch place {
                case nil: return
                case .at(let offset):
                    run.record(key, .append, value, .append(stream: stream, offset: offset, as: run.first), started: started)
                case .closed where value == nil: run.record(key, .append, .success(nil), started: started)
                case .closed:
                    let error = run.workflow.errors.record(WorkflowError.streamClosed(stream), with: run.coder)
                    run.record(key, .append, .failure(error), started: started)
                }
            }
        }
        _ = try succeeded(record)
    }
}

extension StepContext {
    /// Appends a value to a stream of the step's workflow from within its body; returns when it is durable.
    ///
    /// At least once, as the body itself: an attempt that is made again appends again, and readers see which attempt a value is of.
    ///
    /// - Throws: ``WorkflowError/Code/streamClosed`` if the workflow has closed the stream.
    public func append<Element>(_ element: Element, to stream: StreamKey<Element>) async throws {
        try Names.check(stream.name, "the name of a stream")
        try await append(try coder.encode(element, what: "a value of stream '\(stream.name)'"), stream.name)
    }
}
