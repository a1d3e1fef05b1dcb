extension WorkflowHandle {
    /// Sends a message to the workflow; with a transaction, when that commits.
    ///
    /// It is kept until the workflow asks for it. Messages of one sender arrive in the order in which they were sent.
    ///
    /// - Parameters:
    ///   - topic: Where it arrives.
    ///   - message: What the workflow is given.
    ///   - key: An idempotency key: a second message to this run and topic under it is not sent. Without one, a call whose connection is lost may have sent it.
    ///   - transaction: Of Perdure's own store.
    /// - Throws: ``WorkflowError/Code/ended`` if the workflow has ended.
    public func send<Message>(
        _ topic: Topic<Message>, _ message: Message, key: String? = nil, in transaction: Transaction? = nil
    ) async throws {
        try await core.send(topic, message, to: number, id: id, key: key, in: transaction)
    }
}

extension Client {
    /// Sends a message to the newest run under an id; see ``WorkflowHandle/send(_:_:key:in:)``.
    public func send<Message>(
        to id: String, _ topic: Topic<Message>, _ message: Message, key: String? = nil, in transaction: Transaction? = nil
    ) async throws {
        try await core.send(topic, message, to: core.number(ofID: id, in: transaction), id: id, key: key, in: transaction)
    }

    /// Sends a message to the open run under an id, and starts one that gets it if there is none: both or neither.
    ///
    /// As Temporal's signal-with-start. A run under the id that has ended is no hindrance: a new one is started, also if the run ends while the message is
    /// on its way. One that ends just afterwards, without having asked for the message, has had its chance.
    ///
    /// - Parameters:
    ///   - type: The workflow's type.
    ///   - input: What it is given if it is started.
    ///   - id: Its id.
    ///   - topic: Where the message arrives.
    ///   - message: The message.
    ///   - key: The message's idempotency key.
    ///   - options: How it is started; its policies for ids that are taken do not apply.
    @discardableResult
    public func start<W: Workflow, Message>(
        _ type: W.Type, _ input: W.Input, id: String, sending topic: Topic<Message>, _ message: Message, key: String? = nil,
        options: StartOptions = StartOptions()
    ) async throws -> WorkflowHandle<W.Output> where W.Input: Codable {
        var options = options
        (options.conflictPolicy, options.reusePolicy) = (.useExisting, .allowDuplicate)
        let chosen = options
        while true {
            do {
                let handle = try await transaction(isolation: .readCommitted) { db in
                    let handle = try await self.start(type, input, id: id, options: chosen, in: db)
                    try await handle.send(topic, message, key: key, in: db)
                    return handle
                }
                if try await !core.takeBack(topic, message, from: handle.number, key: key) { return handle }
                // The run has ended while the transaction was open: the message goes to a new one.
            } catch let error as WorkflowError where error.code == .ended {
                // The open run has ended between the two: nothing was written, and the next try starts a new one.
            }
        }
    }
}

extension ClientCore {
    func send<Message>(
        _ topic: Topic<Message>, _ message: Message, to number: WorkflowNumber, id: String, key: String?, in transaction: Transaction?
    ) async throws {
        try Names.check(topic.name, "the name of a topic")
        let payload = try coder.encode(message, what: "a message on topic '\(topic.name)'")
        let item = InboxItem(workflow: number, kind: .message, payload: payload, topic: topic.name, key: key)
        guard try await send(item, in: transaction) != .ended else {
            throw WorkflowError(.ended, "the workflow '\(id)' has ended, and nobody would receive the message")
        }
    }

    /// Whether it has come too late; then it is gone.
    func takeBack<Message>(_ topic: Topic<Message>, _ message: Message, from number: WorkflowNumber, key: String?) async throws -> Bool {
        let payload = try coder.encode(message, what: "a message on topic '\(topic.name)'")
        let item = InboxItem(workflow: number, kind: .message, payload: payload, topic: topic.name, key: key)
        var attempts = 0
        while true {
            do throws(StoreError) {
                return try await store.takeBack(item)
            } catch {
                attempts += 1
                // Without an answer nobody knows whether it was taken back.
                guard error.code == .transient, attempts < 8 else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }

    /// Under a key it is as good as sent once: then a lost connection is no reason to fail.
    func send(_ item: InboxItem, in transaction: Transaction?) async throws -> SendResult {
        if let key = item.key { try Names.check(key, "the key of a message") }
        let access = try access(transaction)
        var attempts = 0
        while true {
            let result = await attempt(item, access)
            switch result {
            case .success(let result):
                if result == .sent { await wake(.inbox, transaction) }
                return result
            case .failure(let error):
                attempts += 1
                let isAgain = error.code == .transient || error.code == .unavailable && item.key != nil
                guard transaction == nil, attempts < 8, isAgain else { throw error }
                await environment.clock.wait(.milliseconds(5 << attempts))
            }
        }
    }

    private func attempt(_ item: InboxItem, _ access: any WorkflowAccess) async -> Result<SendResult, StoreError> {
        do throws(StoreError) {
            return .success(try await access.send([item]).first ?? .sent)
        } catch {
            return .failure(error)
        }
    }
}
