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
    /// A completed step. Deletes its `pending` row if `hadPending`, and the inbox row that it consumes.
    case step(StepRecord, hadPending: Bool = false, consumes: Int64? = nil)
    /// A row of the workflow's own inbox that nothing comes of (a second cancel): deleted.
    case consume(WorkflowNumber, sequence: Int64)
    /// A failed attempt or a progress report: written over the earlier one, unless the step is completed.
    case pending(PendingRecord)
    /// The end: deletes `live` if it is the writer's, and only then writes the outcome, tells the parent (a `childEnded` row in its inbox)
    /// and puts `inbox` into those of children that are still open. Deletes the workflow's own inbox and pending rows. One that was in a queue
    /// gives back the slots that were its own, and is a dead letter if it came to no good end.
    case finish(Outcome, parent: WorkflowNumber?, inbox: [InboxItem] = [], place: QueuePlace? = nil)
    /// Unloads: from owned to waiting, without an executor, to be claimed at `due` (`.max`: only when something arrives). Its crashes are
    /// forgotten.
    case suspend(WorkflowNumber, due: Microseconds)
    /// Hands back: from owned to ready, as returned work, which goes before fresh work; a suspect remains one.
    case release(WorkflowNumber)
    /// From owned to set aside, with a reason for people.
    case setAside(WorkflowNumber, reason: String, at: Microseconds)
    /// It has come to a wait: whatever took engines down with it is behind it. Its crashes are forgotten, if it is the writer's.
    case forgive(WorkflowNumber)
    /// A row for somebody else's inbox (a child is asked to cancel).
    case deliver(InboxItem)

    /// Whose command it is; all of one workflow go through one writer, in the order in which they were appended.
    package var workflow: WorkflowNumber {
        switch self {
        case .start(let record): record.number
        case .startChild(_, _, let step): step.workflow
        case .step(let step, _, _): step.workflow
        case .pending(let pending): pending.workflow
        case .finish(let outcome, _, _, _): outcome.workflow
        case .consume(let number, _), .suspend(let number, _), .release(let number), .forgive(let number), .setAside(let number, _, _):
            number
        case .deliver(let item): item.workflow
        }
    }

    /// About how many bytes it sends, for the bound on a batch.
    package var size: Int {
        switch self {
        case .start(let record): record.size
        case .startChild(let record, _, let step): record.size + step.size
        case .step(let step, _, _): step.size
        case .pending(let pending): 96 + pending.key.utf8.count + bytes(pending.error) + bytes(pending.progress)
        case .finish(let outcome, _, let inbox, _): 64 + bytes(outcome.output) + bytes(outcome.error) + inbox.count * 64
        case .consume, .suspend, .release, .forgive: 32
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
    /// For `.step` and `.startChild`: another row was there already under that key. It wins, and is what is delivered.
    case recorded(StepRecord)
}
