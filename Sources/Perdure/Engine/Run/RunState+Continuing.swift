// The end of a run that goes on as a new one.

/// What the code has asked to go on with.
struct Continuing {
    var input: EncodedPayload
    /// Code that swallows the error and calls again would spin for ever.
    var throwsLeft = Stop.throwLimit
}

extension RunState {
    /// From now on no call begins, whatever the code does with the error; when it has come to its end, the run goes on as a new one.
    mutating func goOn(with input: EncodedPayload) { continuing = Continuing(input: input) }

    /// What each further call is answered; nil: it may go on.
    mutating func enterContinuing() -> Entry? {
        guard continuing != nil, stop == nil else { return nil }
        continuing?.throwsLeft -= 1
        return continuing.map { $0.throwsLeft < 0 } == true ? .park : .fail(WorkflowError.continuedAsNew)
    }
}

extension WorkflowError {
    static let continuedAsNew = WorkflowError(
        .continuedAsNew, "the run ends here and goes on as a new one: let this error leave `run`, and call nothing of the context any more")

    static let swallowed = WorkflowError(
        .continuedAsNew,
        "the code goes on after `continueAsNew`, swallows its error, and calls the context again and again: let the error leave `run`")
}

extension Run {
    /// The first of the runs that were continued as this one: what they publish, append and answer is kept under its number.
    var first: WorkflowNumber { origin?.chain?.first ?? number }

    var chain: RunChain { origin?.chain ?? RunChain(first: number, place: 0) }

    /// The run as which this one goes on.
    ///
    /// What receives had been given that were cancelled, and a cancel that came too late for the code, are for the new one.
    func continuation(as next: WorkflowNumber, _ outcome: Outcome, closing: [InboxItem]) -> Continuation {
        var (inbox, cancellation) = state.withLock { ($0.mailbox.returned(for: next), $0.cancellation) }
        // A deadline that has passed has passed for the new run, too.
        if cancellation == .requested { inbox.append(InboxItem(workflow: next, kind: .cancel)) }
        let chain = RunChain(first: chain.first, place: chain.place + 1)
        let origin = RunOrigin(number: next, created: outcome.finished, first: chain.first, place: chain.place)
        return Continuation(
            previous: number, number: next, id: record.id ?? Names.publicID(number), input: outcome.output ?? .void, at: outcome.finished,
            origin: origin.text ?? "", chain: chain, inbox: inbox, closing: closing)
    }
}
