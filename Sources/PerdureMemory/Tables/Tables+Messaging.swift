internal import Perdure

/// Tells the messages and requests to one workflow apart.
struct MessageKey: Hashable, Sendable {
    var workflow: WorkflowNumber
    var kind: InboxKind
    var topic: ExactText
    var key: ExactText

    init(_ workflow: WorkflowNumber, _ kind: InboxKind, _ topic: String, _ key: String) {
        self.workflow = workflow
        self.kind = kind
        self.topic = ExactText(topic)
        self.key = ExactText(key)
    }

    /// nil for one without a key.
    init?(_ item: InboxItem, to workflow: WorkflowNumber) {
        guard let key = item.key else { return nil }
        self.init(workflow, item.kind, item.topic ?? "", key)
    }
}

/// An answer, and the row that holds it; none for a refusal.
struct StoredReply: Sendable {
    var record: ReplyRecord
    var run: WorkflowNumber?
    var step: String?
}

extension Tables {
    /// A row of history with what it does besides.
    mutating func apply(_ step: StepRecord, _ effect: StepEffect, by executor: ExecutorID) -> CommandResult {
        switch effect {
        case .send(let item, let id, let refusal): return send(step, item, id, refusal, by: executor)
        case .publish(let name, let chain):
            if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
            let (value, number) = (step.output ?? .void, chain?.first ?? step.workflow)
            events[number, default: [:]][ExactText(name)] = EventRecord(
                workflow: number, name: name, value: value, published: step.finished)
        case .append(let stream, let offset, let first):
            if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
            append(
                StreamRecord(workflow: first ?? step.workflow, stream: stream, offset: offset, value: step.output, appended: step.finished))
        case .reply(let reply, let sequence):
            if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
            keep(StoredReply(record: reply, run: step.workflow, step: step.key), sequence, of: step.workflow)
        case .setAttributes(let changes, let refusal):
            let isTooMuch = workflows[step.workflow].map { changes.applied(to: $0.searchAttributes) == nil } ?? false
            var step = step
            if isTooMuch { step.error = refusal }
            if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
            if isTooMuch { return .recorded(step) }
            _ = setAttributes(changes, of: step.workflow)
        }
        return .done
    }

    private mutating func send(
        _ step: StepRecord, _ item: InboxItem, _ id: String?, _ refusal: EncodedPayload, by executor: ExecutorID
    ) -> CommandResult {
        var item = item
        item.workflow = newestRun(of: id.map { ids[ExactText($0)] ?? 0 } ?? item.workflow)
        guard live[item.workflow] != nil else {
            var refused = step
            refused.error = refusal
            return .recorded(insertStep(refused, by: executor) ?? refused)
        }
        if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
        deliver(item)
        return .sent(to: item.workflow, sequence: lastSequence)
    }

    /// Nothing if a value is there already in its place.
    mutating func append(_ record: StreamRecord) {
        guard record.offset >= streams[record.workflow]?[ExactText(record.stream)]?.last.map({ $0.offset + 1 }) ?? 0 else { return }
        streams[record.workflow, default: [:]][ExactText(record.stream), default: []].append(record)
    }

    mutating func keep(_ reply: StoredReply, _ sequence: Int64, of run: WorkflowNumber) {
        let key = MessageKey(reply.record.workflow, .request, reply.record.request, reply.record.key)
        if replies[key] == nil { replies[key] = reply }
        consume(sequence, of: run)
    }

    /// From outside: each only once under a key.
    mutating func send(_ item: InboxItem) -> SendResult {
        let key = MessageKey(item, to: firstRun(of: item.workflow))
        if let key, messageKeys.contains(key) { return .duplicate }
        guard live[newestRun(of: item.workflow)] != nil else { return .ended }
        if let key { messageKeys.insert(key) }
        deliver(item)
        return .sent
    }

    func events(of number: WorkflowNumber) -> [EventRecord] {
        (events[firstRun(of: number)] ?? [:]).values.sorted { $0.name < $1.name }
    }

    func stream(_ name: String, of number: WorkflowNumber, from offset: Int64, limit: Int) -> [StreamRecord] {
        Array((streams[firstRun(of: number)]?[ExactText(name)] ?? []).drop { $0.offset < offset }.prefix(limit))
    }

    func streamEnds(of number: WorkflowNumber) -> [String: StreamEnd] {
        (streams[firstRun(of: number)] ?? [:]).values.reduce(into: [:]) { ends, rows in
            if let last = rows.last { ends[last.stream] = StreamEnd(next: last.offset + 1, isClosed: last.value == nil) }
        }
    }
}
