internal import Perdure

extension Tables {
    /// Records what an operator asks of a step, and puts it into the inbox.
    mutating func intervene(_ intervention: StepIntervention) -> InterventionResult {
        var intervention = intervention
        intervention.workflow = newestRun(of: intervention.workflow)
        let number = intervention.workflow
        guard let row = live[number] else { return .ended }
        if steps[number]?[intervention.step] != nil { return .completed }
        guard row.state == .owned || pending[number]?[ExactText(intervention.step)] != nil else { return .notPending }
        deliver(
            intervention.item(
                insertIntervention(number, intervention.kind, step: intervention.step, intervention.instruction, isApplied: false)))
        return .accepted
    }

    /// Once for each who asks, and each reason.
    mutating func ask(_ end: AskedEnd, of asked: WorkflowNumber, _ instruction: Instruction) -> Bool {
        let number = newestRun(of: asked)
        if live[number] == nil { return false }
        let isKnown = interventions[number]?.contains {
            $0.kind == end.intervention && $0.instruction.by == instruction.by && $0.instruction.reason == instruction.reason
        }
        if isKnown == true { return true }
        // Should the run go on as a new one first, both go with it.
        let made = insertIntervention(number, end.intervention, instruction, isApplied: true)
        deliver(InboxItem(workflow: number, kind: end.inbox, reference: made))
        return true
    }

    mutating func discard(_ topic: String, of asked: WorkflowNumber, _ instruction: Instruction) -> DiscardResult {
        let number = newestRun(of: asked)
        guard let row = live[number] else { return .ended }
        guard row.state == .setAside || row.state == .paused else { return .running }
        guard let item = inbox[number]?.all.first(where: { $0.kind == .message && $0.topic == topic }) else { return .nothing }
        consume(item.sequence, of: number)
        _ = insertIntervention(number, .discardMessage, step: topic, instruction, isApplied: true)
        return .discarded
    }

    mutating func setAttributes(
        _ changes: AttributeChanges, of asked: WorkflowNumber, _ instruction: Instruction
    ) -> AttributesResult {
        let number = newestRun(of: asked)
        let result = setAttributes(changes, of: number)
        if result == .changed { _ = insertIntervention(number, .setAttributes, instruction, isApplied: true) }
        return result
    }

    mutating func setAttributes(_ changes: AttributeChanges, of number: WorkflowNumber) -> AttributesResult {
        guard let record = workflows[number] else { return .unknown }
        guard let attributes = changes.applied(to: record.searchAttributes) else { return .tooMany }
        workflows[number]?.attributes = attributes.isEmpty ? nil : SearchAttribute.encoded(attributes)
        return .changed
    }

    mutating func insertIntervention(
        _ number: WorkflowNumber, _ kind: InterventionKind, step: String? = nil, _ instruction: Instruction, isApplied: Bool
    ) -> Int64 {
        lastIntervention += 1
        interventions[number, default: []].append(
            InterventionRecord(
                number: lastIntervention, workflow: number, kind: kind, step: step, instruction: instruction,
                state: isApplied ? .applied : .onItsWay))
        return lastIntervention
    }

    /// With the row of the inbox, if it is still there.
    mutating func settle(_ sequence: Int64, of workflow: WorkflowNumber) {
        guard let queue = inbox[workflow], let index = queue.index(of: sequence, by: { $0.sequence }) else { return }
        let item = queue.all[index]
        consume(sequence, of: workflow)
        guard item.kind == .intervention,
            let place = interventions[workflow]?.firstIndex(where: { $0.number == item.reference })
        else { return }
        interventions[workflow]?[place].state = .applied
    }

    func interventions(of number: WorkflowNumber) -> [InterventionRecord] {
        let onTheirWay = Set((inbox[number].map { Array($0.all) } ?? []).filter { $0.kind == .intervention }.compactMap(\.reference))
        return (interventions[number] ?? []).map { record in
            var record = record
            if record.state == .onItsWay, !onTheirWay.contains(record.number) { record.state = .withoutEffect }
            return record
        }
    }
}
