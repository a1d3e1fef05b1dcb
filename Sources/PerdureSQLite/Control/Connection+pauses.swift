internal import Perdure

extension Query {
    fileprivate static let state = Query("SELECT state FROM perdure_live WHERE number = ?1")
    fileprivate static let pause = Query("UPDATE perdure_live SET state = 5, executor = NULL, probation = NULL WHERE number = ?1")
    fileprivate static let pauseOwned = Query(
        "UPDATE perdure_live SET state = 5, executor = NULL, probation = NULL, lane = ?2, due = NULL WHERE number = ?1")
    fileprivate static let pauses = Query(
        "SELECT sequence FROM perdure_inbox WHERE workflow = ?1 AND kind = ?2 AND topic = ?3")
    fileprivate static let resumePaused = Query(
        """
        UPDATE perdure_live SET state = 0, crashes = 0, turn = ?2,
            due = CASE WHEN (SELECT returned FROM perdure_lanes AS n WHERE n.lane = perdure_live.lane) THEN NULL ELSE due END
        WHERE number = ?1 AND state = 5
        """)
    fileprivate static let lastPause = Query(
        "SELECT by_whom, reason, asked FROM perdure_interventions WHERE workflow = ?1 AND kind = ?2 ORDER BY number DESC LIMIT 1")
}

extension Connection {
    func pause(_ asked: WorkflowNumber, _ instruction: Instruction) throws(StoreError) -> PauseResult {
        let number = try newestRun(of: asked)
        let found = try prepared(.state)
        found.bind(1, number)
        guard let state = try found.first({ LiveState(rawValue: Int16(clamping: $0.int(0))) }) else { return .ended }
        if state == .paused { return .already }
        if try !pauses(of: number).isEmpty { return .already }
        if state == .setAside { return .setAside }
        let intervention = try insertIntervention(number, .pause, instruction, isApplied: state != .owned)
        if state == .owned {
            try deliver(.pause(number, intervention))
            return .accepted
        }
        let statement = try prepared(.pause)
        statement.bind(1, number)
        try statement.run()
        return .paused
    }

    /// The rows of its inbox that ask its owner for it.
    private func pauses(of number: WorkflowNumber) throws(StoreError) -> [Int64] {
        let statement = try prepared(.pauses)
        statement.bind(1, number)
        statement.bind(2, Int64(InboxKind.intervention.rawValue))
        try statement.bind(3, InterventionKind.pause.rawValue)
        return try statement.all { $0.int(0) }
    }

    /// Nothing of it runs any more at its owner's; or it was resumed before that.
    func pauseOwned(_ number: WorkflowNumber, by executor: ExecutorID) throws(StoreError) {
        guard let row = try row(number, ownedBy: executor) else { return }
        let pauses = try pauses(of: number)
        if pauses.isEmpty { return try release(number, by: executor) }
        for sequence in pauses { try settle(sequence, of: number) }
        let statement = try prepared(.pauseOwned)
        statement.bind(1, number)
        statement.bind(2, row.hasBegun ? try returnLane(of: row.lane) : row.lane)
        try statement.run()
    }

    /// Also of a pause that its owner has not carried out.
    func resumePaused(_ number: WorkflowNumber) throws(StoreError) -> Bool {
        let statement = try prepared(.resumePaused)
        statement.bind(1, number)
        statement.bind(2, try nextTurn())
        try statement.run()
        if changes > 0 { return true }
        let pauses = try pauses(of: number)
        for sequence in pauses { try consume(sequence, of: number) }
        return !pauses.isEmpty
    }

    /// Who has paused it, and why.
    func lastPause(of number: WorkflowNumber) throws(StoreError) -> Instruction? {
        let statement = try prepared(.lastPause)
        statement.bind(1, number)
        try statement.bind(2, InterventionKind.pause.rawValue)
        return try statement.first { Instruction(by: $0.text(0), reason: $0.optionalText(1), at: $0.int(2)) }
    }
}
