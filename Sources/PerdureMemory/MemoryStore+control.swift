internal import Perdure

// What operators do.
extension MemoryStore {
    func intervene(_ intervention: StepIntervention) async throws(StoreError) -> InterventionResult {
        try database.perform(.intervene) { tables, _ throws(StoreError) in
            try Limits.check(key: intervention.step, "a step's key")
            try Limits.check(text: intervention.instruction.by, "who intervenes")
            if let reason = intervention.instruction.reason { try Limits.check(text: reason, "a reason") }
            return tables.intervene(intervention)
        }
    }

    func pause(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> PauseResult {
        try database.perform(.pause) { tables, _ in tables.pause(number, instruction) }
    }

    func resume(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        try database.perform(.resumePaused) { tables, _ in tables.resume(number, instruction) }
    }

    func ask(_ end: AskedEnd, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool {
        try database.perform(.ask) { tables, _ in tables.ask(end, of: number, instruction) }
    }

    func setAttributes(
        _ changes: AttributeChanges, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> AttributesResult {
        try database.perform(.setAttributes) { tables, _ in tables.setAttributes(changes, of: number, instruction) }
    }

    func discard(_ topic: String, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> DiscardResult {
        try database.perform(.discard) { tables, _ in tables.discard(topic, of: number, instruction) }
    }

    func interventions(of number: WorkflowNumber) async throws(StoreError) -> [InterventionRecord] {
        // As `status`: a test may ask until something has happened.
        await Task.yield()
        return try database.perform(.interventions) { tables, _ in tables.interventions(of: number) }
    }
}
