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
        case .startChildren(let records, let owned, let step):
            return startChildren(records, owned: owned, step, by: executor)
        case .childrenEnded(let step, let sequences):
            return apply(step, hadPending: false, consumes: sequences, by: executor)
        case .overlook(let number, let groups):
            overlook(number, except: groups)
        case .step(let step, let hadPending, let consumes):
            return apply(step, hadPending: hadPending, consumes: consumes.map { [$0] } ?? [], by: executor)
        case .effect(let step, let effect):
            return apply(step, effect, by: executor)
        case .append(let record, let run):
            if isOwned(run ?? record.workflow, by: executor) { append(record) }
        case .refuse(let reply, let sequence, let run):
            keep(StoredReply(record: reply), sequence, of: run ?? reply.workflow)
        case .consume(let number, let sequence):
            consume(sequence, of: number)
        case .settle(let number, let sequence):
            settle(sequence, of: number)
        case .pending(let row):
            apply(row, by: executor)
        case .finish(let outcome, let parent, let inbox, let place):
            finish(outcome, parent: parent, inbox: inbox, place: place, by: executor)
        case .continueAsNew(let continuation):
            goOn(continuation, by: executor)
        case .suspend(let number, let due, let seen):
            if isOwned(number, by: executor) {
                suspend(number, due: due)
                see(seen, of: number)
            }
        case .release(let number):
            if isOwned(number, by: executor) { giveBack(number, now: now) }
        case .pause(let number):
            if isOwned(number, by: executor) { pauseOwned(number, now: now) }
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

    private mutating func startChildren(
        _ records: [WorkflowRecord], owned: Bool, _ step: StepRecord, by executor: ExecutorID
    ) -> CommandResult {
        if let recorded = insertStep(step, by: executor) { return .recorded(recorded) }
        for record in records where insert(record) {
            if owned { insertOwned(record, by: executor) } else { insertReady(record) }
        }
        return .done
    }

    private mutating func apply(_ step: StepRecord, hadPending: Bool, consumes: [Int64], by executor: ExecutorID) -> CommandResult {
        let recorded = insertStep(step, by: executor)
        if hadPending { removePending(step.workflow, step.key) }
        // What another row recorded did not take this message, so it stays.
        if recorded == nil || recorded == step { for sequence in consumes { settle(sequence, of: step.workflow) } }
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
        if let pause = row.heldBy { held[pause, default: []].insert(row.workflow) }
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
        if outcome.status != .completed { keepUnread(of: number) }
        removeInbox(of: number)
        pending[number] = nil
        outcomes[number] = outcome
        slots.free(of: number)
        if let place, outcome.status.isDead { bury(number, place, at: outcome.finished) }
        if let parent { deliver(InboxItem(workflow: parent, kind: .childEnded, reference: number)) }
        for item in inbox { deliver(item) }
    }
}
