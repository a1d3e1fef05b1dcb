internal import Perdure

/// Rows of `inbox` on their way; `sender` is the workflow whose end sends them, where it is one.
final class InboxColumns {
    private let sender = Column(PostgresType.int8)
    private let workflow = Column(PostgresType.int8)
    private let kind = Column(PostgresType.int2)
    private let reference = Column(PostgresType.int8)
    private let payload = PayloadColumns()
    private let topic = Column(PostgresType.text)

    static let names = "sender, workflow, kind, reference, payload, codec, topic"
    static let types = ["int8", "int8", "int2", "int8", "bytea", "int2", "text"]

    var count: Int { workflow.count }

    func clear() {
        for column in [sender, workflow, kind, reference, topic] { column.clear() }
        payload.clear()
    }

    func append(_ item: InboxItem, from origin: WorkflowNumber = 0) throws(StoreError) {
        sender.append(origin)
        workflow.append(item.workflow)
        kind.append(item.kind.rawValue)
        reference.append(item.reference)
        payload.append(item.payload)
        try topic.append(item.topic)
    }

    var parameters: [ParameterBuffer?] {
        [sender.sealed, workflow.sealed, kind.sealed, reference.sealed, payload.bytes.sealed, payload.codec.sealed, topic.sealed]
    }
}

/// Rows of `outcomes` on their way.
final class OutcomeColumns {
    private let workflow = Column(PostgresType.int8)
    private let status = Column(PostgresType.int2)
    private let output = PayloadColumns()
    private let error = PayloadColumns()
    private let finished = Column(PostgresType.int8)
    /// One of them comes to no good end.
    private(set) var haveFailed = false

    static let types = ["int8", "int2", "bytea", "int2", "bytea", "int2", "int8"]

    var count: Int { workflow.count }

    func clear() {
        haveFailed = false
        for column in [workflow, status, finished] { column.clear() }
        output.clear()
        error.clear()
    }

    func append(_ outcome: Outcome) {
        if outcome.status != .completed { haveFailed = true }
        workflow.append(outcome.workflow)
        status.append(outcome.status.rawValue)
        output.append(outcome.output)
        error.append(outcome.error)
        finished.append(outcome.finished)
    }

    var parameters: [ParameterBuffer?] {
        [
            workflow.sealed, status.sealed, output.bytes.sealed, output.codec.sealed, error.bytes.sealed, error.codec.sealed,
            finished.sealed,
        ]
    }
}

/// Dead letters on their way.
final class DeadColumns {
    private let number = Column(PostgresType.int8)
    private let queue = Column(PostgresType.text)
    private let key = Column(PostgresType.text)
    private let status = Column(PostgresType.int2)
    private let finished = Column(PostgresType.int8)

    var count: Int { number.count }

    func clear() {
        for column in [number, queue, key, status, finished] { column.clear() }
    }

    func append(_ outcome: Outcome, _ place: QueuePlace) throws(StoreError) {
        number.append(outcome.workflow)
        try queue.append(place.queue)
        try key.append(place.key)
        status.append(outcome.status.rawValue)
        finished.append(outcome.finished)
    }

    var parameters: [ParameterBuffer?] { [number, queue, key, status, finished].map(\.sealed) }
}

/// Rows of `pending` on their way: one for each key, the last one.
final class PendingColumns {
    private struct Key: Hashable {
        let workflow: WorkflowNumber
        let key: String
    }

    private var latest: [Key: PendingRecord] = [:]

    static let types = ["int8", "text", "int4", "int8", "int8", "bytea", "int2", "bytea", "int2", "int8"]

    var count: Int { latest.count }

    func clear() { latest.removeAll(keepingCapacity: true) }

    /// An upsert may not touch a row twice.
    func append(_ record: PendingRecord) { latest[Key(workflow: record.workflow, key: record.key)] = record }

    func parameters() throws(StoreError) -> [ParameterBuffer?] {
        let (workflow, key, attempt) = (Column(PostgresType.int8), Column(PostgresType.text), Column(PostgresType.int4))
        let (started, due, error, progress) = (Column(PostgresType.int8), Column(PostgresType.int8), PayloadColumns(), PayloadColumns())
        let heldBy = Column(PostgresType.int8)
        for record in latest.values {
            workflow.append(record.workflow)
            try key.append(record.key)
            attempt.append(record.attempt)
            started.append(record.started)
            due.append(record.due)
            error.append(record.error)
            progress.append(record.progress)
            heldBy.append(record.heldBy)
        }
        return [
            workflow.sealed, key.sealed, attempt.sealed, started.sealed, due.sealed, error.bytes.sealed, error.codec.sealed,
            progress.bytes.sealed, progress.codec.sealed, heldBy.sealed,
        ]
    }
}
