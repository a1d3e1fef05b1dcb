internal import Perdure

extension Query {
    fileprivate static let firstRun = Query("SELECT first FROM perdure_successors WHERE number = ?1 AND first IS NOT NULL")
    fileprivate static let newestRun = Query(
        "SELECT number FROM perdure_successors WHERE first = ?1 ORDER BY place DESC LIMIT 1")
    fileprivate static let giveSlots = Query("UPDATE perdure_slots SET workflow = ?2 WHERE workflow = ?1")
    fileprivate static let makeBegun = Query("UPDATE perdure_live SET lane = ?2 WHERE number = ?1")
    fileprivate static let moveInbox = Query(
        """
        UPDATE perdure_inbox SET workflow = ?2, seen = 0
        WHERE workflow = ?1 AND (kind IN (?3, ?4, ?5, ?6) OR kind = ?7 AND topic = ?8)
        """)
    /// What operators have asked, and what is not carried out yet: pauses, cancels, terminates.
    fileprivate static let moveInterventions = Query(
        """
        UPDATE perdure_interventions SET workflow = ?1
        WHERE number IN (SELECT reference FROM perdure_inbox WHERE workflow = ?1 AND kind IN (?2, ?3, ?4))
        """)
    fileprivate static let putFirst = Query(
        """
        INSERT INTO perdure_inbox (sequence, workflow, kind, reference, payload, payload_codec, topic, key)
        SELECT min(0, coalesce((SELECT min(sequence) FROM perdure_inbox), 0)) - 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7
        """)
}

// Runs that go on as new ones.
extension Connection {
    /// The first of those that were continued as this one.
    func firstRun(of number: WorkflowNumber) throws(StoreError) -> WorkflowNumber {
        let statement = try prepared(.firstRun)
        statement.bind(1, number)
        return try statement.first { $0.int(0) } ?? number
    }

    /// The last of those as which this one was continued.
    func newestRun(of number: WorkflowNumber) throws(StoreError) -> WorkflowNumber {
        if try isOpen(number) { return number }
        let statement = try prepared(.newestRun)
        statement.bind(1, try firstRun(of: number))
        return try statement.first { $0.int(0) } ?? number
    }

    /// The end of a run and the beginning of the next, if it is the executor's.
    func goOn(_ continuation: Continuation, by executor: ExecutorID) throws(StoreError) {
        let (previous, number) = (continuation.previous, continuation.number)
        guard try end(continuation.outcome, by: executor), let earlier = try workflow(previous) else { return }
        let record = continuation.record(after: earlier)
        guard try insert(record, owner: executor) else { throw .numberTaken(number) }
        let begun = try prepared(.makeBegun)
        begun.bind(1, number)
        begun.bind(2, try returnLane(of: self.number(of: record.lane)))
        try begun.run()
        try setNewestRun(of: continuation.id, record)
        try insert(continuation.link)
        let slots = try prepared(.giveSlots)
        slots.bind(1, previous)
        slots.bind(2, number)
        try slots.run()
        try moveInbox(of: previous, to: number, behind: continuation.inbox)
        for query in [Query.clearInbox, .clearPending, .clearAside] {
            let statement = try prepared(query)
            statement.bind(1, previous)
            try statement.run()
        }
        for item in continuation.closing { try deliver(item) }
    }

    /// The rows keep their places in the order of arrival; what the new run is given first goes before them.
    private func moveInbox(of previous: WorkflowNumber, to number: WorkflowNumber, behind first: [InboxItem]) throws(StoreError) {
        let statement = try prepared(.moveInbox)
        statement.bind(1, previous)
        statement.bind(2, number)
        for (index, kind) in [InboxKind.cancel, .terminate, .message, .request, .intervention].enumerated() {
            statement.bind(Int32(index) + 3, Int64(kind.rawValue))
        }
        try statement.bind(8, InterventionKind.pause.rawValue)
        try statement.run()
        let interventions = try prepared(.moveInterventions)
        interventions.bind(1, number)
        for (index, kind) in [InboxKind.intervention, .cancel, .terminate].enumerated() {
            interventions.bind(Int32(index) + 2, Int64(kind.rawValue))
        }
        try interventions.run()
        for item in first.reversed() {
            let statement = try prepared(.putFirst)
            statement.bind(1, number)
            statement.bind(2, Int64(item.kind.rawValue))
            statement.bind(3, item.reference)
            try statement.bind(4, item.payload)
            try statement.bind(6, item.topic)
            try statement.bind(7, item.key)
            try statement.run()
        }
    }
}
