/// What an operator does to a workflow that is open; the raw values are the words of the views, on every store.
package enum InterventionKind: String, Sendable, CaseIterable {
    /// The next attempt of a step begins at once.
    case retryStep = "retry step"
    /// A step has this result.
    case completeStep = "complete step"
    /// A step has this error.
    case failStep = "fail step"
    /// A step is left out.
    case skipStep = "skip step"
    /// The workflow goes no further until it is resumed.
    case pause = "pause"
    case resume = "resume"
    /// It was asked to cancel; whether it did is its own affair.
    case cancel = "cancel"
    case terminate = "terminate"
    case setAttributes = "set attributes"
    /// A message was taken out of the inbox; its topic is in the place of the step's key.
    case discardMessage = "discard message"
}

/// How a workflow is to end that somebody asks to.
package enum AskedEnd: Sendable, Hashable {
    case cancel
    case terminate

    package var inbox: InboxKind { self == .cancel ? .cancel : .terminate }
    package var intervention: InterventionKind { self == .cancel ? .cancel : .terminate }
}

/// Who asked for something, why, and when.
package struct Instruction: Sendable, Hashable {
    package var by: String
    package var reason: String?
    package var at: Microseconds

    package init(by: String, reason: String? = nil, at: Microseconds) {
        self.by = by
        self.reason = reason
        self.at = at
    }
}

/// What is asked of a step: it becomes a row of `interventions`, which stays, and one of the inbox, which is what the owner acts on.
package struct StepIntervention: Sendable, Hashable {
    package var workflow: WorkflowNumber
    package var kind: InterventionKind
    /// The step's key.
    package var step: String
    /// Its result, or its error.
    package var payload: EncodedPayload?
    package var instruction: Instruction

    package init(
        workflow: WorkflowNumber, kind: InterventionKind, step: String, payload: EncodedPayload? = nil, instruction: Instruction
    ) {
        self.workflow = workflow
        self.kind = kind
        self.step = step
        self.payload = payload
        self.instruction = instruction
    }

    /// What the owner is told; `reference` is the number of the row that stays.
    package func item(_ number: Int64) -> InboxItem {
        InboxItem(workflow: workflow, kind: .intervention, reference: number, payload: payload, topic: kind.rawValue, key: step)
    }
}

/// What has become of an intervention; the raw values are the words of the views.
package enum InterventionState: String, Sendable {
    /// Its row of the inbox is still there.
    case onItsWay = "on its way"
    case applied
    /// It came too late, or there was no such step.
    case withoutEffect = "without effect"
}

/// The row of `interventions`.
package struct InterventionRecord: Sendable, Hashable {
    /// Given by the store, rising.
    package var number: Int64
    package var workflow: WorkflowNumber
    package var kind: InterventionKind
    /// The step's key, where it is about one; or the message's topic.
    package var step: String?
    package var instruction: Instruction
    package var state: InterventionState

    package init(
        number: Int64, workflow: WorkflowNumber, kind: InterventionKind, step: String? = nil, instruction: Instruction,
        state: InterventionState
    ) {
        self.number = number
        self.workflow = workflow
        self.kind = kind
        self.step = step
        self.instruction = instruction
        self.state = state
    }
}

/// Whether what is asked of a step can be done, as far as the database knows.
package enum InterventionResult: String, Sendable {
    /// It is recorded, and its row is in the inbox.
    case accepted
    /// The step has a result already, and nothing was written.
    case completed
    /// The step does not wait for an attempt, and nobody has the workflow who could be at it; nothing was written.
    case notPending
    /// The workflow has ended, or there is none; nothing was written.
    case ended
}

/// Whether a workflow can be paused.
package enum PauseResult: String, Sendable {
    /// It was nobody's, and is paused now.
    case paused
    /// Its owner is told by a row of the inbox.
    case accepted
    /// It is paused, or its owner was told before; nothing was written.
    case already
    /// It was set aside and goes no further anyway; nothing was written.
    case setAside = "set aside"
    /// It has ended, or there is none; nothing was written.
    case ended
}

/// Whether a message can be discarded.
package enum DiscardResult: String, Sendable {
    case discarded
    /// None waits on the topic.
    case nothing
    /// It is neither set aside nor paused, so that somebody may be about to receive it; nothing was written.
    case running
    /// It has ended, or there is none; nothing was written.
    case ended
}

/// What operators do, and what they have done.
///
/// An intervention is `applied` by the commit that consumes its row of the inbox with a row of history (`Command.step`), or with
/// `Command.settle`; a row that goes in any other way leaves it without effect. What is asked of a run that was continued is asked of the newest of its
/// chain.
package protocol ControlStore: Sendable {
    /// Records it and puts it into the inbox, in one transaction, if the step has failed or reported progress and has no result, or if an executor
    /// has the workflow: a first attempt has no row.
    func intervene(_ intervention: StepIntervention) async throws(StoreError) -> InterventionResult
    /// Pauses what is ready, waits or is suspected, and tells the owner of what is owned, in one transaction with the row of `interventions`.
    func pause(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> PauseResult
    /// As `WorkflowAccess.resume`, with a row of `interventions` if there was something to resume.
    func resume(_ number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool
    /// Puts it into the inbox with a row of `interventions`, which is applied thereby, in one transaction; neither if the same was asked by the same
    /// for the same reason before. False if the workflow has ended, or there is none.
    func ask(_ end: AskedEnd, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> Bool
    /// Changes the attributes of a workflow, also of one that has ended, with a row of `interventions`.
    func setAttributes(
        _ changes: AttributeChanges, of number: WorkflowNumber, _ instruction: Instruction
    ) async throws(StoreError) -> AttributesResult
    /// Deletes the first message that waits on a topic of a workflow that is set aside or paused, with a row of `interventions`.
    func discard(_ topic: String, of number: WorkflowNumber, _ instruction: Instruction) async throws(StoreError) -> DiscardResult
    /// In their order.
    func interventions(of number: WorkflowNumber) async throws(StoreError) -> [InterventionRecord]
}

extension InboxItem {
    /// What the owner of a workflow is told that is to pause; `reference` is the number of the row that stays.
    package static func pause(_ workflow: WorkflowNumber, _ number: Int64) -> InboxItem {
        InboxItem(workflow: workflow, kind: .intervention, reference: number, topic: InterventionKind.pause.rawValue)
    }

    package var isPause: Bool { kind == .intervention && topic == InterventionKind.pause.rawValue }
}

extension InterventionRecord {
    /// Of the columns; nil for a kind that only a newer version knows.
    package init?(
        kind: String, number: Int64, workflow: WorkflowNumber, step: String?, instruction: Instruction, state: String
    ) {
        guard let kind = InterventionKind(rawValue: kind), let state = InterventionState(rawValue: state) else { return nil }
        self.init(number: number, workflow: workflow, kind: kind, step: step, instruction: instruction, state: state)
    }
}
