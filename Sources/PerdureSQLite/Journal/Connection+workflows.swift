internal import Perdure

extension Query {
    fileprivate static let insertWorkflow = Query(
        """
        INSERT INTO perdure_workflows
            (number, id, queue, lane_key, priority, name, version, input, codec, parent, parent_key, close_policy,
            attributes, attributes_codec, created, due, deadline)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
        ON CONFLICT DO NOTHING
        """)
    fileprivate static let workflow = Query(
        """
        SELECT number, id, queue, lane_key, priority, name, version, input, codec, parent, parent_key, close_policy,
            attributes, attributes_codec, created, due, deadline
        FROM perdure_workflows WHERE number = ?1
        """)
    fileprivate static let insertLive = Query(
        "INSERT INTO perdure_live (number, lane, state, executor, due, deadline, crashes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)")
    fileprivate static let claimID = Query(
        "INSERT INTO perdure_workflow_ids (id, number, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
}

extension Connection {
    /// Inserts what was asked and its `live` row.
    ///
    /// False if this very workflow was there already, by an earlier sending of the same.
    ///
    /// - Throws: `.rejected` if its number belongs to another workflow.
    func insert(_ record: WorkflowRecord, owner: ExecutorID?) throws(StoreError) -> Bool {
        try record.check()
        let statement = try prepared(.insertWorkflow)
        statement.bind(1, record.number)
        try statement.bind(2, record.id)
        try statement.bind(3, record.lane.queue)
        try statement.bind(4, record.lane.key)
        statement.bind(5, Int64(record.lane.priority))
        try statement.bind(6, record.lane.workflow)
        try statement.bind(7, record.lane.version)
        try statement.bind(8, record.input)
        statement.bind(10, record.parent?.number)
        try statement.bind(11, record.parent?.key)
        statement.bind(12, record.parent.map { Int64($0.closePolicy.rawValue) })
        try statement.bind(13, record.attributes)
        statement.bind(15, record.created)
        statement.bind(16, record.due)
        statement.bind(17, record.deadline)
        try statement.run()
        guard changes > 0 else {
            if try workflow(record.number) == record { return false }
            throw StoreError.numberTaken(record.number)
        }
        let live = try prepared(.insertLive)
        live.bind(1, record.number)
        live.bind(2, try number(of: record.lane))
        live.bind(3, Int64((owner == nil ? LiveState.ready : .owned).rawValue))
        live.bind(4, owner)
        live.bind(5, record.due)
        live.bind(6, record.deadline)
        try live.run()
        return true
    }

    /// A start from the journal, whose id (if it has one) nobody asked policies for.
    func start(_ record: WorkflowRecord, owner: ExecutorID?) throws(StoreError) {
        guard try insert(record, owner: owner), let id = record.id else { return }
        let statement = try prepared(.claimID)
        try statement.bind(1, id)
        statement.bind(2, record.number)
        try statement.bind(3, record.lane.workflow)
        try statement.run()
    }

    func workflow(_ number: WorkflowNumber) throws(StoreError) -> WorkflowRecord? {
        let statement = try prepared(.workflow)
        statement.bind(1, number)
        return try statement.first { WorkflowRecord($0) }
    }
}

extension StoreError {
    static func numberTaken(_ number: WorkflowNumber) -> StoreError {
        StoreError(.rejected, "the number \(number) is another workflow's")
    }
}

extension WorkflowRecord {
    fileprivate init(_ row: Statement) {
        self.init(
            number: row.int(0), id: row.optionalText(1),
            lane: Lane(
                queue: row.text(2), key: row.text(3), priority: Int16(clamping: row.int(4)), workflow: row.text(5), version: row.text(6)),
            input: EncodedPayload(codec: Int16(clamping: row.int(8)), bytes: row.bytes(7)),
            parent: row.optionalInt(9).map { number in
                // Of an unknown policy, the one that stops nobody.
                ParentLink(
                    number: number, key: row.text(10),
                    closePolicy: StoredClosePolicy(column: row.optionalInt(11)))
            },
            attributes: row.payload(12), created: row.int(14), due: row.optionalInt(15), deadline: row.optionalInt(16))
    }

    fileprivate func check() throws(StoreError) {
        if let id { try StoreError.checkNUL(id, "the id of a workflow") }
        try StoreError.checkNUL(lane.workflow, "the name of a workflow")
        try StoreError.checkNUL(lane.version, "the version of a workflow")
        try StoreError.checkNUL(lane.queue, "the name of a queue")
        try StoreError.checkNUL(lane.key, "the key of a queue")
        if let parent { try StoreError.checkNUL(parent.key, "the key of a child") }
    }
}
