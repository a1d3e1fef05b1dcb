internal import Perdure

extension Query {
    fileprivate static let row = Query(
        """
        SELECT name, definition, input, codec, declared, revision, handled, due, next, waiting, backfills, open, runs_left, paused_at,
            pause_reason, started, skipped, missed, dropped, last_at, last_id, triggered, declared_at
        FROM perdure_schedule_rows WHERE name = ?1
        """)
    fileprivate static let write = Query(
        """
        INSERT INTO perdure_schedule_rows (name, definition, input, codec, declared, revision, handled, due, next, waiting, backfills, open,
            runs_left, paused_at, pause_reason, started, skipped, missed, dropped, last_at, last_id, triggered)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
        ON CONFLICT (name) DO UPDATE SET definition = ?2, input = ?3, codec = ?4, declared = ?5, revision = ?6, handled = ?7, due = ?8,
            next = ?9, waiting = ?10, backfills = ?11, open = ?12, runs_left = ?13, paused_at = ?14, pause_reason = ?15, started = ?16,
            skipped = ?17, missed = ?18, dropped = ?19, last_at = ?20, last_id = ?21, triggered = ?22
        """)
    fileprivate static let delete = Query("DELETE FROM perdure_schedule_rows WHERE name = ?1")
    fileprivate static let deleteFires = Query("DELETE FROM perdure_fires WHERE schedule = ?1")
    fileprivate static let names = Query("SELECT name FROM perdure_schedule_rows ORDER BY name")
    fileprivate static let due = Query("SELECT name FROM perdure_schedule_rows WHERE due <= ?1 ORDER BY due LIMIT ?2")
    fileprivate static let next = Query("SELECT min(due) FROM perdure_schedule_rows")
    fileprivate static let declare = Query(
        """
        INSERT INTO perdure_declared_schedules (executor, schedule) SELECT executor, ?2 FROM perdure_executors WHERE executor = ?1
        ON CONFLICT DO NOTHING
        """)
    fileprivate static let setDeclared = Query(
        "UPDATE perdure_schedule_rows SET declared_at = ?2 WHERE name = ?1 AND declared IS NOT NULL")
    fileprivate static let isDeclared = Query(
        """
        SELECT 1 FROM perdure_declared_schedules AS d JOIN perdure_executors AS e ON e.executor = d.executor
        WHERE d.schedule = ?1 AND e.lease_until > ?2
        """)
    /// Whether an executor runs it that has started since.
    fileprivate static let isServedSince = Query(
        """
        SELECT 1 FROM perdure_served AS v JOIN perdure_executors AS e ON e.executor = v.executor
        WHERE v.name = ?1 AND e.lease_until > ?2 AND e.started > ?3
        """)
    fileprivate static let serves = Query("SELECT 1 FROM perdure_served WHERE executor = ?1 AND name = ?2")
    fileprivate static let isLive = Query("SELECT 1 FROM perdure_live WHERE number = ?1")
}

/// A row of a schedule, and when it was declared last.
struct StoredScheduleRow: Sendable {
    var row: ScheduleRow
    var declaredAt: Microseconds?

    init(_ statement: Statement) {
        var state = ScheduleState(handled: statement.int(6), due: statement.int(7), runsLeft: statement.optionalInt(12).map(Int.init))
        state.next = statement.optionalInt(8)
        state.waiting = [ScheduledStart](words: statement.text(9))
        state.backfills = [ScheduleBackfill](words: statement.text(10))
        state.open = [ScheduledRun](words: statement.text(11))
        (state.paused, state.pauseReason) = (statement.optionalInt(13), statement.optionalText(14))
        (state.started, state.skipped) = (statement.int(15), statement.int(16))
        (state.missed, state.dropped) = (statement.int(17), statement.int(18))
        (state.lastAt, state.lastID, state.triggered) = (statement.optionalInt(19), statement.optionalText(20), statement.int(21))
        row = ScheduleRow(
            name: statement.text(0), text: statement.text(1),
            input: EncodedPayload(codec: Int16(clamping: statement.int(3)), bytes: statement.bytes(2)), declared: statement.optionalText(4),
            revision: statement.int(5), state: state)
        declaredAt = statement.optionalInt(22)
    }
}

extension Connection {
    func schedule(_ name: String) throws(StoreError) -> StoredScheduleRow? {
        let statement = try prepared(.row)
        try statement.bind(1, name)
        return try statement.first { StoredScheduleRow($0) }
    }

    func scheduleNames() throws(StoreError) -> [String] { try prepared(.names).all { $0.text(0) } }

    func dueSchedules(_ now: Microseconds, limit: Int) throws(StoreError) -> [String] {
        let statement = try prepared(.due)
        statement.bind(1, min(now, .max - 1))
        statement.bind(2, Int64(limit))
        return try statement.all { $0.text(0) }
    }

    func nextSchedule() throws(StoreError) -> Microseconds? {
        let next = try prepared(.next).first { $0.optionalInt(0) } ?? nil
        return next == .max ? nil : next
    }

    func write(_ row: ScheduleRow) throws(StoreError) {
        try StoreError.checkNUL(row.name, "the name of a schedule")
        let (statement, state) = (try prepared(.write), row.state)
        try statement.bind(1, row.name)
        try statement.bind(2, row.text)
        try statement.bind(3, row.input)
        try statement.bind(5, row.declared)
        statement.bind(6, row.revision)
        statement.bind(7, state.handled)
        statement.bind(8, state.due)
        statement.bind(9, state.next)
        try statement.bind(10, state.waiting.words)
        try statement.bind(11, state.backfills.words)
        try statement.bind(12, state.open.words)
        statement.bind(13, state.runsLeft.map(Int64.init))
        statement.bind(14, state.paused)
        try statement.bind(15, state.pauseReason)
        for (index, count) in zip(Int32(16)..., [state.started, state.skipped, state.missed, state.dropped]) {
            statement.bind(index, count)
        }
        statement.bind(20, state.lastAt)
        try statement.bind(21, state.lastID)
        statement.bind(22, state.triggered)
        try statement.run()
    }

    func deleteSchedule(_ name: String) throws(StoreError) {
        for query in [Query.deleteFires, .delete] {
            let statement = try prepared(query)
            try statement.bind(1, name)
            try statement.run()
        }
    }

    /// It stands in the code of that executor.
    func declareSchedule(_ name: String, by executor: ExecutorID, now: Microseconds) throws(StoreError) {
        let declare = try prepared(.declare)
        declare.bind(1, executor)
        try declare.bind(2, name)
        try declare.run()
        let set = try prepared(.setDeclared)
        try set.bind(1, name)
        set.bind(2, now)
        try set.run()
    }

    private func isDeclared(_ name: String, now: Microseconds) throws(StoreError) -> Bool {
        let statement = try prepared(.isDeclared)
        try statement.bind(1, name)
        statement.bind(2, now)
        return try statement.first { _ in true } ?? false
    }

    func isOrphaned(_ stored: StoredScheduleRow, now: Microseconds) throws(StoreError) -> Bool {
        guard stored.row.declared != nil, let declaredAt = stored.declaredAt, let workflow = stored.row.definition?.workflow,
            try !isDeclared(stored.row.name, now: now)
        else { return false }
        let statement = try prepared(.isServedSince)
        try statement.bind(1, workflow)
        statement.bind(2, now)
        statement.bind(3, declaredAt)
        return try statement.first { _ in true } ?? false
    }

    func serves(_ executor: ExecutorID, _ workflow: String?) throws(StoreError) -> Bool {
        let statement = try prepared(.serves)
        statement.bind(1, executor)
        try statement.bind(2, workflow)
        return try statement.first { _ in true } ?? false
    }

    func isLive(_ number: WorkflowNumber) throws(StoreError) -> Bool {
        let statement = try prepared(.isLive)
        statement.bind(1, number)
        return try statement.first { _ in true } ?? false
    }

    func listing(_ stored: StoredScheduleRow, now: Microseconds) throws(StoreError) -> ScheduleListing {
        var running = 0
        for run in stored.row.state.open where try isLive(newestRun(of: run.number)) { running += 1 }
        return ScheduleListing(
            row: stored.row, running: running, isOrphaned: try isOrphaned(stored, now: now),
            hasConflict: stored.row.declared == nil ? try isDeclared(stored.row.name, now: now) : false)
    }
}
