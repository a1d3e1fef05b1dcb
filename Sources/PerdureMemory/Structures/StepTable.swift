internal import Perdure

/// One workflow's rows of `steps`: by key, and in order.
struct StepTable: Sendable {
    private var rows: [StepRecord] = []
    private var byKey: [ExactText: Int] = [:]
    /// Indices of the rows with a place, by that place.
    private var ordered: [Int] = []
    private var withoutPlace: [Int] = []

    subscript(key: String) -> StepRecord? { byKey[ExactText(key)].map { rows[$0] } }

    /// In the order in which they were inserted.
    var all: [StepRecord] { rows }
    var unordered: [StepRecord] { withoutPlace.map { rows[$0] } }

    /// The row that is there already; nil if this one was inserted.
    mutating func insert(_ step: StepRecord) -> StepRecord? {
        let key = ExactText(step.key)
        if let index = byKey[key] { return rows[index] }
        byKey[key] = rows.count
        if let order = step.order {
            // Nearly always at the end: rows come in their order.
            let isLast = ordered.last.map { place($0) <= order } ?? true
            let index = isLast ? ordered.count : ordered.firstIndex(notBelow: order + 1) { place($0) }
            ordered.insert(rows.count, at: index)
        } else {
            withoutPlace.append(rows.count)
        }
        rows.append(step)
        return nil
    }

    /// The ordered rows behind `order`, and whether there are more.
    func page(after order: Int64, limit: Int) -> (rows: [StepRecord], isComplete: Bool) {
        let start = order == .max ? ordered.count : ordered.firstIndex(notBelow: order + 1) { place($0) }
        let end = min(ordered.count, start + max(0, limit))
        return (ordered[start..<end].map { rows[$0] }, end == ordered.count)
    }

    private func place(_ index: Int) -> Int64 { rows[index].order ?? .max }
}
