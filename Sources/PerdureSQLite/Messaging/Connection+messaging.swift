internal import Perdure

extension Query {
    fileprivate static let isOpen = Query("SELECT 1 FROM perdure_live WHERE number = ?1")
    fileprivate static let isOwned = Query("SELECT 1 FROM perdure_live WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let see = Query("UPDATE perdure_inbox SET seen = 1 WHERE sequence = ?1 AND workflow = ?2")
    fileprivate static let isSent = Query(
        "SELECT 1 FROM perdure_message_keys WHERE workflow = ?1 AND kind = ?2 AND topic = ?3 AND key = ?4")
    fileprivate static let insertKey = Query("INSERT INTO perdure_message_keys (workflow, kind, topic, key) VALUES (?1, ?2, ?3, ?4)")
    fileprivate static let publish = Query(
        """
        INSERT INTO perdure_events (workflow, name, value, codec, published) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (workflow, name) DO UPDATE SET value = excluded.value, codec = excluded.codec, published = excluded.published
        """)
    fileprivate static let append = Query(
        """
        INSERT INTO perdure_streams (workflow, stream, position, value, codec, appended, step, attempt)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING
        """)
    fileprivate static let reply = Query(
        """
        INSERT INTO perdure_replies (workflow, request, key, output, output_codec, error, error_codec, replied, run, step)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING
        """)
}

extension Connection {
    /// A row of history with what it does besides.
    func apply(_ step: StepRecord, _ effect: StepEffect, by executor: ExecutorID) throws(StoreError) -> CommandResult {
        if case .send(let item, let id, let refusal) = effect { return try send(step, item, id, refusal, by: executor) }
        if case .setAttributes(let changes, let refusal) = effect {
            return try setAttributes(changes, refusal, by: step, executor)
        }
        if let recorded = try insertOnce(step, by: executor) { return .recorded(recorded) }
        switch effect {
        case .send, .setAttributes: break
        case .publish(let name, let chain):
            try publish(
                EventRecord(workflow: chain?.first ?? step.workflow, name: name, value: step.output ?? .void, published: step.finished))
        case .append(let stream, let offset, let first):
            try append(
                StreamRecord(workflow: first ?? step.workflow, stream: stream, offset: offset, value: step.output, appended: step.finished))
        case .reply(let reply, let sequence):
            try keep(reply, in: step)
            try consume(sequence, of: step.workflow)
        }
        return .done
    }

    /// The row that was there before it.
    private func insertOnce(_ step: StepRecord, by executor: ExecutorID) throws(StoreError) -> StepRecord? {
        if try !insert(step) { return try self.step(step.workflow, step.key) }
        try progressed(step.workflow, by: executor)
        return nil
    }

    private func setAttributes(
        _ changes: AttributeChanges, _ refusal: EncodedPayload, by step: StepRecord, _ executor: ExecutorID
    ) throws(StoreError) -> CommandResult {
        var step = step
        let after = changes.applied(to: try attributes(of: step.workflow) ?? [:])
        if after == nil { step.error = refusal }
        if let recorded = try insertOnce(step, by: executor) { return .recorded(recorded) }
        guard let after else { return .recorded(step) }
        try write(after, of: step.workflow)
        return .done
    }

    private func send(
        _ step: StepRecord, _ item: InboxItem, _ id: String?, _ refusal: EncodedPayload, by executor: ExecutorID
    ) throws(StoreError) -> CommandResult {
        var item = item
        if let id { item.workflow = try run(ofID: id)?.number ?? 0 }
        item.workflow = try newestRun(of: item.workflow)
        guard try isOpen(item.workflow) else {
            var refused = step
            refused.error = refusal
            return .recorded(try insertOnce(refused, by: executor) ?? refused)
        }
        if let recorded = try insertOnce(step, by: executor) { return .recorded(recorded) }
        try deliver(item)
        return .sent(to: item.workflow, sequence: lastRow)
    }

    /// From outside: each only once under a key.
    func send(_ items: [InboxItem]) throws(StoreError) -> [SendResult] {
        var results: [SendResult] = []
        for item in items { results.append(try send(item)) }
        return results
    }

    private func send(_ item: InboxItem) throws(StoreError) -> SendResult {
        let first = item.key == nil ? item.workflow : try firstRun(of: item.workflow)
        if let key = item.key, try bound(.isSent, first, item, key).first({ _ in true }) ?? false { return .duplicate }
        guard try isOpen(try newestRun(of: item.workflow)) else { return .ended }
        if let key = item.key { try bound(.insertKey, first, item, key).run() }
        try deliver(item)
        return .sent
    }

    private func bound(_ query: Query, _ first: WorkflowNumber, _ item: InboxItem, _ key: String) throws(StoreError) -> Statement {
        let statement = try prepared(query)
        statement.bind(1, first)
        statement.bind(2, Int64(item.kind.rawValue))
        try statement.bind(3, item.topic ?? "")
        try statement.bind(4, key)
        return statement
    }

    func isOpen(_ number: WorkflowNumber) throws(StoreError) -> Bool {
        let statement = try prepared(.isOpen)
        statement.bind(1, number)
        return try statement.first { _ in true } ?? false
    }

    func isOwned(_ number: WorkflowNumber, by executor: ExecutorID) throws(StoreError) -> Bool {
        let statement = try prepared(.isOwned)
        statement.bind(1, number)
        statement.bind(2, executor)
        return try statement.first { _ in true } ?? false
    }

    /// Its workflow has left memory and knows of it.
    func see(_ sequence: Int64, of workflow: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.see)
        statement.bind(1, sequence)
        statement.bind(2, workflow)
        try statement.run()
    }

    func publish(_ event: EventRecord) throws(StoreError) {
        let statement = try prepared(.publish)
        statement.bind(1, event.workflow)
        try statement.bind(2, event.name)
        try statement.bind(3, event.value)
        statement.bind(5, event.published)
        try statement.run()
    }

    /// Nothing if a value is there already in its place.
    func append(_ record: StreamRecord) throws(StoreError) {
        let statement = try prepared(.append)
        statement.bind(1, record.workflow)
        try statement.bind(2, record.stream)
        statement.bind(3, record.offset)
        try statement.bind(4, record.value)
        statement.bind(6, record.appended)
        try statement.bind(7, record.step)
        statement.bind(8, Int64(record.attempt))
        try statement.run()
    }

    /// A refusal is in no row of history.
    func keep(_ reply: ReplyRecord, in step: StepRecord? = nil) throws(StoreError) {
        let statement = try prepared(.reply)
        statement.bind(1, reply.workflow)
        try statement.bind(2, reply.request)
        try statement.bind(3, reply.key)
        try statement.bind(4, reply.output)
        try statement.bind(6, reply.error)
        statement.bind(8, reply.replied)
        statement.bind(9, step?.workflow)
        try statement.bind(10, step?.key)
        try statement.run()
    }
}
