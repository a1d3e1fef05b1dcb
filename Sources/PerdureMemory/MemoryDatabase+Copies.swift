package import Perdure

/// Everything that a database holds of one workflow.
package struct WorkflowCopy: Sendable {
    package var record: WorkflowRecord
    /// In the order in which they were committed.
    package var steps: [StepRecord]
    package var inbox: [InboxItem]
    package var outcome: Outcome?

    package init(record: WorkflowRecord, steps: [StepRecord] = [], inbox: [InboxItem] = [], outcome: Outcome? = nil) {
        self.record = record
        self.steps = steps
        self.inbox = inbox
        self.outcome = outcome
    }
}

// Taking histories out of a database and putting them into another, for tests that run a workflow again over a history.
extension MemoryDatabase {
    /// Nil if there is no such workflow.
    package func copy(of number: WorkflowNumber) -> WorkflowCopy? {
        tables.withLock { tables in
            guard let record = tables.workflows[number] else { return nil }
            return WorkflowCopy(
                record: record, steps: tables.steps[number]?.all ?? [], inbox: tables.inbox(of: [number]), outcome: tables.outcomes[number])
        }
    }

    /// Puts a workflow in: closed if it has an outcome, otherwise returned by an engine and ready to be claimed.
    package func insert(_ copy: WorkflowCopy) {
        let number = copy.record.number
        tables.withLock { tables in
            tables.workflows[number] = copy.record
            if let id = copy.record.id { tables.ids[ExactText(id)] = number }
            for step in copy.steps { _ = tables.insertStep(step, by: nil) }
            tables.nextNumber = max(tables.nextNumber, number + 1)
            if let outcome = copy.outcome {
                tables.outcomes[number] = outcome
            } else {
                tables.insertReady(copy.record, returned: true)
                for item in copy.inbox { tables.deliver(item) }
            }
        }
    }

    /// All workflows, open and closed, in the order of their numbers.
    package var numbers: [WorkflowNumber] { tables.withLock { $0.workflows.keys.sorted() } }

    /// How many workflows will still go on by themselves.
    package var openCount: Int {
        tables.withLock { tables in tables.live.values.count { $0.state != .setAside && $0.state != .paused } }
    }

    /// The workflows that were set aside, with their reasons.
    package var asides: [WorkflowNumber: String] { tables.withLock { $0.asides } }

    /// Its steps that have failed or reported progress, and are not completed.
    package func pending(of number: WorkflowNumber) -> [PendingRecord] {
        tables.withLock { $0.pending[number].map { Array($0.values) } ?? [] }
    }

    /// True if the step has completed.
    package func isRecorded(_ key: String, of number: WorkflowNumber) -> Bool {
        tables.withLock { $0.steps[number]?[key] != nil }
    }
}
