internal import Perdure

extension Query {
    fileprivate static let owned = Query(
        "SELECT number, lane, crashes, probation, due FROM perdure_live WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let suspend = Query(
        """
        UPDATE perdure_live SET state = 2, executor = NULL, lane = ?2, due = ?3, crashes = 0, probation = NULL
        WHERE number = ?1
        """)
    fileprivate static let forgive = Query(
        "UPDATE perdure_live SET crashes = 0 WHERE number = ?1 AND executor = ?2 AND state = 1 AND crashes <> 0")
    fileprivate static let release = Query(
        "UPDATE perdure_live SET state = ?2, executor = NULL, lane = ?3, crashes = ?4, due = ?5, turn = ?6, probation = NULL WHERE number = ?1"
    )
    fileprivate static let setAside = Query(
        "UPDATE perdure_live SET state = 3, executor = NULL, probation = NULL WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let insertAside = Query(
        "INSERT INTO perdure_asides (number, reason, since) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET reason = ?2, since = ?3")
    fileprivate static let deleteOwned = Query("DELETE FROM perdure_live WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let insertOutcome = Query(
        """
        INSERT INTO perdure_outcomes (workflow, status, output, output_codec, error, error_codec, finished)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING
        """)
    static let clearInbox = Query("DELETE FROM perdure_inbox WHERE workflow = ?1")
    static let clearPending = Query("DELETE FROM perdure_pending WHERE workflow = ?1")
    static let clearAside = Query("DELETE FROM perdure_asides WHERE number = ?1")
    fileprivate static let deliver = Query(
        """
        INSERT INTO perdure_inbox (workflow, kind, reference, payload, payload_codec, topic, key)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM perdure_live WHERE number = ?1)
        """)
    fileprivate static let deliverOnce = Query(
        """
        INSERT INTO perdure_inbox (workflow, kind, reference, payload, payload_codec, topic, key)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
        WHERE EXISTS (SELECT 1 FROM perdure_live WHERE number = ?1)
            AND NOT EXISTS (
                SELECT 1 FROM perdure_inbox
                WHERE workflow = ?1 AND kind = ?2 AND reference IS ?3 AND payload IS ?4 AND payload_codec IS ?5)
        """)
}

extension Connection {
    /// Unloaded: it has begun, and its lane says so from now on.
    func suspend(_ number: WorkflowNumber, due: Microseconds, seen: [Int64], by executor: ExecutorID) throws(StoreError) {
        guard let row = try row(number, ownedBy: executor) else { return }
        for sequence in seen { try see(sequence, of: number) }
        let statement = try prepared(.suspend)
        statement.bind(1, number)
        statement.bind(2, try returnLane(of: row.lane))
        statement.bind(3, due)
        try statement.run()
        if crashed.contains(number) { recovered.append(number) }
    }

    func row(_ number: WorkflowNumber, ownedBy executor: ExecutorID) throws(StoreError) -> OwnedRow? {
        let statement = try prepared(.owned)
        statement.bind(1, number)
        statement.bind(2, executor)
        return try statement.first { OwnedRow($0) }
    }

    func forgive(_ number: WorkflowNumber, by executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.forgive)
        statement.bind(1, number)
        statement.bind(2, executor)
        try statement.run()
        if changes > 0, crashed.contains(number) { recovered.append(number) }
    }

    /// From owned to ready, as returned work.
    func release(_ number: WorkflowNumber, by executor: ExecutorID) throws(StoreError) {
        if let row = try row(number, ownedBy: executor) { try giveBack(row, .ready(row, at: 0)) }
    }

    func giveBack(_ row: OwnedRow, _ fate: OwnedRow.Fate) throws(StoreError) {
        let statement = try prepared(.release)
        statement.bind(1, row.number)
        statement.bind(2, Int64(fate.state.rawValue))
        statement.bind(3, row.hasBegun ? try returnLane(of: row.lane) : row.lane)
        statement.bind(4, Int64(fate.crashes))
        statement.bind(5, fate.due)
        statement.bind(6, fate.state == .ready ? try nextTurn() : 0)
        try statement.run()
    }

    func setAside(_ number: WorkflowNumber, reason: String, at: Microseconds, by executor: ExecutorID) throws(StoreError) {
        let statement = try prepared(.setAside)
        statement.bind(1, number)
        statement.bind(2, executor)
        try statement.run()
        guard changes > 0 else { return }
        try insertAside(number, reason: reason, at: at)
    }

    func insertAside(_ number: WorkflowNumber, reason: String, at: Microseconds) throws(StoreError) {
        let aside = try prepared(.insertAside)
        aside.bind(1, number)
        try aside.bind(2, reason)
        aside.bind(3, at)
        try aside.run()
    }

    /// The end, if the workflow is the executor's.
    ///
    /// Otherwise it has ended by an earlier sending of the same, or is somebody else's.
    func finish(
        _ outcome: Outcome, parent: WorkflowNumber?, inbox: [InboxItem], place: QueuePlace?, by executor: ExecutorID
    ) throws(StoreError) {
        guard try end(outcome, by: executor) else { return }
        if outcome.status != .completed { try keepUnread(of: outcome.workflow) }
        for query in [Query.clearInbox, .clearPending, .clearAside] {
            let statement = try prepared(query)
            statement.bind(1, outcome.workflow)
            try statement.run()
        }
        if let place {
            try freeSlots(of: outcome.workflow)
            if outcome.status.isDead { try bury(outcome.workflow, place, at: outcome.finished) }
        }
        if let parent {
            try deliver(InboxItem(workflow: parent, kind: .childEnded, reference: outcome.workflow))
        }
        for item in inbox { try deliver(item) }
    }

    /// From owned to its outcome; false if it is not the executor's.
    func end(_ outcome: Outcome, by executor: ExecutorID) throws(StoreError) -> Bool {
        let live = try prepared(.deleteOwned)
        live.bind(1, outcome.workflow)
        live.bind(2, executor)
        try live.run()
        guard changes > 0 else { return false }
        let statement = try prepared(.insertOutcome)
        statement.bind(1, outcome.workflow)
        statement.bind(2, Int64(outcome.status.rawValue))
        try statement.bind(3, outcome.output)
        try statement.bind(5, outcome.error)
        statement.bind(7, outcome.finished)
        try statement.run()
        if crashed.contains(outcome.workflow) { recovered.append(outcome.workflow) }
        return true
    }

    /// Into the inbox of a workflow that has not ended, or of the run as which it goes on.
    ///
    /// `once`: not beside an equal row, which an earlier sending of the same may have put there.
    func deliver(_ item: InboxItem, once: Bool = false) throws(StoreError) {
        let statement = try prepared(once ? .deliverOnce : .deliver)
        statement.bind(1, item.movesOn ? try newestRun(of: item.workflow) : item.workflow)
        statement.bind(2, Int64(item.kind.rawValue))
        statement.bind(3, item.reference)
        try statement.bind(4, item.payload)
        try statement.bind(6, item.topic)
        try statement.bind(7, item.key)
        try statement.run()
    }

    func clearAside(_ number: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.clearAside)
        statement.bind(1, number)
        try statement.run()
    }
}
