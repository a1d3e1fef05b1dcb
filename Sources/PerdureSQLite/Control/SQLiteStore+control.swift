package import Perdure

// What operators do.
extension SQLiteStore {
    package func intervene(_ intervention: StepIntervention) async throws(StoreError) -> InterventionResult {
        try await writer.write { connection throws(StoreError) in try connection.intervene(intervention) }
    }

    package func pause(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> PauseResult {
        try await writer.write { connection throws(StoreError) in try connection.pause(number, instruction) }
    }

    package func resume(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        try await writer.write { connection throws(StoreError) in
            guard try connection.resume(number) else { return false }
            try connection.insertIntervention(connection.newestRun(of: number), .resume, instruction, isApplied: true)
            return true
        }
    }

    package func ask(_ end: AskedEnd, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        try await writer.write { connection throws(StoreError) in try connection.ask(end, of: number, instruction) }
    }

    package func setAttributes(
        _ changes: AttributeChanges, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> AttributesResult {
        try await writer.write { connection throws(StoreError) in
            let number = try connection.newestRun(of: number)
            guard let before = try connection.attributes(of: number) else { return .unknown }
            guard let after = changes.applied(to: before) else { return .tooMany }
            try connection.write(after, of: number)
            try connection.insertIntervention(number, .setAttributes, instruction, isApplied: true)
            return .changed
        }
    }

    package func discard(
        _ topic: String, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> DiscardResult {
        try await writer.write { connection throws(StoreError) in try connection.discard(topic, of: number, instruction) }
    }

    package func interventions(of number: WorkflowNumber) async throws(StoreError) -> [InterventionRecord] {
        try await reader.read { connection throws(StoreError) in try connection.interventions(of: number) }
    }
}
