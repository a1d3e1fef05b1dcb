/// One workflow with all that is recorded of it, as of one moment.
package struct RecordedHistory: Sendable, Hashable {
    package var record: WorkflowRecord
    /// Those with a place in their order, then those without.
    package var steps: [StepRecord]
    package var pending: [PendingRecord]
    package var inbox: [InboxItem]
    package var outcome: Outcome?
    /// Why it is set aside, if it is.
    package var aside: String?
    /// The `origin` of its `RunLink`; nil if it came of no other run.
    package var origin: String?

    package init(
        record: WorkflowRecord, steps: [StepRecord], pending: [PendingRecord] = [], inbox: [InboxItem] = [], outcome: Outcome? = nil,
        aside: String? = nil, origin: String? = nil
    ) {
        self.origin = origin
        self.record = record
        self.steps = steps.filter { $0.order != nil }.sorted { $0.order ?? 0 < $1.order ?? 0 } + steps.filter { $0.order == nil }
        self.pending = pending
        self.inbox = inbox
        self.outcome = outcome
        self.aside = aside
    }

    /// As an engine would read it, in one page.
    ///
    /// Without what has arrived: that has no place in the order yet.
    var loaded: LoadedWorkflow {
        LoadedWorkflow(
            record: record, history: steps.filter { $0.order != nil }, unordered: steps.filter { $0.order == nil }, pending: pending,
            origin: origin)
    }
}
