/// What a new run takes over of an earlier one's history: pure.
///
/// The rows up to a place are what a crash at that moment would have left behind, so a replay of them is a replay like any other.
struct HistoryCut {
    let history: RecordedHistory
    /// Rows with a place below this one are taken over.
    private(set) var before: Int64
    /// The key of the row at which the history ends, if there is one.
    private(set) var step: String?
    /// Transactions that have committed are taken over although they come later: without a place, which they get when they are asked for.
    private let keepsCommitted: Bool

    /// The rows that are taken over, in their order.
    var kept: [StepRecord] { history.steps.filter { $0.order.map { $0 < before } ?? false } }

    /// The keys of rows that are taken over without a place.
    var unordered: [String] {
        let placed = Set(kept.filter { $0.kind == .order }.compactMap(\.orderedKey))
        return history.steps.filter { row in
            guard let order = row.order else { return keepsCommitted || placed.contains(row.key) }
            return keepsCommitted && order >= before && row.kind == .transaction && row.error == nil
        }.map(\.key)
    }

    var keptKeys: Set<String> { Set(kept.map(\.key)).union(unordered) }

    /// Children whose start is taken over and whose end is not.
    var children: [WorkflowNumber] { unfinished.map(\.child) }

    private var unfinished: [(start: StepRecord, child: WorkflowNumber)] {
        let keys = keptKeys
        return kept.compactMap { row in
            guard row.kind == .childStart, !keys.contains(WorkflowContext.resultKey(ofStart: row.key)),
                let child = row.output.flatMap(ChildReference.init)
            else { return nil }
            return (row, child.number)
        }
    }
}

// MARK: - Where it ends

extension HistoryCut {
    /// Nothing is taken over.
    init(nothingOf history: RecordedHistory) {
        self.history = history
        before = 0
        keepsCommitted = false
    }

    /// All that comes before the row of this key.
    init(_ history: RecordedHistory, beforeStep key: String) throws(WorkflowError) {
        let row = history.steps.first { $0.key == key }
        let place = row?.order ?? history.steps.first { row != nil && $0.kind == .order && $0.orderedKey == key }?.order
        guard let place, row?.kind != .order else {
            throw WorkflowError(
                .unknownStep,
                "the history holds no step '\(key)' with a place in its order: keys are those of the view workflow_steps, like \(Self.shown(history))"
            )
        }
        self.history = history
        before = place
        step = key
        keepsCommitted = false
    }

    /// All that comes before this place.
    init(_ history: RecordedHistory, beforePlace place: Int) throws(WorkflowError) {
        guard let row = history.steps.first(where: { $0.order == Int64(place) }) else {
            let last = history.steps.last { $0.order != nil }?.order ?? 0
            throw WorkflowError(
                .unknownStep, "the history has no place \(place): it has \(last == 0 ? "none" : "those from 1 to \(last)")")
        }
        self.history = history
        before = Int64(place)
        step = row.kind == .order ? row.orderedKey : row.key
        keepsCommitted = false
    }

    /// All that comes before what made it fail: the recorded cancel, the error that ended it, the child that came to no good end; and no
    /// compensation, which is behind all that.
    init(rewinding history: RecordedHistory) {
        self.history = history
        keepsCommitted = true
        let rows = history.steps.filter { $0.order != nil }
        before = (rows.last?.order ?? 0) + 1
        if let end = rows.first(where: { $0.kind == .cancel || $0.isCompensation }) { cut(at: end) }
        if history.outcome?.status == .failed, let culprit = Self.culprit(kept, history.outcome?.error) {
            let start = rows.first { culprit.kind == .childResult && WorkflowContext.resultKey(ofStart: $0.key) == culprit.key }
            cut(at: start ?? culprit)
        }
    }

    /// Goes back behind the starts of children that came to no good end: seen again, that would end the new run like the earlier one.
    mutating func exclude(_ ended: Set<WorkflowNumber>) {
        while let first = unfinished.first(where: { ended.contains($0.child) }) { cut(at: first.start) }
    }

    private mutating func cut(at row: StepRecord) {
        guard let place = row.order, place < before else { return }
        (before, step) = (place, row.kind == .order ? row.orderedKey : row.key)
    }

    /// The last row that holds the very error with which the run ended, or else the last of all rows, if that holds an error.
    ///
    /// Then the code has made another of it. An error behind which the code went on, and with which it did not end, is not what made it fail.
    private static func culprit(_ rows: [StepRecord], _ error: EncodedPayload?) -> StepRecord? {
        if let error, let row = rows.last(where: { $0.error == error }) { return row }
        return rows.last.flatMap { $0.error == nil ? nil : $0 }
    }

    private static func shown(_ history: RecordedHistory) -> String {
        let keys = history.steps.filter { $0.order != nil && $0.kind != .order }.prefix(8).map { "'\($0.key)'" }
        return keys.isEmpty ? "none, for it is empty" : keys.joined(separator: ", ")
    }
}

extension StepRecord {
    /// It undoes an earlier one: keys of steps never begin with an at sign.
    fileprivate var isCompensation: Bool { kind == .step && key.hasPrefix("@undo:") }
}
