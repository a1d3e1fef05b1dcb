internal import Perdure

extension Query {
    fileprivate static let bury = Query(
        "INSERT INTO perdure_letters (number, queue, lane_key, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
    fileprivate static let all = Query(
        """
        SELECT d.number, w.id, w.queue, w.lane_key, w.priority, w.name, w.version, o.status, o.error, o.error_codec, o.finished
        FROM perdure_letters AS d JOIN perdure_workflows AS w ON w.number = d.number JOIN perdure_outcomes AS o ON o.workflow = d.number
        WHERE d.redriven IS NULL AND d.number > ?1 ORDER BY d.number LIMIT ?2
        """)
    fileprivate static let ofQueue = Query(
        """
        SELECT d.number, w.id, w.queue, w.lane_key, w.priority, w.name, w.version, o.status, o.error, o.error_codec, o.finished
        FROM perdure_letters AS d JOIN perdure_workflows AS w ON w.number = d.number JOIN perdure_outcomes AS o ON o.workflow = d.number
        WHERE d.redriven IS NULL AND d.queue = ?3 AND d.number > ?1 ORDER BY d.number LIMIT ?2
        """)
    fileprivate static let letter = Query("SELECT redriven FROM perdure_letters WHERE number = ?1")
    fileprivate static let mark = Query("UPDATE perdure_letters SET redriven = ?2 WHERE number = ?1")
}

extension Connection {
    func bury(_ number: WorkflowNumber, _ place: QueuePlace, at moment: Microseconds) throws(StoreError) {
        let statement = try prepared(.bury)
        statement.bind(1, number)
        try statement.bind(2, place.queue)
        try statement.bind(3, place.key)
        statement.bind(4, moment)
        try statement.run()
    }

    func deadLetters(of queue: String?, after number: WorkflowNumber, limit: Int) throws(StoreError) -> [DeadLetterRecord] {
        let statement = try prepared(queue == nil ? .all : .ofQueue)
        statement.bind(1, number)
        statement.bind(2, Int64(max(0, limit)))
        if let queue { try statement.bind(3, queue) }
        return try statement.all { row throws(StoreError) in
            guard let status = Int16(exactly: row.int(7)).flatMap(OutcomeStatus.init(rawValue:)) else {
                throw StoreError(.rejected, "the outcome of workflow \(row.int(0)) has an unknown status (\(row.int(7)))")
            }
            let lane = Lane(
                queue: row.text(2), key: row.text(3), priority: Int16(clamping: row.int(4)), workflow: row.text(5), version: row.text(6))
            return DeadLetterRecord(
                number: row.int(0), id: row.optionalText(1), lane: lane, status: status, error: row.payload(8), finished: row.int(10))
        }
    }

    /// False if it is no dead letter, or was started again under another number, or another that is open has the key that keeps others out.
    ///
    /// One that was started under this one is as good as started by this call.
    func redrive(_ old: WorkflowNumber, as new: WorkflowNumber, now: Microseconds) throws(StoreError) -> Bool {
        let letter = try prepared(.letter)
        letter.bind(1, old)
        guard let redriven = try letter.first({ $0.optionalInt(0) }), let record = try workflow(old) else { return false }
        if let redriven { return redriven == new }
        if try workflow(new) != nil { throw StoreError.numberTaken(new) }
        var again = record.redriven(as: new, at: now)
        if let id = record.id, try run(ofID: id)?.number == old { again.id = id }
        guard try retakeKey(of: old, for: again) else { return false }
        _ = try insert(again, owner: nil)
        if let id = again.id { try setNewestRun(of: id, again) }
        let mark = try prepared(.mark)
        mark.bind(1, old)
        mark.bind(2, new)
        try mark.run()
        return true
    }
}
