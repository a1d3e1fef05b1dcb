internal import Perdure

extension Rows {
    /// A row of `steps` (the columns of `StepColumns.names`), from `column` on.
    func step(_ row: Int, _ column: Int) -> StepRecord {
        StepRecord(
            workflow: int(row, column), key: text(row, column + 1), order: optionalInt(row, column + 2),
            kind: StepKind(rawValue: int16(row, column + 3)) ?? .step, output: payload(row, column + 4), error: payload(row, column + 6),
            started: int(row, column + 8), finished: int(row, column + 9), attempts: Int32(truncatingIfNeeded: int(row, column + 10)))
    }

    /// A row of `workflows` (the columns of `WorkflowColumns.names`), from `column` on.
    func workflow(_ row: Int, _ column: Int) -> WorkflowRecord {
        var parent: ParentLink?
        if let number = optionalInt(row, column + 9) {
            parent = ParentLink(
                number: number, key: optionalText(row, column + 10) ?? "",
                closePolicy: StoredClosePolicy(column: optionalInt(row, column + 11)))
        }
        return WorkflowRecord(
            number: int(row, column), id: optionalText(row, column + 1),
            lane: Lane(
                queue: text(row, column + 2), key: text(row, column + 3), priority: int16(row, column + 4), workflow: text(row, column + 5),
                version: text(row, column + 6)),
            input: payload(row, column + 7) ?? .void, parent: parent, attributes: payload(row, column + 12),
            created: int(row, column + 14), due: optionalInt(row, column + 15), deadline: optionalInt(row, column + 16),
            expires: optionalInt(row, column + 17))
    }

    /// workflow, key, attempt, started, due, error(+codec), progress(+codec), held_by
    /// .
    func pending(_ row: Int, _ column: Int) -> PendingRecord {
        PendingRecord(
            workflow: int(row, column), key: text(row, column + 1), attempt: Int32(truncatingIfNeeded: int(row, column + 2)),
            started: int(row, column + 3), due: optionalInt(row, column + 4), error: payload(row, column + 5),
            progress: payload(row, column + 7), heldBy: optionalInt(row, column + 9))
    }

    /// sequence, workflow, kind, reference, payload(+codec), topic, key, seen; nil for a kind that only a newer version knows.
    func inboxItem(_ row: Int, _ column: Int) -> InboxItem? {
        guard let kind = InboxKind(rawValue: int16(row, column + 2)) else { return nil }
        return InboxItem(
            sequence: int(row, column), workflow: int(row, column + 1), kind: kind, reference: optionalInt(row, column + 3),
            payload: payload(row, column + 4), topic: optionalText(row, column + 6), key: optionalText(row, column + 7),
            isSeen: bool(row, column + 8))
    }

    /// workflow, status, output(+codec), error(+codec), finished
    /// .
    func outcome(_ row: Int, _ column: Int) -> Outcome {
        Outcome(
            workflow: int(row, column), status: OutcomeStatus(rawValue: int16(row, column + 1)) ?? .failed,
            output: payload(row, column + 2),
            error: payload(row, column + 4), finished: int(row, column + 6))
    }

    /// Every row as something.
    func map<Element>(_ element: (Int) -> Element) -> [Element] { (0..<count).map(element) }

    func compactMap<Element>(_ element: (Int) -> Element?) -> [Element] { (0..<count).compactMap(element) }
}
