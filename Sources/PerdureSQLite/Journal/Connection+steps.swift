internal import CSQLite
internal import Perdure

extension Query {
    fileprivate static let insertStep = Query(
        """
        INSERT INTO perdure_steps
            (workflow, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT DO NOTHING
        """)
    fileprivate static let step = Query(
        """
        SELECT workflow, key, ord, kind, started, finished, attempts, output, output_codec, error, error_codec
        FROM perdure_steps WHERE workflow = ?1 AND key = ?2
        """)
    fileprivate static let deletePending = Query("DELETE FROM perdure_pending WHERE workflow = ?1 AND key = ?2")
    fileprivate static let consume = Query("DELETE FROM perdure_inbox WHERE sequence = ?1 AND workflow = ?2")
    fileprivate static let clearCrashes = Query(
        "UPDATE perdure_live SET crashes = 0 WHERE number = ?1 AND executor = ?2 AND state = 1")
    fileprivate static let upsertPending = Query(
        """
        INSERT INTO perdure_pending (workflow, key, attempt, started, due, error, error_codec, progress, progress_codec, held_by)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?11
        WHERE EXISTS (SELECT 1 FROM perdure_live WHERE number = ?1 AND executor = ?10 AND state = 1)
            AND NOT EXISTS (SELECT 1 FROM perdure_steps WHERE workflow = ?1 AND key = ?2)
        ON CONFLICT (workflow, key) DO UPDATE SET
            attempt = excluded.attempt, started = excluded.started, due = excluded.due, error = excluded.error,
            error_codec = excluded.error_codec, progress = excluded.progress, progress_codec = excluded.progress_codec,
            held_by = excluded.held_by
        """)
}

extension Connection {
    /// Inserts a step; false if a row is there already under its key.
    ///
    /// The hottest statement of all: nothing is copied on the way.
    func insert(_ step: StepRecord) throws(StoreError) -> Bool {
        let statement = try prepared(.insertStep)
        statement.bind(1, step.workflow)
        statement.bind(3, step.order)
        statement.bind(4, Int64(step.kind.rawValue))
        statement.bind(5, step.started)
        statement.bind(6, step.finished)
        statement.bind(7, Int64(step.attempts))
        var key = step.key
        var hasNUL = false
        let code: Int32 = key.withUTF8 { utf8 in
            hasNUL = unsafe utf8.contains(0)
            if hasNUL { return SQLITE_DONE }
            let code = unsafe statement.bind(2, text: utf8, copying: false)
            guard code == SQLITE_OK else { return code }
            return statement.lending(step.output, at: 8) {
                statement.lending(step.error, at: 10) { unsafe sqlite3_step(statement.handle) }
            }
        }
        defer { statement.reset() }
        if hasNUL { throw StoreError.nul("the key of a step") }
        guard code == SQLITE_DONE else { throw statement.error(code) }
        return changes > 0
    }

    func step(_ workflow: WorkflowNumber, _ key: String) throws(StoreError) -> StepRecord? {
        let statement = try prepared(.step)
        statement.bind(1, workflow)
        try statement.bind(2, key)
        return try statement.first { row throws(StoreError) in try StepRecord(row) }
    }

    /// A completed step; what was there before it wins.
    func record(
        _ step: StepRecord, hadPending: Bool, consumes: [Int64], by executor: ExecutorID
    ) throws(StoreError) -> CommandResult {
        var recorded: StepRecord?
        if try !insert(step) { recorded = try self.step(step.workflow, step.key) }
        if hadPending { try deletePending(step.workflow, step.key) }
        // Another row did not consume what this one would have.
        if recorded == nil || recorded == step { for sequence in consumes { try settle(sequence, of: step.workflow) } }
        if let recorded { return .recorded(recorded) }
        try progressed(step.workflow, by: executor)
        return .done
    }

    func consume(_ sequence: Int64, of workflow: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.consume)
        statement.bind(1, sequence)
        statement.bind(2, workflow)
        try statement.run()
    }

    func deletePending(_ workflow: WorkflowNumber, _ key: String) throws(StoreError) {
        let statement = try prepared(.deletePending)
        statement.bind(1, workflow)
        try statement.bind(2, key)
        try statement.run()
    }

    /// Whoever gets on is no cause of crashes; the owner's progress is what counts.
    func progressed(_ workflow: WorkflowNumber, by executor: ExecutorID) throws(StoreError) {
        guard !crashed.isEmpty, crashed.contains(workflow) else { return }
        let statement = try prepared(.clearCrashes)
        statement.bind(1, workflow)
        statement.bind(2, executor)
        try statement.run()
        if changes > 0 { recovered.append(workflow) }
    }

    /// Only the owner's, or a batch that is sent again would write over what the next owner has reported.
    func report(_ pending: PendingRecord, by executor: ExecutorID) throws(StoreError) {
        try StoreError.checkNUL(pending.key, "the key of a step")
        let statement = try prepared(.upsertPending)
        statement.bind(1, pending.workflow)
        try statement.bind(2, pending.key)
        statement.bind(3, Int64(pending.attempt))
        statement.bind(4, pending.started)
        statement.bind(5, pending.due)
        try statement.bind(6, pending.error)
        try statement.bind(8, pending.progress)
        statement.bind(10, executor)
        statement.bind(11, pending.heldBy)
        try statement.run()
    }
}

extension StepRecord {
    /// Of the columns in the order of the table.
    init(_ row: Statement) throws(StoreError) {
        guard let kind = Int16(exactly: row.int(3)).flatMap(StepKind.init(rawValue:)) else {
            throw StoreError(
                .rejected,
                "step '\(row.text(1))' of workflow \(row.int(0)) is of an unknown kind (\(row.int(3))): its row was edited, or is of a "
                    + "newer version")
        }
        self.init(
            workflow: row.int(0), key: row.text(1), order: row.optionalInt(2), kind: kind, output: row.payload(7), error: row.payload(9),
            started: row.int(4), finished: row.int(5), attempts: Int32(clamping: row.int(6)))
    }
}

extension StoreError {
    static func nul(_ what: String) -> StoreError {
        StoreError(.rejected, "\(what) contains a NUL character, which ends a text for half of the tools that will read it")
    }

    static func checkNUL(_ text: String, _ what: String) throws(StoreError) {
        if text.utf8.contains(0) { throw nul(what) }
    }
}
