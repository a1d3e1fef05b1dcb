internal import Perdure

/// A batch sorted into the columns of a few statements.
///
/// Its buffers are used again from batch to batch.
final class Batch {
    private let starts = WorkflowColumns()
    private let children = WorkflowColumns()
    private let childOwned = Column(PostgresType.bool)
    private let childSteps = StepColumns()
    private let steps = StepColumns()
    private let carefulSteps = StepColumns()
    private let consumed = Column(PostgresType.int8)
    private let consumer = Column(PostgresType.int8)
    private let consumedAlone = Column(PostgresType.int8)
    private let forgottenWorkflow = Column(PostgresType.int8)
    private let forgottenKey = Column(PostgresType.text)
    private let pending = PendingColumns()
    private let delivered = InboxColumns()
    private let suspended = Column(PostgresType.int8)
    private let suspendedDue = Column(PostgresType.int8)
    private let released = Column(PostgresType.int8)
    private let forgiven = Column(PostgresType.int8)
    private let asideNumber = Column(PostgresType.int8)
    private let asideReason = Column(PostgresType.text)
    private let asideSince = Column(PostgresType.int8)
    private let outcomes = OutcomeColumns()
    private let told = InboxColumns()
    private let leaving = Column(PostgresType.int8)
    private let dead = DeadColumns()
    private var size = 0
    /// The step of a batch that is nothing else; it is in `steps` too.
    private var only: StepRecord?

    /// How many rows of history the batch holds.
    var stepCount: Int { steps.count + carefulSteps.count + childSteps.count }

    /// Nothing but plain steps: one statement does it.
    var isStepsAlone: Bool { steps.count == size && forgottenWorkflow.count == 0 }

    /// Steps of `crashed` workflows forgive their crashes.
    func fill(_ commands: [Command], crashed: Set<WorkflowNumber>, lane: (Lane) throws(StoreError) -> Int64) throws(StoreError) {
        clear()
        size = commands.count
        if commands.count == 1, case .step(let step, _, _) = commands[0] { only = step }
        for command in commands {
            switch command {
            case .step(let step, let hadPending, let sequence):
                if sequence != nil || (!crashed.isEmpty && crashed.contains(step.workflow)) {
                    try carefulSteps.append(step)
                    consumed.append(sequence)
                } else {
                    try steps.append(step)
                }
                if hadPending {
                    forgottenWorkflow.append(step.workflow)
                    try forgottenKey.append(step.key)
                }
            case .start(let record): try starts.append(record, lane: lane(record.lane))
            case .startChild(let record, let owned, let step):
                try children.append(record, lane: lane(record.lane))
                childOwned.append(owned)
                try childSteps.append(step)
            case .consume(let number, let sequence):
                consumer.append(number)
                consumedAlone.append(sequence)
            case .pending(let record): pending.append(record)
            case .deliver(let item): delivered.append(item)
            case .suspend(let number, let due):
                suspended.append(number)
                suspendedDue.append(due)
            case .release(let number): released.append(number)
            case .forgive(let number): forgiven.append(number)
            case .setAside(let number, let reason, let moment):
                asideNumber.append(number)
                try asideReason.append(reason)
                asideSince.append(moment)
            case .finish(let outcome, let parent, let inbox, let place):
                append(outcome, parent, inbox)
                try append(outcome, place)
            }
        }
    }

    private func append(_ outcome: Outcome, _ parent: WorkflowNumber?, _ inbox: [InboxItem]) {
        outcomes.append(outcome)
        if let parent {
            told.append(InboxItem(workflow: parent, kind: .childEnded, reference: outcome.workflow), from: outcome.workflow)
        }
        for item in inbox { told.append(item, from: outcome.workflow) }
    }

    private func append(_ outcome: Outcome, _ place: QueuePlace?) throws(StoreError) {
        guard let place else { return }
        leaving.append(outcome.workflow)
        if outcome.status.isDead { try dead.append(outcome, place) }
    }

    private func clear() {
        for columns in [starts, children] { columns.clear() }
        for columns in [childSteps, steps, carefulSteps] { columns.clear() }
        for columns in [delivered, told] { columns.clear() }
        for column in [
            childOwned, consumed, consumer, consumedAlone, forgottenWorkflow, forgottenKey, suspended, suspendedDue, released, forgiven,
            asideNumber, asideReason, asideSince, leaving,
        ] { column.clear() }
        dead.clear()
        pending.clear()
        outcomes.clear()
        only = nil
    }

    /// The one statement of a batch of plain steps.
    func alone(_ statements: JournalStatements, _ executor: ExecutorID, slot: Int32) throws(StoreError) -> Request {
        let fence: [ParameterBuffer?] = [.int8(executor), .int4(slot)]
        if let only { return Request(statements.rows.stepAlone, try CheckpointTable.parameters(only) + fence) }
        return Request(statements.rows.stepsAlone, steps.parameters + fence)
    }

    /// BEGIN, the statements in an order in which a workflow's commands make sense together, the fence, COMMIT.
    ///
    /// `counting` are the places of those that say how many rows of history they wrote: by their first value, or else by their tag.
    func requests(
        _ statements: JournalStatements, _ executor: ExecutorID, slot: Int32
    ) throws(StoreError) -> (requests: [Request], counting: [Int]) {
        let me = ParameterBuffer.int8(executor)
        var requests = [Request(.begin)]
        var counting: [Int] = []
        func add(_ statement: Statement, _ parameters: [ParameterBuffer?], counts: Bool = false) {
            if counts { counting.append(requests.count) }
            requests.append(Request(statement, parameters))
        }
        // Last, for then nothing of the batch comes after it; and first, so that a reaper finds a session that is frozen anywhere in between.
        let fence: [ParameterBuffer?] = [me, .int4(slot)]
        add(statements.fence, fence)
        if readsLiveTables { add(.byIndex, []) }
        if starts.count > 0 { add(statements.start, starts.parameters + [me]) }
        if children.count > 0 {
            add(statements.startChild, children.parameters + [childOwned.sealed] + childSteps.parameters + [me], counts: true)
        }
        if steps.count > 0 { add(statements.rows.steps, steps.parameters, counts: true) }
        if carefulSteps.count > 0 { add(statements.rows.carefulSteps, carefulSteps.parameters + [consumed.sealed, me], counts: true) }
        if consumer.count > 0 { add(statements.rows.consume, [consumer.sealed, consumedAlone.sealed]) }
        if forgottenWorkflow.count > 0 { add(statements.rows.forgetPending, [forgottenWorkflow.sealed, forgottenKey.sealed]) }
        if pending.count > 0 { add(statements.rows.pending, try pending.parameters() + [me]) }
        if delivered.count > 0 { add(statements.deliver, delivered.parameters) }
        if forgiven.count > 0 { add(statements.forgive, [forgiven.sealed, me]) }
        if suspended.count > 0 { add(statements.suspend, [suspended.sealed, suspendedDue.sealed, me]) }
        if released.count > 0 { add(statements.release, [released.sealed, me]) }
        if asideNumber.count > 0 { add(statements.setAside, [asideNumber.sealed, asideReason.sealed, asideSince.sealed, me]) }
        if outcomes.count > 0 { add(statements.finish, outcomes.parameters + [me] + told.parameters) }
        if leaving.count > 0 { add(statements.leaveQueue, [leaving.sealed]) }
        if dead.count > 0 { add(statements.bury, dead.parameters) }
        add(statements.fence, fence)
        add(.commit, [])
        return (requests, counting)
    }

    /// Whether a statement looks rows up in a table that can be tiny today and large tomorrow.
    private var readsLiveTables: Bool {
        carefulSteps.count + consumer.count + forgottenWorkflow.count + pending.count + delivered.count + suspended.count + released.count
            + forgiven.count + asideNumber.count + outcomes.count + children.count > 0
    }
}
