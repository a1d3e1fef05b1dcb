internal import Perdure

/// Rows of `workflows` on their way, with the lane of their `live` row.
final class WorkflowColumns {
    private let number = Column(PostgresType.int8)
    private let id = Column(PostgresType.text)
    private let queue = Column(PostgresType.text)
    private let laneKey = Column(PostgresType.text)
    private let priority = Column(PostgresType.int2)
    private let name = Column(PostgresType.text)
    private let version = Column(PostgresType.text)
    private let input = PayloadColumns()
    private let parent = Column(PostgresType.int8)
    private let parentKey = Column(PostgresType.text)
    private let closePolicy = Column(PostgresType.int2)
    private let attributes = PayloadColumns()
    private let created = Column(PostgresType.int8)
    private let due = Column(PostgresType.int8)
    private let deadline = Column(PostgresType.int8)
    private let expires = Column(PostgresType.int8)
    private let lane = Column(PostgresType.int8)

    /// How the columns are called in `unnest(…) AS u(…)`, in the order of `parameters`.
    static let names =
        "number, id, queue, lane_key, priority, name, version, input, codec, parent, parent_key, close_policy, attributes, attributes_codec, created, due, deadline, expires"
    static let nameList = names.split(separator: ", ").map(String.init)
    static let types = [
        "int8", "text", "text", "text", "int2", "text", "text", "bytea", "int2", "int8", "text", "int2", "bytea", "int2", "int8", "int8",
        "int8", "int8", "int8",
    ]

    var count: Int { number.count }

    func clear() {
        for column in columns { column.clear() }
    }

    func append(_ record: WorkflowRecord, lane laneNumber: Int64) throws(StoreError) {
        number.append(record.number)
        try id.append(record.id)
        try queue.append(record.lane.queue)
        try laneKey.append(record.lane.key)
        priority.append(record.lane.priority)
        try name.append(record.lane.workflow)
        try version.append(record.lane.version)
        input.append(record.input)
        parent.append(record.parent?.number)
        try parentKey.append(record.parent?.key)
        closePolicy.append(record.parent?.closePolicy.rawValue)
        attributes.append(record.attributes)
        created.append(record.created)
        due.append(record.due)
        deadline.append(record.deadline)
        expires.append(record.expires)
        lane.append(laneNumber)
    }

    var parameters: [ParameterBuffer?] { columns.map(\.sealed) }

    private var columns: [Column] {
        [
            number, id, queue, laneKey, priority, name, version, input.bytes, input.codec, parent, parentKey, closePolicy, attributes.bytes,
            attributes.codec, created, due, deadline, expires, lane,
        ]
    }
}

/// Rows of `steps` on their way.
final class StepColumns {
    private let workflow = Column(PostgresType.int8)
    private let key = Column(PostgresType.text)
    private let order = Column(PostgresType.int8)
    private let kind = Column(PostgresType.int2)
    private let output = PayloadColumns()
    private let error = PayloadColumns()
    private let started = Column(PostgresType.int8)
    private let finished = Column(PostgresType.int8)
    private let attempts = Column(PostgresType.int4)

    static let names = "workflow, key, ord, kind, output, output_codec, error, error_codec, started, finished, attempts"
    static let types = ["int8", "text", "int8", "int2", "bytea", "int2", "bytea", "int2", "int8", "int8", "int4"]

    var count: Int { workflow.count }

    func clear() {
        for column in columns { column.clear() }
    }

    @inline(__always)
    func append(_ step: StepRecord) throws(StoreError) {
        workflow.append(step.workflow)
        try key.append(step.key)
        order.append(step.order)
        kind.append(step.kind.rawValue)
        output.append(step.output)
        error.append(step.error)
        started.append(step.started)
        finished.append(step.finished)
        attempts.append(step.attempts)
    }

    var parameters: [ParameterBuffer?] { columns.map(\.sealed) }

    private var columns: [Column] {
        [workflow, key, order, kind, output.bytes, output.codec, error.bytes, error.codec, started, finished, attempts]
    }
}

/// `$3::int8[], $4::text[]` for these types, from `first` on.
func arrays(_ types: [String], from first: Int = 1) -> String {
    types.enumerated().map { "$\($0.offset + first)::\($0.element)[]" }.joined(separator: ", ")
}
