/// What an engine writes on the hot path; many of them share one commit.
///
/// Every command may be sent again after a commit whose fate is unknown, and then changes nothing: the insert-only row that it writes is
/// what decides, and rows that are deleted later are inserted from what that insert returned.
package enum Command: Sendable {
    /// A workflow without an id of the user's, owned from the first moment by the executor that writes it.
    case start(WorkflowRecord)
    /// A child and the row of its parent's history that names it, both or neither. The child is owned by the writer if `owned`,
    /// otherwise it is ready for whoever serves its lane.
    case startChild(WorkflowRecord, owned: Bool, step: StepRecord)
    /// Children without ids that are started together, and the one row of their parent's history that stands for them, all or nothing.
    /// The parent's link of each names that row. They are owned by the writer if `owned`, otherwise ready.
    case startChildren([WorkflowRecord], owned: Bool, step: StepRecord)
    /// The row that records how some of these have ended, and the rows of the inbox that it consumes.
    case childrenEnded(StepRecord, consumes: [Int64])
    /// Ends of children that its workflow does not wait for now, of all groups but these: they are no reason to wake it.
    case overlook(WorkflowNumber, except: [String])
    /// A completed step. Deletes its `pending` row if `hadPending`, and the inbox row that it consumes.
    case step(StepRecord, hadPending: Bool = false, consumes: Int64? = nil)
    /// A completed step and what it does besides, both or neither.
    case effect(StepRecord, StepEffect)
    /// A value for a stream from within the body of a step; nothing if a value is there already in its place. The body is that run's, if it is not the
    /// record's own workflow.
    case append(StreamRecord, by: WorkflowNumber? = nil)
    /// A request that is refused: the reply is written and the row of that run's inbox deleted, without a trace in the history.
    case refuse(ReplyRecord, sequence: Int64, by: WorkflowNumber? = nil)
    /// A row of the workflow's own inbox that nothing comes of (a second cancel): deleted.
    case consume(WorkflowNumber, sequence: Int64)
    /// As `consume`, of what an operator has asked and what was done without a row of history: it counts as applied.
    case settle(WorkflowNumber, sequence: Int64)
    /// A failed attempt or a progress report: written over the earlier one, unless the step is completed.
    case pending(PendingRecord)
    /// The end: deletes `live` if it is the writer's, and only then writes the outcome, tells the parent (a `childEnded` row in its inbox)
    /// and puts `inbox` into those of children that are still open. Deletes the workflow's own inbox and pending rows. One that was in a queue
    /// gives back the slots that were its own, and is a dead letter if it came to no good end.
    case finish(Outcome, parent: WorkflowNumber?, inbox: [InboxItem] = [], place: QueuePlace? = nil)
    /// The end of a run that goes on as a new one, if it is the writer's, and the beginning of that: owned by the writer, and begun. The new run has the
    /// id, the slots, and what is in the inbox and is still to be done (`InboxItem.movesOn`), as it is; the rest of the inbox goes, and so do pending
    /// rows. No parent is told of it.
    case continueAsNew(Continuation)
    /// Unloads: from owned to waiting, without an executor, to be claimed at `due` (`.max`: only when something arrives). Its crashes are
    /// forgotten.
    case suspend(WorkflowNumber, due: Microseconds, seen: [Int64] = [])
    /// Hands back: from owned to ready, as returned work, which goes before fresh work; a suspect remains one.
    case release(WorkflowNumber)
    /// From owned to set aside, with a reason for people.
    case setAside(WorkflowNumber, reason: String, at: Microseconds)
    /// From owned to paused, if what asked for it is still in the workflow's inbox; that goes, and counts as applied. Otherwise handed back, as by
    /// `release`: it was resumed meanwhile.
    case pause(WorkflowNumber)
    /// It has come to a wait: whatever took engines down with it is behind it. Its crashes are forgotten, if it is the writer's.
    case forgive(WorkflowNumber)
    /// A row for somebody else's inbox (a child is asked to cancel).
    case deliver(InboxItem)

    /// Whose command it is; all of one workflow go through one writer, in the order in which they were appended.
    package var workflow: WorkflowNumber {
        switch self {
        case .start(let record): record.number
        case .startChild(_, _, let step), .startChildren(_, _, let step), .childrenEnded(let step, _): step.workflow
        case .overlook(let number, _): number
        case .step(let step, _, _), .effect(let step, _): step.workflow
        case .append(let record, let run): run ?? record.workflow
        case .refuse(let reply, _, let run): run ?? reply.workflow
        case .pending(let pending): pending.workflow
        case .finish(let outcome, _, _, _): outcome.workflow
        case .continueAsNew(let continuation): continuation.previous
        case .consume(let number, _), .settle(let number, _), .suspend(let number, _, _), .release(let number), .pause(let number),
            .forgive(let number),
            .setAside(let number, _, _):
            number
        case .deliver(let item): item.workflow
        }
    }

    /// About how many bytes it sends, for the bound on a batch.
    package var size: Int {
        switch self {
        case .start(let record): record.size
        case .startChild(let record, _, let step): record.size + step.size
        case .startChildren(let records, _, let step): records.reduce(step.size) { $0 + $1.size }
        case .childrenEnded(let step, let sequences): step.size + 8 * sequences.count
        case .overlook(_, let groups): groups.reduce(32) { $0 + $1.utf8.count }
        case .step(let step, _, _): step.size
        case .effect(let step, let effect): step.size + effect.size
        case .append(let record, _): 64 + bytes(record.value)
        case .refuse(let reply, _, _): 64 + bytes(reply.error)
        case .pending(let pending): 96 + pending.key.utf8.count + bytes(pending.error) + bytes(pending.progress)
        case .finish(let outcome, _, let inbox, _): 64 + bytes(outcome.output) + bytes(outcome.error) + inbox.count * 64
        case .continueAsNew(let continuation): continuation.size
        case .consume, .settle, .suspend, .release, .pause, .forgive: 32
        case .setAside(_, let reason, _): 32 + reason.utf8.count
        case .deliver(let item): 64 + bytes(item.payload)
        }
    }
}

extension WorkflowRecord {
    fileprivate var size: Int { 160 + (id?.utf8.count ?? 0) + input.bytes.count + bytes(attributes) }
}

extension StepRecord {
    fileprivate var size: Int { 96 + key.utf8.count + bytes(output) + bytes(error) }
}

private func bytes(_ payload: EncodedPayload?) -> Int { payload?.bytes.count ?? 0 }

/// What became of one command of a batch that was committed.
package enum CommandResult: Sendable {
    /// It is in the database, by this commit or an earlier one of the same command.
    case done
    /// For `.step`, `.startChild`, `.startChildren`, `.childrenEnded` and `.effect`: another row is there under that key. It wins, and is what is delivered.
    case recorded(StepRecord)
    /// For a message: it is in this workflow's inbox, under this number.
    case sent(to: WorkflowNumber, sequence: Int64)
}
