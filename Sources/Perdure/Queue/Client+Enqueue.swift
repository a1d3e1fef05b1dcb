// How work comes into a queue.

extension Client {
    /// Puts a workflow into a queue; returns when that is durable.
    ///
    /// - Parameters:
    ///   - type: The workflow's type.
    ///   - input: What it is given.
    ///   - queue: Where it waits. Nobody need serve it yet: until an engine does, ``WorkflowStatus/waitsFor`` says so.
    ///   - id: An idempotency key, as in ``start(_:_:id:options:in:)``. Not together with a deduplication key.
    ///   - options: Its key, priority, delay, and what keeps others out.
    ///   - transaction: Enqueues when this transaction of Perdure's commits, and not if it does not.
    /// - Throws: ``WorkflowError``: `duplicate` if its deduplication key is taken and the policy says to refuse; ``StoreError``.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, _ input: W.Input, on queue: Queue, id: String? = nil, options: EnqueueOptions = EnqueueOptions(),
        in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input: Codable {
        let payload = try core.coder.encode(input, what: "the input of workflow '\(W.name)'")
        return try await enqueue(type, payload, queue, id, options, transaction)
    }

    /// Puts a workflow that takes nothing into a queue.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, on queue: Queue, id: String? = nil, options: EnqueueOptions = EnqueueOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input == Void {
        try await enqueue(type, .void, queue, id, options, transaction)
    }

    /// Puts many workflows into a queue at once, in their order; far cheaper than one by one.
    ///
    /// They are committed by the thousand: after an error some may be there. With a transaction it is all or none.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, each inputs: some Sequence<W.Input>, on queue: Queue, options: EnqueueOptions = EnqueueOptions(),
        in transaction: Transaction? = nil
    ) async throws -> [WorkflowHandle<W.Output>] where W.Input: Codable {
        let request = try EnqueueRequest(name: W.name, queue: queue, options: options)
        try transaction?.checkOpen()
        var handles: [WorkflowHandle<W.Output>] = []
        var records: [WorkflowRecord] = []
        let now = core.environment.clock.now()
        for input in inputs {
            let payload = try core.coder.encode(input, what: "the input of workflow '\(W.name)'")
            records.append(try await request.record(payload, id: nil, core, transaction, now: now))
            guard records.count == 1_000 else { continue }
            handles += try await enqueue(type, records, request.policies, transaction)
            records = []
        }
        return handles + (try await enqueue(type, records, request.policies, transaction))
    }

    /// Adds an item to a queue that makes batches: one workflow gets up to so many of them, or what came in that time, in their order.
    ///
    /// As Inngest's event batching. An item is no workflow yet and has no id; items of one key are together in a batch.
    public func enqueue<W: Workflow, Item: Codable & Sendable>(
        _ type: W.Type, item: Item, on queue: Queue, options: EnqueueOptions = EnqueueOptions(), in transaction: Transaction? = nil
    ) async throws where W.Input == [Item] {
        try await enqueue(type, items: [item], on: queue, options: options, in: transaction)
    }

    /// Adds items to a queue that makes batches.
    public func enqueue<W: Workflow, Item: Codable & Sendable>(
        _ type: W.Type, items: [Item], on queue: Queue, options: EnqueueOptions = EnqueueOptions(), in transaction: Transaction? = nil
    ) async throws where W.Input == [Item] {
        let request = try EnqueueRequest(name: W.name, queue: queue, options: options, isBatch: true)
        guard core.coder.isJSON else {
            throw WorkflowError(.unencodable, "items become an array of JSON: a codec of your own cannot be used for batches")
        }
        try transaction?.checkOpen()
        let created = core.environment.clock.now()
        let rows = try items.map {
            BatchItem(
                lane: request.lane(core.version), payload: try core.coder.encode($0, what: "an item for workflow '\(W.name)'"),
                created: created)
        }
        if let transaction {
            transaction.touch(.ready)
            return try await transaction.backend.add(rows)
        }
        try await core.store.add(rows)
        await core.wake(.ready, nil)
    }

    private func enqueue<W: Workflow>(
        _ type: W.Type, _ input: EncodedPayload, _ queue: Queue, _ id: String?, _ options: EnqueueOptions, _ transaction: Transaction?
    ) async throws -> WorkflowHandle<W.Output> {
        let request = try EnqueueRequest(name: W.name, queue: queue, options: options)
        try transaction?.checkOpen()
        let record = try await request.record(input, id: id, core, transaction)
        return try await start(type, record, request.policies, transaction)
    }

    private func enqueue<W: Workflow>(
        _ type: W.Type, _ records: [WorkflowRecord], _ policies: IDPolicies, _ transaction: Transaction?
    ) async throws -> [WorkflowHandle<W.Output>] {
        if records.isEmpty { return [] }
        let results: [StartResult]
        if let transaction {
            transaction.touch(.ready)
            if policies.cancelsOthers { transaction.touch(.inbox) }
            results = try await transaction.backend.start(records.map { ($0, policies) })
        } else {
            results = try await core.startAll(records.map { ($0, policies) })
        }
        return try zip(records, results).map { record, result in
            switch result {
            case .started: handle(type, Names.publicID(record.number), record.number)
            case .existing(let number): handle(type, Names.publicID(number), number)
            case .duplicate(let number): throw ClientCore.duplicate(policies, record, number)
            case .rejected(let error): throw error
            case .open(let number), .closed(let number): throw ClientCore.taken("", number)
            case .otherType(let name): throw ClientCore.otherType(record, name)
            }
        }
    }
}

extension Engine {
    /// Puts a workflow into a queue; see ``Client/enqueue(_:_:on:id:options:in:)``.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, _ input: W.Input, on queue: Queue, id: String? = nil, options: EnqueueOptions = EnqueueOptions(),
        in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input: Codable {
        try await client.enqueue(type, input, on: queue, id: id, options: options, in: transaction)
    }

    /// Puts a workflow that takes nothing into a queue.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, on queue: Queue, id: String? = nil, options: EnqueueOptions = EnqueueOptions(), in transaction: Transaction? = nil
    ) async throws -> WorkflowHandle<W.Output> where W.Input == Void {
        try await client.enqueue(type, on: queue, id: id, options: options, in: transaction)
    }

    /// Puts many workflows into a queue at once; see ``Client/enqueue(_:each:on:options:in:)``.
    @discardableResult
    public func enqueue<W: Workflow>(
        _ type: W.Type, each inputs: some Sequence<W.Input>, on queue: Queue, options: EnqueueOptions = EnqueueOptions(),
        in transaction: Transaction? = nil
    ) async throws -> [WorkflowHandle<W.Output>] where W.Input: Codable {
        try await client.enqueue(type, each: inputs, on: queue, options: options, in: transaction)
    }
}
