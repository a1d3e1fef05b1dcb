internal import Perdure

extension Tables {
    /// A batch of a writer: all of it or nothing.
    mutating func commit(_ batch: [Command], by executor: ExecutorID, now: Microseconds) throws(StoreError) -> [CommandResult] {
        try validate(batch)
        try checkFence(executor)
        // From here on nothing throws: that is what makes it a transaction.
        return batch.map { apply($0, by: executor, now: now) }
    }

    private mutating func apply(_ command: Command, by executor: ExecutorID, now: Microseconds) -> CommandResult {
        switch command {
        case .start(let record):
            if insert(record) { insertOwned(record, by: executor) }
        case .startChild(let record, let owned, let step):
            return startChild(record, owned: owned, step, by: executor)
        case .step(let step, let hadPending, let consumes):
            return apply(step, hadPending: hadPending, consumes: consumes, by: executor)
        case .consume(let number, let sequence):
            consume(sequence, of: number)
        case .pending(let row):
            apply(row, by: executor)
        case .finish(let outcome, let parent, let inbox, let place):
            finish(outcome, parent: parent, inbox: inbox, place: place, by: executor)
        case .suspend(let number, let due):
            if isOwned(number, by: executor) { suspend(number, due: due) }
        case .release(let number):
            if isOwned(number, by: executor) { giveBack(number, now: now) }
        case .forgive(let number):
            forgive(number, by: executor)
        case .setAside(let number, let reason, _):
            if isOwned(number, by: executor) { setAside(number, reason: reason) }
        case .deliver(let item):
            deliverOnce(item)
        }
        return .done
    }

    /// False if it is there already: the row is never deleted, so a resend after the end brings nothing back.
    private mutating func insert(_ record: WorkflowRecord) -> Bool {
        guard workflows[record.number] == nil else { return false }
        workflows[record.number] = record
        return true
    }

    private mutating func startChild(
        _ record: WorkflowRecord, owned: Bool, _ step: StepRecord, by executor: ExecutorID
    ) -> CommandResult {
        if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
        guard insert(record) else { return .done }
        if owned { insertOwned(record, by: executor) } else { insertReady(record) }
        return .done
    }

    private mutating func apply(_ step: StepRecord, hadPending: Bool, consumes: Int64?, by executor: ExecutorID) -> CommandResult {
        let recorded = insertStep(step, by: executor)
        if hadPending { removePending(step.workflow, step.key) }
        // What another row recorded did not take this message, so it stays.
        if let consumes, recorded == nil || recorded == step { consume(consumes, of: step.workflow) }
        return recorded.map(CommandResult.recorded) ?? .done
    }

    /// The row that was there already; nil if this one was inserted.
    mutating func insertStep(_ step: StepRecord, by executor: ExecutorID?) -> StepRecord? {
        if let recorded = steps[step.workflow, default: StepTable()].insert(step) { return recorded }
        // Whoever gets on is no cause of crashes; but only the owner changes a row of `live`.
        if let executor, let row = live[step.workflow], row.crashes > 0, row.executor == executor { live[step.workflow]?.crashes = 0 }
        return nil
    }

    /// Only of a workflow that is the writer's: a batch that is sent again after the end, or after somebody else went on, changes nothing.
    private mutating func apply(_ row: PendingRecord, by executor: ExecutorID) {
        guard isOwned(row.workflow, by: executor), steps[row.workflow]?[row.key] == nil else { return }
        pending[row.workflow, default: [:]][ExactText(row.key)] = row
    }

    mutating func removePending(_ workflow: WorkflowNumber, _ key: String) {
        pending[workflow]?[ExactText(key)] = nil
        if pending[workflow]?.isEmpty == true { pending[workflow] = nil }
    }

    private mutating func finish(
        _ outcome: Outcome, parent: WorkflowNumber?, inbox: [InboxItem], place: QueuePlace?, by executor: ExecutorID
    ) {
        let number = outcome.workflow
        guard isOwned(number, by: executor) else { return }
        removeLive(number)
        removeInbox(of: number)
        pending[number] = nil
        outcomes[number] = outcome
        slots.free(of: number)
        if let place, outcome.status.isDead { bury(number, place, at: outcome.finished) }
        if let parent { deliver(InboxItem(workflow: parent, kind: .childEnded, reference: number)) }
        for item in inbox { deliver(item) }
    }
}
