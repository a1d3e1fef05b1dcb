package import Perdure

// What operators do.
extension PostgresStore {
    package func intervene(_ intervention: StepIntervention) async throws(StoreError) -> InterventionResult {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (step, by) = (try ParameterBuffer.text(intervention.step), try ParameterBuffer.text(intervention.instruction.by))
            let reason = try intervention.instruction.reason.map { reason throws(StoreError) in try ParameterBuffer.text(reason) }
            let rows = try session.query(
                Statement(
                    "perdure_intervene", isPrepared: false,
                    "SELECT \(s).intervene($1::int8, $2::text, $3::text, $4::bytea, $5::int2, $6::text, $7::text, $8::int8)"),
                [
                    .int8(intervention.workflow), .text(intervention.kind.rawValue), step,
                    intervention.payload.map { .bytes($0.bytes) }, intervention.payload.map { .int2($0.codec) }, by, reason,
                    .int8(intervention.instruction.at),
                ])
            return InterventionResult(rawValue: rows.text(0, 0)) ?? .accepted
        }
    }

    package func pause(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> PauseResult {
        let text = try await change("perdure_pause_workflow", "pause", number, instruction)
        return PauseResult(rawValue: text) ?? .accepted
    }

    package func resume(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        try await change("perdure_resume_recorded", "resume_recorded", number, instruction) == "true"
    }

    /// Somebody's open transaction may hold the row: that is not waited for.
    private func change(
        _ name: String, _ function: String, _ number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> String {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (by, reason) = try instruction.parameters()
            let statement = Statement(
                name, isPrepared: false, "SELECT \(s).\(function)($1::int8, $2::text, $3::text, $4::int8)::text")
            return try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = '1s'")
                return try session.query(statement, [.int8(number), by, reason, .int8(instruction.at)]).text(0, 0)
            }
        }
    }

    package func ask(_ end: AskedEnd, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (by, reason) = try instruction.parameters()
            let statement = Statement(
                "perdure_ask", isPrepared: false,
                "SELECT \(s).ask_recorded($1::int8, $2::text, $3::int4, $4::text, $5::text, $6::int8)")
            return try session.query(
                statement,
                [
                    .int8(number), .text(end.intervention.rawValue), .int4(Int32(end.inbox.rawValue)), by, reason, .int8(instruction.at),
                ]
            ).bool(0, 0)
        }
    }

    package func setAttributes(
        _ changes: AttributeChanges, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> AttributesResult {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (by, reason) = try instruction.parameters()
            let statement = Statement(
                "perdure_set_attributes", isPrepared: false,
                "SELECT \(s).set_attributes_recorded($1::int8, convert_from($2::bytea, 'UTF8')::json, $3::text, $4::text, $5::int8)")
            return try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = '1s'")
                let rows = try session.query(
                    statement, [.int8(number), .bytes(changes.payload.bytes), by, reason, .int8(instruction.at)])
                return AttributesResult(rawValue: rows.text(0, 0)) ?? .changed
            }
        }
    }

    package func discard(
        _ topic: String, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> DiscardResult {
        let s = schema
        return try await connection(.reads).runConnected { session throws(StoreError) in
            let (by, reason) = try instruction.parameters()
            let topic = try ParameterBuffer.text(topic)
            let statement = Statement(
                "perdure_discard", isPrepared: false, "SELECT \(s).discard($1::int8, $2::text, $3::text, $4::text, $5::int8)")
            return try session.transaction { () throws(StoreError) in
                try session.simple("SET LOCAL lock_timeout = '1s'")
                let rows = try session.query(statement, [.int8(number), topic, by, reason, .int8(instruction.at)])
                guard let result = DiscardResult(rawValue: rows.text(0, 0)) else {
                    throw StoreError(.rejected, "the schema '\(s)' answers '\(rows.text(0, 0))': it is of another version")
                }
                return result
            }
        }
    }

    package func interventions(of number: WorkflowNumber) async throws(StoreError) -> [InterventionRecord] {
        let s = schema
        return try await connection(.reads).run { session throws(StoreError) in
            let rows = try session.query(
                Statement(
                    "perdure_read_interventions", isPrepared: false,
                    """
                    SELECT i.number, i.kind, i.step, i.by_whom, i.reason, i.asked, \(interventionState(s))
                    FROM \(s).interventions i WHERE i.workflow = $1::int8 ORDER BY i.number
                    """), [.int8(number)])
            return rows.compactMap {
                InterventionRecord(
                    kind: rows.text($0, 1), number: rows.int($0, 0), workflow: number, step: rows.optionalText($0, 2),
                    instruction: Instruction(by: rows.text($0, 3), reason: rows.optionalText($0, 4), at: rows.int($0, 5)),
                    state: rows.text($0, 6))
            }
        }
    }
}

extension Instruction {
    /// By whom, and why.
    fileprivate func parameters() throws(StoreError) -> (by: ParameterBuffer, reason: ParameterBuffer?) {
        (try .text(by), try reason.map { reason throws(StoreError) in try .text(reason) })
    }
}
