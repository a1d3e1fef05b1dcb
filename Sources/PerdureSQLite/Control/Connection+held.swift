internal import Perdure

extension Query {
    fileprivate static let allPauses = Query(
        """
        SELECT number, kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker, revision
        FROM perdure_pauses ORDER BY number
        """)
    fileprivate static let openPauses = Query(
        """
        SELECT number, kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker, revision
        FROM perdure_pauses WHERE ended IS NULL ORDER BY number
        """)
    fileprivate static let onePause = Query(
        """
        SELECT number, kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker, revision
        FROM perdure_pauses WHERE kind = ?1 AND name = ?2 AND scope = ?3
        """)
    fileprivate static let putPause = Query(
        """
        INSERT INTO perdure_pauses AS p (kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (kind, name, scope) DO UPDATE SET by_whom = excluded.by_whom, reason = excluded.reason, since = excluded.since,
            until = excluded.until, ended = excluded.ended, ended_by = excluded.ended_by, breaker = excluded.breaker,
            revision = p.revision + 1
        WHERE p.revision = ?11 RETURNING number, kind, name, scope, by_whom, reason, since, until, ended, ended_by, breaker, revision
        """)
    /// Each by a look behind the one before: there may be very many rows of each.
    fileprivate static let nextHolder = Query(
        "SELECT held_by FROM perdure_pending WHERE held_by > ?1 ORDER BY held_by LIMIT 1")
    fileprivate static let held = Query(
        "SELECT workflow FROM perdure_pending WHERE held_by = ?1 AND workflow > ?2 ORDER BY workflow LIMIT ?3")
    fileprivate static let wakeHeld = Query(
        "UPDATE perdure_live SET state = 0, due = NULL, turn = ?2 WHERE number = ?1 AND state = 2")
    fileprivate static let letGo = Query("UPDATE perdure_pending SET held_by = NULL WHERE workflow = ?1 AND held_by = ?2")
}

// What is paused for all engines.
extension Connection {
    func pauses(all: Bool) throws(StoreError) -> [PauseRow] {
        try prepared(all ? .allPauses : .openPauses).all { PauseRow($0) }.compactMap { $0 }
    }

    func pause(of subject: PauseSubject) throws(StoreError) -> PauseRow? {
        let statement = try prepared(.onePause)
        try bind(subject, to: statement)
        return try statement.first { PauseRow($0) } ?? nil
    }

    private func bind(_ subject: PauseSubject, to statement: Statement) throws(StoreError) {
        try statement.bind(1, subject.kind.rawValue)
        try statement.bind(2, subject.name)
        try statement.bind(3, subject.scope)
    }

    /// nil if the row is of another revision.
    func put(_ row: PauseRow, over revision: Int64) throws(StoreError) -> PauseRow? {
        let statement = try prepared(.putPause)
        try bind(row.subject, to: statement)
        try statement.bind(4, row.by)
        try statement.bind(5, row.reason)
        statement.bind(6, row.since)
        statement.bind(7, row.until)
        statement.bind(8, row.ended)
        try statement.bind(9, row.endedBy)
        try statement.bind(10, row.breaker?.text)
        statement.bind(11, revision)
        return try statement.first { PauseRow($0) } ?? nil
    }

    func holders() throws(StoreError) -> [Int64] {
        var holders: [Int64] = []
        while true {
            let statement = try prepared(.nextHolder)
            statement.bind(1, holders.last ?? .min)
            guard let next = try statement.first({ $0.int(0) }) else { return holders }
            holders.append(next)
        }
    }

    func wakeHeld(by number: Int64, after workflow: WorkflowNumber, limit: Int, most: Int) throws(StoreError) -> WakeReport {
        let statement = try prepared(.held)
        statement.bind(1, number)
        statement.bind(2, workflow)
        statement.bind(3, Int64(limit))
        let found = try statement.all { $0.int(0) }
        var woken = 0
        for workflow in found where woken < most {
            let wake = try prepared(.wakeHeld)
            wake.bind(1, workflow)
            wake.bind(2, try nextTurn())
            try wake.run()
            // An executor has it, or it is woken already.
            if changes == 0 { continue }
            woken += 1
            let letGo = try prepared(.letGo)
            letGo.bind(1, workflow)
            letGo.bind(2, number)
            try letGo.run()
        }
        return WakeReport(woken: woken, next: found.count < limit ? nil : found.last)
    }
}

extension PauseRow {
    /// nil for a kind that only a newer version knows.
    fileprivate init?(_ row: Statement) {
        guard let kind = PauseKind(rawValue: row.text(1)) else { return nil }
        self.init(
            number: row.int(0), subject: PauseSubject(kind, row.text(2), in: row.text(3)), by: row.text(4), reason: row.optionalText(5),
            since: row.int(6), until: row.optionalInt(7), ended: row.optionalInt(8), endedBy: row.optionalText(9),
            breaker: row.optionalText(10).flatMap { BreakerState(text: $0) }, revision: row.int(11))
    }
}
