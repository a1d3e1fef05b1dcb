internal import Perdure

/// Rows of `steps` on their way, each with what it does besides.
///
/// What a column means depends on the effect; see ``EffectStatement``.
final class EffectColumns {
    private let steps = StepColumns()
    private let effect = Column(PostgresType.int2)
    private let target = Column(PostgresType.int8)
    private let targetID = Column(PostgresType.text)
    private let name = Column(PostgresType.text)
    private let payload = PayloadColumns()
    private let error = PayloadColumns()
    private let number = Column(PostgresType.int8)

    static let names = "effect, target, target_id, name, payload, payload_codec, refusal, refusal_codec, number"
    static let types = ["int2", "int8", "text", "text", "bytea", "int2", "bytea", "int2", "int8"]

    /// So many bits are for the places in the history of one run: what is published by the next run is newer than all of this one's.
    private static let orders: Int64 = 40

    enum Kind: Int16 {
        case send = 1
        case publish = 2
        case append = 3
        case reply = 4
    }

    var count: Int { steps.count }

    func clear() {
        steps.clear()
        for column in columns { column.clear() }
    }

    func append(_ step: StepRecord, _ effect: StepEffect) throws(StoreError) {
        try steps.append(step)
        switch effect {
        case .send(let item, let id, let refusal):
            try append(.send, item.workflow, id, item.topic, item.payload, refusal, nil)
        case .publish(let name, let chain): try append(.publish, chain?.first, nil, name, nil, nil, (chain?.place ?? 0) << Self.orders)
        case .append(let stream, let offset, let first): try append(.append, first, nil, stream, nil, nil, offset)
        case .reply(let reply, let sequence):
            try append(.reply, reply.workflow, reply.request, reply.key, reply.output, reply.error, sequence)
        // It has a statement of its own.
        case .setAttributes: break
        }
    }

    private func append(
        _ kind: Kind, _ workflow: WorkflowNumber?, _ id: String?, _ name: String?, _ payload: EncodedPayload?, _ error: EncodedPayload?,
        _ number: Int64?
    ) throws(StoreError) {
        effect.append(kind.rawValue)
        target.append(workflow)
        try targetID.append(id)
        try self.name.append(name)
        self.payload.append(payload)
        self.error.append(error)
        self.number.append(number)
    }

    var parameters: [ParameterBuffer?] { steps.parameters + columns.map(\.sealed) }

    private var columns: [Column] {
        [effect, target, targetID, name, payload.bytes, payload.codec, error.bytes, error.codec, number]
    }
}

/// Values of streams from within the bodies of steps.
final class StreamColumns {
    private let workflow = Column(PostgresType.int8)
    private let stream = Column(PostgresType.text)
    private let position = Column(PostgresType.int8)
    private let value = PayloadColumns()
    private let appended = Column(PostgresType.int8)
    private let step = Column(PostgresType.text)
    private let attempt = Column(PostgresType.int4)

    static let names = "workflow, stream, position, value, codec, appended, step, attempt"
    static let types = ["int8", "text", "int8", "bytea", "int2", "int8", "text", "int4"]

    var count: Int { workflow.count }

    func clear() {
        for column in columns { column.clear() }
    }

    func append(_ record: StreamRecord) throws(StoreError) {
        workflow.append(record.workflow)
        try stream.append(record.stream)
        position.append(record.offset)
        value.append(record.value)
        appended.append(record.appended)
        try step.append(record.step)
        attempt.append(record.attempt)
    }

    var parameters: [ParameterBuffer?] { columns.map(\.sealed) }

    private var columns: [Column] { [workflow, stream, position, value.bytes, value.codec, appended, step, attempt] }
}

/// Requests that are refused.
final class RefusalColumns {
    private let workflow = Column(PostgresType.int8)
    private let request = Column(PostgresType.text)
    private let key = Column(PostgresType.text)
    private let error = PayloadColumns()
    private let replied = Column(PostgresType.int8)
    private let sequence = Column(PostgresType.int8)
    /// Whose inbox it is.
    private let run = Column(PostgresType.int8)

    static let types = ["int8", "text", "text", "bytea", "int2", "int8", "int8", "int8"]

    var count: Int { workflow.count }

    func clear() {
        for column in columns { column.clear() }
    }

    func append(_ reply: ReplyRecord, _ sequence: Int64, by run: WorkflowNumber?) throws(StoreError) {
        self.run.append(run ?? reply.workflow)
        workflow.append(reply.workflow)
        try request.append(reply.request)
        try key.append(reply.key)
        error.append(reply.error)
        replied.append(reply.replied)
        self.sequence.append(sequence)
    }

    var parameters: [ParameterBuffer?] { columns.map(\.sealed) }

    private var columns: [Column] { [workflow, request, key, error.bytes, error.codec, replied, sequence, run] }
}
