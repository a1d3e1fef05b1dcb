internal import Perdure

extension Query {
    fileprivate static let holder = Query(
        """
        SELECT d.number, d.since, w.name, l.state IN (0, 2) AND n.returned = 0
        FROM (SELECT queue, key, since, coalesce((SELECT r.number FROM perdure_successors AS r WHERE r.first = coalesce(
            (SELECT k.first FROM perdure_successors AS k WHERE k.number = h.number), h.number) ORDER BY r.place DESC LIMIT 1), h.number) AS number
            FROM perdure_deduplications AS h WHERE h.queue = ?1 AND h.key = ?2) AS d JOIN perdure_workflows AS w ON w.number = d.number
        LEFT JOIN perdure_live AS l ON l.number = d.number LEFT JOIN perdure_lanes AS n ON n.lane = l.lane
        WHERE d.queue = ?1 AND d.key = ?2 AND NOT EXISTS (SELECT 1 FROM perdure_outcomes AS o WHERE o.workflow = d.number)
        """)
    /// Who redrives it must know what others have it by now.
    fileprivate static let noteKey = Query(
        """
        UPDATE perdure_letters SET unique_key = ?2 WHERE redriven IS NULL AND number = (SELECT coalesce((SELECT r.number
            FROM perdure_successors AS r WHERE r.first = coalesce((SELECT k.first FROM perdure_successors AS k WHERE k.number = h.number), h.number)
            ORDER BY r.place DESC LIMIT 1), h.number) FROM perdure_deduplications AS h WHERE h.queue = ?1 AND h.key = ?2)
        """)
    fileprivate static let keyOfLetter = Query(
        """
        SELECT coalesce(l.unique_key, (SELECT d.key FROM perdure_deduplications AS d WHERE d.queue = l.queue AND d.number IN (l.number,
            (SELECT r.first FROM perdure_successors AS r WHERE r.number = l.number)))) FROM perdure_letters AS l WHERE l.number = ?1
        """)
    fileprivate static let take = Query(
        """
        INSERT INTO perdure_deduplications (queue, key, number, since) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET number = excluded.number, since = excluded.since
        """)
    fileprivate static let replaceInput = Query(
        """
        UPDATE perdure_workflows SET input = ?2, codec = ?3, attributes = ?4, attributes_codec = ?5, due = ?6, deadline = ?7, expires = ?8
        WHERE number = ?1
        """)
    fileprivate static let postponeLive = Query(
        "UPDATE perdure_live SET due = ?2, deadline = ?3, expires = ?4 WHERE number = ?1")
    fileprivate static let renewLive = Query("UPDATE perdure_live SET deadline = ?3, expires = ?4 WHERE number = ?1")
}

/// Who has a deduplication key, and has not ended.
private struct KeyHolder {
    var number: WorkflowNumber
    /// When the first call came.
    var since: Microseconds
    var name: String
    var hasNotBegun: Bool
}

extension Connection {
    /// What becomes of a start under a deduplication key; nil: it is new.
    func judge(
        _ record: WorkflowRecord, _ deduplication: StoredDeduplication, asking: ExecutorID?
    ) throws(StoreError) -> StartResult? {
        try StoreError.checkNUL(deduplication.key, "a deduplication key")
        if let answer = try resent(record, asking: asking) { return answer }
        guard let holder = try holder(of: deduplication.key, in: record.lane.queue) else { return nil }
        switch deduplication.policy {
        case .reject: return .duplicate(holder.number)
        case .useExisting: return .existing(holder.number)
        case .replace where !holder.hasNotBegun: return nil
        case .cancelExisting where !holder.hasNotBegun:
            try deliver(InboxItem(workflow: holder.number, kind: .cancel))
            return nil
        case .replace, .cancelExisting:
            guard holder.name == record.lane.workflow else { return .otherType(holder.name) }
            try replace(holder, by: record, deduplication)
            return .existing(holder.number)
        }
    }

    /// From now on the key is this one's.
    func take(_ key: String, for record: WorkflowRecord) throws(StoreError) {
        let note = try prepared(.noteKey)
        try note.bind(1, record.lane.queue)
        try note.bind(2, key)
        try note.run()
        let statement = try prepared(.take)
        try statement.bind(1, record.lane.queue)
        try statement.bind(2, key)
        statement.bind(3, record.number)
        statement.bind(4, record.created)
        try statement.run()
    }

    /// The key by which a dead letter kept others out is the new run's; false if somebody open has it.
    func retakeKey(of letter: WorkflowNumber, for record: WorkflowRecord) throws(StoreError) -> Bool {
        let queue = record.lane.queue
        let statement = try prepared(.keyOfLetter)
        statement.bind(1, letter)
        var key = try statement.first { $0.optionalText(0) } ?? nil
        if key == nil, let text = try declaration(of: queue), let rules = QueueRules(text: text), rules.singleton != nil {
            key = StoredDeduplication.singletonKey(record.lane.key)
        }
        guard let key else { return true }
        if try holder(of: key, in: queue) != nil { return false }
        try take(key, for: record)
        return true
    }

    private func holder(of key: String, in queue: String) throws(StoreError) -> KeyHolder? {
        let statement = try prepared(.holder)
        try statement.bind(1, queue)
        try statement.bind(2, key)
        return try statement.first { row in
            KeyHolder(number: row.int(0), since: row.int(1), name: row.text(2), hasNotBegun: row.int(3) != 0)
        }
    }

    /// It keeps its place, and its key.
    private func replace(
        _ holder: KeyHolder, by record: WorkflowRecord, _ deduplication: StoredDeduplication
    ) throws(StoreError) {
        guard var held = try workflow(holder.number) else { return }
        held.take(record, deduplication, since: holder.since)
        let statement = try prepared(.replaceInput)
        statement.bind(1, held.number)
        try statement.bind(2, held.input)
        try statement.bind(4, held.attributes)
        statement.bind(6, held.due)
        statement.bind(7, held.deadline)
        statement.bind(8, held.expires)
        try statement.run()
        try replaceAttributes(of: held)
        let live = try prepared(deduplication.isDebounced ? .postponeLive : .renewLive)
        live.bind(1, held.number)
        if deduplication.isDebounced { live.bind(2, held.due) }
        live.bind(3, held.deadline)
        live.bind(4, held.expires)
        try live.run()
    }
}
