/// What is to be seen of a run at one moment of its replay.
struct ReplayGlance: Sendable {
    /// The calls that wait, by key.
    var asked: [ReplayedCall]
    /// What the code has returned or thrown, if it has ended.
    var result: Result<EncodedPayload, any Error>?
    var cancellation: CancelReason?
    /// The place of the last row that was looked at.
    var lastOrder: Int64
    /// Rows without a place that no row has given one.
    var unplaced: [StepRecord]
    /// Steps that were begun, and are not completed.
    var begun: [PendingRecord]
    /// Rows of its own are on their way: it goes on when they are durable.
    var isUnderWay: Bool

    /// What the code does, for people.
    var code: String {
        if result != nil { return "the code has ended" }
        if asked.isEmpty { return "the code waits for nothing" }
        let first = asked.prefix(5).map(\.description).joined(separator: ", ")
        return "the code asks for \(first)" + (asked.count > 5 ? " and \(asked.count - 5) more" : "")
    }

    func asks(for key: String, as kind: StepKind) -> Bool { asked.contains(ReplayedCall(key: key, kind: kind)) }
}

extension RunState {
    func glance(_ history: RecordedHistory) -> ReplayGlance {
        ReplayGlance(
            asked: waits.values.map { ReplayedCall(key: $0.key, kind: $0.kind) }.sorted { $0.key < $1.key },
            result: rootResult, cancellation: cancellation, lastOrder: lastOrder,
            unplaced: history.steps.filter { $0.order == nil && unorderedRecord($0.key) != nil },
            begun: history.pending.filter { pending[$0.key] != nil }, isUnderWay: !inFlight.isEmpty)
    }
}
