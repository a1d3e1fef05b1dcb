/// A request that was answered, as the workflow sees it.
public struct AnsweredRequest<Input: Payload, Output: Payload>: Payload {
    /// What was asked.
    public let input: Input
    /// What was answered; nil if the handler threw an error, which the client got.
    public let output: Output?
    /// What the handler threw.
    public let failure: String?
}

extension WorkflowContext {
    /// Waits for the next request of a kind, answers it, and returns what was asked and answered.
    ///
    /// The handler runs like the body of a step: its result is recorded and delivered in one commit with the reply, and it is run again if the process
    /// dies in it. An error that it throws goes to the client, and the workflow goes on. A request that `validate` refuses by throwing gets that
    /// error, leaves no trace in the history, and is not counted: the call waits for the next. If the task is cancelled while `validate` runs, the request
    /// is neither refused nor answered, and is there for the next call. To answer as long as something else goes on,
    /// use ``answering(_:validate:_:while:)``. As Temporal's updates.
    ///
    /// - Parameters:
    ///   - request: Which.
    ///   - validate: Looks at the request and changes nothing.
    ///   - handler: Answers it.
    @discardableResult
    public func answer<Input, Output>(
        _ request: RequestKey<Input, Output>, validate: (@Sendable (Input) async throws -> Void)? = nil,
        _ handler: @escaping @Sendable (Input) async throws -> Output
    ) async throws -> AnsweredRequest<Input, Output> {
        try await enter("answer '\(request.name)'")
        try Names.check(request.name, "the name of a request")
        let address = Mailbox.Address(kind: .request, topic: request.name)
        let answering = Answering(run: run, request: request, validate: validate, handler: handler)
        let record = try await call("@request:" + Names.key(request.name, id: nil), .request, address: address) { key in
            let body = RequestBody(run: run, key: key, name: request.name) { await answering.handle($0, $1) }
            run.state.withLock { state in
                state.setBegin(key) { body.begin($0) }
                state.mailbox.want(address, key)
            }
            run.match(address)
        }
        return try decoded(AnsweredRequest<Input, Output>.self, succeeded(record).output, "the recorded answer to '\(request.name)'")
    }

    /// Answers requests of a kind for as long as `body` runs.
    ///
    /// They are answered one after the other. What the handler and the body share must be safe to share: an actor, or a lock.
    public func answering<Input, Output, Result: Sendable>(
        _ request: RequestKey<Input, Output>, validate: (@Sendable (Input) async throws -> Void)? = nil,
        _ handler: @escaping @Sendable (Input) async throws -> Output, while body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { while true { try await self.answer(request, validate: validate, handler) } }
            defer { group.cancelAll() }
            return try await body()
        }
    }
}

/// Decodes, validates, handles and encodes.
private struct Answering<Input: Payload, Output: Payload>: Sendable {
    let run: Run
    let request: RequestKey<Input, Output>
    let validate: (@Sendable (Input) async throws -> Void)?
    let handler: @Sendable (Input) async throws -> Output

    func handle(_ payload: EncodedPayload?, _ begins: @Sendable () -> Bool) async -> RequestBody.Verdict {
        let input: Input
        do {
            input = try run.coder.decode(Input.self, from: payload, what: "the input of request '\(request.name)'")
            try await validate?(input)
        } catch {
            return .refused(run.workflow.errors.record(error, with: run.coder))
        }
        guard begins() else { return .undecided }
        do {
            let output = try await handler(input)
            let reply = try run.coder.encode(output, what: "the answer to request '\(request.name)'")
            return .answered(try row(AnsweredRequest(input: input, output: output, failure: nil)), reply: reply, error: nil)
        } catch {
            let failure = run.workflow.errors.record(error, with: run.coder)
            let answered = AnsweredRequest<Input, Output>(input: input, output: nil, failure: "\(error)")
            return .answered(try? row(answered), reply: nil, error: failure)
        }
    }

    private func row(_ answered: AnsweredRequest<Input, Output>) throws -> EncodedPayload {
        try run.coder.encode(answered, what: "the record of request '\(request.name)'")
    }
}
