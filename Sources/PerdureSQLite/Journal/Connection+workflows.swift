internal import Perdure

extension Query {
    fileprivate static let insertWorkflow = Query(
        """
        INSERT INTO perdure_workflows
            (number, id, queue, lane_key, priority, name, version, input, codec, parent, parent_key, close_policy,
            attributes, attributes_codec, created, due, deadline, expires)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
        ON CONFLICT DO NOTHING
        """)
    fileprivate static let workflow = Query(
        """
        SELECT number, id, queue, lane_key, priority, name, version, input, codec, parent, parent_key, close_policy,
            attributes, attributes_codec, created, due, deadline, expires
        FROM perdure_workflows WHERE number = ?1
        """)
    fileprivate static let insertLive = Query(
        """
        INSERT INTO perdure_live (number, lane, state, executor, due, deadline, expires, turn, crashes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
        """)
    /// Some at a time: a transaction that needs none writes nothing, and one that needs many writes it seldom.
    fileprivate static let takeTurns = Query("UPDATE perdure_turns SET last = last + ?1 RETURNING last")
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
        statement.bind(18, record.expires)
        try statement.run()
        guard changes > 0 else {
            if let known = try workflow(record.number), record.isResend(of: known) { return false }
            throw StoreError.numberTaken(record.number)
        }
        try insertAttributes(of: record)
        let live = try prepared(.insertLive)
        live.bind(1, record.number)
        live.bind(2, try number(of: record.lane))
        live.bind(3, Int64((owner == nil ? LiveState.ready : .owned).rawValue))
        live.bind(4, owner)
        live.bind(5, record.due)
        live.bind(6, record.deadline)
        // What an executor has does not expire any more, and has no turn.
        live.bind(7, owner == nil ? record.expires : nil)
        live.bind(8, owner == nil ? try nextTurn() : 0)
        try live.run()
        return true
    }

    /// The place of what becomes ready now: behind all that has.
    func nextTurn() throws(StoreError) -> Int64 {
        if turns.isEmpty {
            let statement = try prepared(.takeTurns)
            let count: Int64 = 1_000
            statement.bind(1, count)
            guard let last = try statement.first({ $0.int(0) }) else {
                throw StoreError(.misconfigured, "'\(file)' has a table perdure_turns without its row: restore it, or use another file")
            }
            turns = (last - count + 1)..<(last + 1)
        }
        defer { turns = (turns.lowerBound + 1)..<turns.upperBound }
        return turns.lowerBound
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
            attributes: row.payload(12), created: row.int(14), due: row.optionalInt(15), deadline: row.optionalInt(16),
            expires: row.optionalInt(17))
    }

    fileprivate func check() throws(StoreError) {
        if let id { try StoreError.checkNUL(id, "the id of a workflow") }
        try lane.check()
        if let parent { try StoreError.checkNUL(parent.key, "the key of a child") }
    }
}

extension Lane {
    func check() throws(StoreError) {
        try StoreError.checkNUL(workflow, "the name of a workflow")
        try StoreError.checkNUL(version, "the version of a workflow")
        try StoreError.checkNUL(queue, "the name of a queue")
        try StoreError.checkNUL(key, "the key of a queue")
    }
}
