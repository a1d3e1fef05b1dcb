extension RunState {
    /// What a run does when nothing of it is left to run.
    enum Delivery {
        case nothing
        case resume(Parked<Resumption>?, StepRecord)
        case cancelTask
        /// Replay has caught up, or a patch is durable: these begin, in the order in which they were called.
        case begin([Parked<Resumption>])
        case load(after: Int64)
        /// Something has come back, for which somebody may wait.
        case match(Mailbox.Address)
        /// Operators have asked this.
        case intervene([InboxItem])
        case diverged(WorkflowError)
        case unwind([(Parked<Resumption>?, (@Sendable () -> Void)?)], any Error)
        case finish(Result<EncodedPayload, any Error>)
    }
}

extension StepRecord {
    /// The row that gives a transaction, which was committed without one, its place.
    init(placeOf record: StepRecord, _ order: Int64, at finished: Microseconds) {
        self.init(
            workflow: record.workflow, key: "@order#\(order)", order: order, kind: .order,
            output: EncodedPayload(codec: 2, bytes: Array(record.key.utf8)), started: finished, finished: finished)
    }

    /// The key to which a row of kind `order` gives a place.
    var orderedKey: String? { output.map { String(decoding: $0.bytes, as: UTF8.self) } }

    var cancelReason: CancelReason {
        output.flatMap { CancelReason(payload: $0) } ?? .requested
    }
}

extension RunState {
    /// What becomes of a run in which nothing is left to be done for the moment.
    enum Idle {
        /// Something of it is on the way.
        case waitsInMemory
        case isStuck
        /// All that it does is wait, until then.
        case canLeave(until: Microseconds)
        /// It was asked to leave, and cannot.
        case staysAfterAll
    }
}
