internal import Perdure

extension Query {
    /// Who has it, whether the step is recorded, and whether it has a row in `pending`.
    fileprivate static let stepInHand = Query(
        """
        SELECT l.state, EXISTS (SELECT 1 FROM perdure_steps WHERE workflow = ?1 AND key = ?2),
            EXISTS (SELECT 1 FROM perdure_pending WHERE workflow = ?1 AND key = ?2)
        FROM perdure_live AS l WHERE l.number = ?1
        """)
    fileprivate static let insertIntervention = Query(
        """
        INSERT INTO perdure_interventions (workflow, kind, step, by_whom, reason, asked, applied) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        """)
    /// Whether it is open, and whether the same was asked by the same for the same reason.
    fileprivate static let asked = Query(
        """
        SELECT EXISTS (SELECT 1 FROM perdure_interventions WHERE workflow = ?1 AND kind = ?2 AND by_whom = ?3 AND reason IS ?4)
        FROM perdure_live WHERE number = ?1
        """)
    fileprivate static let stateOfLive = Query("SELECT state FROM perdure_live WHERE number = ?1")
    fileprivate static let discard = Query(
        """
        DELETE FROM perdure_inbox WHERE sequence = (
            SELECT min(sequence) FROM perdure_inbox WHERE workflow = ?1 AND kind = ?2 AND topic = ?3) RETURNING sequence
        """)
    fileprivate static let consumeIntervention = Query(
        "DELETE FROM perdure_inbox WHERE sequence = ?1 AND workflow = ?2 RETURNING kind, reference")
    fileprivate static let apply = Query("UPDATE perdure_interventions SET applied = 1 WHERE number = ?1 AND workflow = ?2")
    fileprivate static let interventions = Query(
        """
        SELECT i.number, i.workflow, i.kind, i.step, i.by_whom, i.reason, i.asked, v.state
        FROM perdure_interventions AS i JOIN perdure_workflow_interventions AS v ON v.intervention_number = i.number
        WHERE i.workflow = ?1 ORDER BY i.number
        """)
}

extension Connection {
    func intervene(_ asked: StepIntervention) throws(StoreError) -> InterventionResult {
        var intervention = asked
        intervention.workflow = try newestRun(of: asked.workflow)
        let found = try prepared(.stepInHand)
        found.bind(1, intervention.workflow)
        try found.bind(2, intervention.step)
        let step = try found.first { (isOwned: $0.int(0) == 1, isRecorded: $0.int(1) != 0, isPending: $0.int(2) != 0) }
        guard let step else { return .ended }
        if step.isRecorded { return .completed }
        guard step.isOwned || step.isPending else { return .notPending }
        let number = try insertIntervention(
            intervention.workflow, intervention.kind, step: intervention.step, intervention.instruction, isApplied: false)
        try deliver(intervention.item(number))
        return .accepted
    }

    func ask(_ end: AskedEnd, of asked: WorkflowNumber, _ instruction: Instruction) throws(StoreError) -> Bool {
        let number = try newestRun(of: asked)
        let found = try prepared(.asked)
        found.bind(1, number)
        try found.bind(2, end.intervention.rawValue)
        try found.bind(3, instruction.by)
        try found.bind(4, instruction.reason)
        guard let isKnown = try found.first({ $0.int(0) != 0 }) else { return false }
        if isKnown { return true }
        // Should the run go on as a new one first, both go with it.
        let made = try insertIntervention(number, end.intervention, instruction, isApplied: true)
        try deliver(InboxItem(workflow: number, kind: end.inbox, reference: made))
        return true
    }

    func discard(_ topic: String, of asked: WorkflowNumber, _ instruction: Instruction) throws(StoreError) -> DiscardResult {
        let number = try newestRun(of: asked)
        let live = try prepared(.stateOfLive)
        live.bind(1, number)
        guard let state = try live.first({ LiveState(rawValue: Int16(clamping: $0.int(0))) }) else { return .ended }
        guard state == .setAside || state == .paused else { return .running }
        let statement = try prepared(.discard)
        statement.bind(1, number)
        statement.bind(2, Int64(InboxKind.message.rawValue))
        try statement.bind(3, topic)
        guard try statement.first({ _ in true }) == true else { return .nothing }
        try insertIntervention(number, .discardMessage, step: topic, instruction, isApplied: true)
        return .discarded
    }

    @discardableResult
    func insertIntervention(
        _ number: WorkflowNumber, _ kind: InterventionKind, step: String? = nil, _ instruction: Instruction, isApplied: Bool
    ) throws(StoreError) -> Int64 {
        let statement = try prepared(.insertIntervention)
        statement.bind(1, number)
        try statement.bind(2, kind.rawValue)
        try statement.bind(3, step)
        try statement.bind(4, instruction.by)
        try statement.bind(5, instruction.reason)
        statement.bind(6, instruction.at)
        statement.bind(7, isApplied ? 1 : 0)
        try statement.run()
        return lastRow
    }

    /// Deletes a row of the inbox with what came of it; what an operator asked by it is thereby done.
    func settle(_ sequence: Int64, of workflow: WorkflowNumber) throws(StoreError) {
        let statement = try prepared(.consumeIntervention)
        statement.bind(1, sequence)
        statement.bind(2, workflow)
        let found = try statement.first { (kind: $0.int(0), reference: $0.optionalInt(1)) }
        guard let found, found.kind == Int64(InboxKind.intervention.rawValue), let number = found.reference else { return }
        let applied = try prepared(.apply)
        applied.bind(1, number)
        applied.bind(2, workflow)
        try applied.run()
    }

    func interventions(of number: WorkflowNumber) throws(StoreError) -> [InterventionRecord] {
        let statement = try prepared(.interventions)
        statement.bind(1, number)
        return try statement.all { row in
            InterventionRecord(
                kind: row.text(2), number: row.int(0), workflow: row.int(1), step: row.optionalText(3),
                instruction: Instruction(by: row.text(4), reason: row.optionalText(5), at: row.int(6)), state: row.text(7))
        }.compactMap { $0 }
    }
}
