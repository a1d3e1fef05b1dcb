/// What a run that was made of another's history takes over of it besides the rows, so that a replay takes the same path.
struct RunOrigin: Codable, Sendable, Hashable {
    /// Where the copied rows end, and what time it is from there on.
    struct Turn: Codable, Sendable, Hashable {
        var place: Int64
        var at: Microseconds
    }

    /// The run whose random numbers are drawn, and when that was started.
    var number: WorkflowNumber
    var created: Microseconds
    /// The run whose idempotency keys its steps have; nil: its own.
    var effects: WorkflowNumber?
    /// One for each run that went on with the history; empty if nothing was copied.
    var turns: [Turn] = []
    /// Of a run that continues others: the first of them, and how many there are.
    var first: WorkflowNumber?
    var place: Int64?

    var chain: RunChain? {
        guard let first, let place else { return nil }
        return RunChain(first: first, place: place)
    }

    /// The time at its beginning; nil: when it was started.
    var began: Microseconds? { turns.isEmpty ? nil : created }

    /// As it is stored.
    var text: String? {
        (try? PayloadCoder().encode(self, what: "the origin of a run")).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}

extension RunOrigin {
    /// Of a row; nil if it is none.
    init?(_ text: String?) {
        guard let text else { return nil }
        let payload = EncodedPayload(codec: 1, bytes: Array(text.utf8))
        guard let origin = try? PayloadCoder().decode(Self.self, from: payload, what: "the origin of a run") else { return nil }
        self = origin
    }

    /// Of a run that takes over the rows of `history` below a place.
    init(after history: RecordedHistory, copying cut: HistoryCut, at now: Microseconds, keepsEffects: Bool) {
        let former = RunOrigin(history.origin)
        number = former?.number ?? history.record.number
        created = former?.created ?? history.record.created
        effects = keepsEffects ? former?.effects ?? history.record.number : nil
        guard let last = cut.kept.compactMap(\.order).max() else { return }
        turns = (former?.turns ?? []).filter { $0.place < last } + [Turn(place: last, at: now)]
    }
}
