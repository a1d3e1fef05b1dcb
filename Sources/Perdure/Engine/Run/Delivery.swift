extension RunState {
    /// What a run does when nothing of it is left to run.
    enum Delivery {
        case nothing
        case resume(Parked<Resumption>?, StepRecord)
        case cancelTask
        /// Replay has caught up: these begin, in the order in which they were called.
        case begin([Parked<Resumption>])
        case load(after: Int64)
        case diverged(WorkflowError)
        case unwind([(Parked<Resumption>?, (@Sendable () -> Void)?)], any Error)
        case finish(Result<EncodedPayload, any Error>)
    }
}

extension StepRecord {
    /// The key to which a row of kind `order` gives a place.
    var orderedKey: String? { output.map { String(decoding: $0.bytes, as: UTF8.self) } }

    var cancelReason: CancelReason {
        output.flatMap { CancelReason(payload: $0) } ?? .requested
    }
}
