internal import Perdure

/// A batch sorted into the columns of a few statements.
///
/// Its buffers are used again from batch to batch.
final class Batch {
    private let starts = WorkflowColumns()
    private let startAttributes = AttributeColumns()
    private let children = WorkflowColumns()
    private let childAttributes = AttributeColumns()
    private let childOwned = Column(PostgresType.bool)
    private let childSteps = StepColumns()
    private let steps = StepColumns()
    private let carefulSteps = StepColumns()
    private let consumed = ConsumedColumns()
    private let groups = GroupColumns()
    private let consumer = Column(PostgresType.int8)
    private let consumedAlone = Column(PostgresType.int8)
    private let settler = Column(PostgresType.int8)
    private let settled = Column(PostgresType.int8)
    private let forgottenWorkflow = Column(PostgresType.int8)
    private let forgottenKey = Column(PostgresType.text)
    private let pending = PendingColumns()
    private let delivered = InboxColumns()
    private let suspended = Column(PostgresType.int8)
    private let suspendedDue = Column(PostgresType.int8)
    private let released = Column(PostgresType.int8)
    private let paused = Column(PostgresType.int8)
    private let forgiven = Column(PostgresType.int8)
    private let asideNumber = Column(PostgresType.int8)
    private let asideReason = Column(PostgresType.text)
    private let asideSince = Column(PostgresType.int8)
    private let outcomes = OutcomeColumns()
    private let told = InboxColumns()
    private let leaving = Column(PostgresType.int8)
    private let dead = DeadColumns()
    private let effects = EffectColumns()
    private let attributeChanges = AttributeChangeColumns()
    private let appended = StreamColumns()
    private let appender = Column(PostgresType.int8)
    private var continuations: [Continuation] = []
    private let refused = RefusalColumns()
    private let seer = Column(PostgresType.int8)
    private let seen = Column(PostgresType.int8)
    private var size = 0
    /// The step of a batch that is nothing else; it is in `steps` too.
    private var only: StepRecord?

    /// How many rows of history the batch holds.
    var stepCount: Int { steps.count + carefulSteps.count + childSteps.count + groups.count + effects.count + attributeChanges.count }

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
                    if let sequence { try consumed.append(step, sequence) }
                } else {
                    try steps.append(step)
                }
                if hadPending {
                    forgottenWorkflow.append(step.workflow)
                    try forgottenKey.append(step.key)
                }
            case .start(let record):
                try starts.append(record, lane: lane(record.lane))
                try startAttributes.append(record)
            case .startChild(let record, let owned, let step):
                try children.append(record, lane: lane(record.lane))
                try childAttributes.append(record)
                childOwned.append(owned)
                try childSteps.append(step)
            case .startChildren(let records, let owned, let step):
                guard let first = records.first else { continue }
                try groups.append(records, owned, step, lane: lane(first.lane))
            case .childrenEnded(let step, let sequences):
                try carefulSteps.append(step)
                for sequence in sequences { try consumed.append(step, sequence) }
            case .overlook(let number, let except): try groups.overlook(number, except)
            case .effect(let step, .setAttributes(_, let refusal)): try attributeChanges.append(step, refusal: refusal)
            case .effect(let step, let effect): try effects.append(step, effect)
            case .append(let record, let run):
                try appended.append(record)
                appender.append(run ?? record.workflow)
            case .refuse(let reply, let sequence, let run): try refused.append(reply, sequence, by: run)
            case .consume(let number, let sequence):
                consumer.append(number)
                consumedAlone.append(sequence)
            case .settle(let number, let sequence):
                settler.append(number)
                settled.append(sequence)
            case .pending(let record): pending.append(record)
            case .deliver(let item): try delivered.append(item)
            case .suspend(let number, let due, let sequences):
                suspended.append(number)
                suspendedDue.append(due)
                for sequence in sequences {
                    seer.append(number)
                    seen.append(sequence)
                }
            case .release(let number): released.append(number)
            case .pause(let number): paused.append(number)
            case .forgive(let number): forgiven.append(number)
            case .setAside(let number, let reason, let moment):
                asideNumber.append(number)
                try asideReason.append(reason)
                asideSince.append(moment)
            case .continueAsNew(let continuation): continuations.append(continuation)
            case .finish(let outcome, let parent, let inbox, let place):
                try append(outcome, parent, inbox)
                try append(outcome, place)
            }
        }
    }

    private func append(_ outcome: Outcome, _ parent: WorkflowNumber?, _ inbox: [InboxItem]) throws(StoreError) {
        outcomes.append(outcome)
        if let parent {
            try told.append(InboxItem(workflow: parent, kind: .childEnded, reference: outcome.workflow), from: outcome.workflow)
        }
        for item in inbox { try told.append(item, from: outcome.workflow) }
    }

    private func append(_ outcome: Outcome, _ place: QueuePlace?) throws(StoreError) {
        guard let place else { return }
        leaving.append(outcome.workflow)
        if outcome.status.isDead { try dead.append(outcome, place) }
    }

    private func clear() {
        for columns in [starts, children] { columns.clear() }
        if attributeChanges.count > 0 { attributeChanges.clear() }
        for columns in [startAttributes, childAttributes] where columns.count > 0 { columns.clear() }
        for columns in [childSteps, steps, carefulSteps] { columns.clear() }
        for columns in [delivered, told] { columns.clear() }
        for column in [
            childOwned, consumer, consumedAlone, settler, settled, forgottenWorkflow, forgottenKey, suspended, suspendedDue, released,
            paused,
            forgiven,
            asideNumber, asideReason, asideSince, leaving, seer, seen, appender,
        ] { column.clear() }
        dead.clear()
        consumed.clear()
        groups.clear()
        effects.clear()
        appended.clear()
        refused.clear()
        pending.clear()
        outcomes.clear()
        only = nil
        continuations = []
    }

    /// The one statement of a batch of plain steps.
    func alone(_ statements: JournalStatements, _ executor: ExecutorID, slot: Int32) throws(StoreError) -> Request {
        let fence: [ParameterBuffer?] = [.int8(executor), .int4(slot)]
        if let only { return Request(statements.rows.stepAlone, try CheckpointTable.parameters(only) + fence) }
        return Request(statements.rows.stepsAlone, steps.parameters + fence)
    }

    /// BEGIN, the statements in an order in which a workflow's commands make sense together, the fence, COMMIT.
    ///
    /// `counting` are the places of those that say how many rows of history they wrote: by their first value, or else by their tag; `reporting` are
    /// those of the ones that say what became of messages, and what was refused.
    func requests(
        _ statements: JournalStatements, _ executor: ExecutorID, slot: Int32
    ) throws(StoreError) -> (requests: [Request], counting: [Int], reporting: [Int]) {
        let me = ParameterBuffer.int8(executor)
        var requests = [Request(.begin)]
        var counting: [Int] = []
        var reporting: [Int] = []
        func add(_ statement: Statement, _ parameters: [ParameterBuffer?], counts: Bool = false) {
            if counts { counting.append(requests.count) }
            requests.append(Request(statement, parameters))
        }
        // Last, for then nothing of the batch comes after it; and first, so that a reaper finds a session that is frozen anywhere in between.
        let fence: [ParameterBuffer?] = [me, .int4(slot)]
        add(statements.fence, fence)
        if readsLiveTables { add(.byIndex, []) }
        if startAttributes.count > 0 {
            add(statements.startWithAttributes, starts.parameters + [me] + startAttributes.parameters)
        } else if starts.count > 0 {
            add(statements.start, starts.parameters + [me])
        }
        if children.count > 0 {
            let parameters = children.parameters + [childOwned.sealed] + childSteps.parameters + [me]
            if childAttributes.count > 0 {
                add(statements.startChildWithAttributes, parameters + childAttributes.parameters, counts: true)
            } else {
                add(statements.startChild, parameters, counts: true)
            }
        }
        if groups.haveAttributes {
            add(statements.groups.startWithAttributes, groups.parameters + [me] + groups.attributeParameters, counts: true)
        } else if groups.count > 0 {
            add(statements.groups.start, groups.parameters + [me], counts: true)
        }
        if steps.count > 0 { add(statements.rows.steps, steps.parameters, counts: true) }
        if carefulSteps.count > 0 { add(statements.rows.carefulSteps, carefulSteps.parameters + consumed.parameters + [me], counts: true) }
        if effects.count > 0 {
            reporting.append(requests.count)
            add(statements.effects.effects, effects.parameters + [me], counts: true)
        }
        if attributeChanges.count > 0 {
            reporting.append(requests.count)
            add(statements.effects.attributes, attributeChanges.parameters + [me], counts: true)
        }
        if appended.count > 0 { add(statements.effects.append, appended.parameters + [appender.sealed, me]) }
        if refused.count > 0 { add(statements.effects.refuse, refused.parameters) }
        if groups.overlooks { add(statements.groups.overlook, groups.overlooking) }
        if seen.count > 0 { add(statements.effects.see, [seer.sealed, seen.sealed]) }
        if consumer.count > 0 { add(statements.rows.consume, [consumer.sealed, consumedAlone.sealed]) }
        if settler.count > 0 { add(statements.rows.settle, [settler.sealed, settled.sealed]) }
        if forgottenWorkflow.count > 0 { add(statements.rows.forgetPending, [forgottenWorkflow.sealed, forgottenKey.sealed]) }
        if pending.count > 0 { add(statements.rows.pending, try pending.parameters() + [me]) }
        if delivered.count > 0 { add(statements.deliver, delivered.parameters) }
        if forgiven.count > 0 { add(statements.forgive, [forgiven.sealed, me]) }
        if suspended.count > 0 { add(statements.suspend, [suspended.sealed, suspendedDue.sealed, me]) }
        if released.count > 0 { add(statements.release, [released.sealed, me]) }
        if paused.count > 0 { add(statements.pause, [paused.sealed, me]) }
        if asideNumber.count > 0 { add(statements.setAside, [asideNumber.sealed, asideReason.sealed, asideSince.sealed, me]) }
        if outcomes.count > 0 {
            add(outcomes.haveFailed ? statements.finishKeeping : statements.finish, outcomes.parameters + [me] + told.parameters)
        }
        for continuation in continuations { requests.append(try statements.goOn.request(continuation, by: executor)) }
        if leaving.count > 0 { add(statements.leaveQueue, [leaving.sealed]) }
        if dead.count > 0 { add(statements.bury, dead.parameters) }
        add(statements.fence, fence)
        add(.commit, [])
        return (requests, counting, reporting)
    }

    /// Whether a statement looks rows up in a table that can be tiny today and large tomorrow.
    private var readsLiveTables: Bool {
        carefulSteps.count + consumer.count + forgottenWorkflow.count + pending.count + delivered.count + suspended.count + released.count
            + forgiven.count + asideNumber.count + outcomes.count + children.count + effects.count + appended.count + refused.count
            + seen.count + attributeChanges.count + settler.count + paused.count + groups.count + continuations.count > 0
            || groups.overlooks
    }
}
