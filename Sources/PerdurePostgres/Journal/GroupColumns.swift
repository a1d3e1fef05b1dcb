internal import Perdure

/// Children that are started together, on their way: rows of `workflows`, and one row of `steps` for each group.
final class GroupColumns {
    private let children = WorkflowColumns()
    private let attributes = AttributeColumns()
    private let owned = Column(PostgresType.bool)
    private let steps = StepColumns()
    private let overlooker = Column(PostgresType.int8)
    private let waiting = Column(PostgresType.int8)
    private let awaited = Column(PostgresType.text)

    /// How many rows of history.
    var count: Int { steps.count }
    var haveAttributes: Bool { attributes.count > 0 }
    var overlooks: Bool { overlooker.count > 0 }

    func clear() {
        if steps.count > 0 {
            children.clear()
            if attributes.count > 0 { attributes.clear() }
            owned.clear()
            steps.clear()
        }
        if overlooker.count > 0 { for column in [overlooker, waiting, awaited] { column.clear() } }
    }

    /// All of them are of one lane.
    func append(_ records: [WorkflowRecord], _ isOwned: Bool, _ step: StepRecord, lane: Int64) throws(StoreError) {
        for record in records {
            try children.append(record, lane: lane)
            try attributes.append(record)
            owned.append(isOwned)
        }
        try steps.append(step)
    }

    func overlook(_ workflow: WorkflowNumber, _ groups: [String]) throws(StoreError) {
        overlooker.append(workflow)
        for group in groups {
            waiting.append(workflow)
            try awaited.append(group)
        }
    }

    var parameters: [ParameterBuffer?] { children.parameters + [owned.sealed] + steps.parameters }
    var attributeParameters: [ParameterBuffer?] { attributes.parameters }
    var overlooking: [ParameterBuffer?] { [overlooker.sealed, waiting.sealed, awaited.sealed] }
}

/// Rows of the inbox that rows of history consume.
final class ConsumedColumns {
    private let workflow = Column(PostgresType.int8)
    private let key = Column(PostgresType.text)
    private let sequence = Column(PostgresType.int8)

    func clear() {
        for column in [workflow, key, sequence] { column.clear() }
    }

    func append(_ step: StepRecord, _ number: Int64) throws(StoreError) {
        workflow.append(step.workflow)
        try key.append(step.key)
        sequence.append(number)
    }

    var parameters: [ParameterBuffer?] { [workflow.sealed, key.sealed, sequence.sealed] }
}
