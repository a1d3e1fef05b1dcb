internal import Perdure

/// Says of one workflow whether a filter is true of it: the measure for all stores.
struct FilterEvaluator {
    let tables: Tables
    let now: Microseconds

    func matches(_ node: FilterNode, _ record: WorkflowRecord) -> Bool {
        switch node {
        case .all(let nodes): nodes.allSatisfy { matches($0, record) }
        case .any(let nodes): nodes.contains { matches($0, record) }
        case .not(let node): !matches(node, record)
        case .states(let states): states.contains(state(record))
        case .test(let field, let test): matches(field, test, record)
        }
    }

    func state(_ record: WorkflowRecord) -> WorkflowStatus.State {
        WorkflowStatus.state(tables.summary(record), now)
    }

    private func matches(_ field: FilterField, _ test: FilterTest, _ record: WorkflowRecord) -> Bool {
        switch field {
        case .id: matches(.text(record.id ?? Names.publicID(record.number)), test)
        case .name: matches(.text(record.lane.workflow), test)
        case .version: matches(.text(record.lane.version), test)
        case .queue: matches(.text(record.lane.queue), test)
        case .key: matches(.text(record.lane.key), test)
        case .parent: isChild(record, test)
        case .started: matches(.moment(record.created), test)
        case .finished: matches(tables.outcomes[record.number].map { .moment($0.finished) }, test)
        case .due: matches(tables.live[record.number]?.due.flatMap { $0 == .max ? nil : .moment($0) }, test)
        case .deadline: matches(record.deadline.map { .moment($0) }, test)
        case .priority: matches(.number(.int(Int64(record.lane.priority))), test)
        case .crashes: matches(.number(.int(Int64(tables.live[record.number]?.crashes ?? 0))), test)
        case .attribute(let name): hasAttribute(name, test, record)
        }
    }

    private func matches(_ value: FilterValue?, _ test: FilterTest) -> Bool {
        guard let value else { return false }
        switch test {
        case .exists: return true
        case .oneOf(let others): return others.contains { value.order($0) == 0 }
        case .compare(.startsWith, let prefix): return value.starts(with: prefix)
        case .compare(let comparison, let other): return value.order(other).map { comparison.holds($0) } ?? false
        }
    }

    /// Of an id of the user's the newest run, and of ids of ours the run itself.
    private func isChild(_ record: WorkflowRecord, _ test: FilterTest) -> Bool {
        guard let parent = record.parent?.number else { return false }
        switch test {
        case .exists: return true
        case .oneOf(let values):
            return values.contains { value in
                guard case .text(let id) = value else { return false }
                return tables.ids[ExactText(id)] == parent || Names.number(fromPublicID: id) == parent
            }
        case .compare: return false
        }
    }

    /// One of its rows is enough.
    private func hasAttribute(_ name: String, _ test: FilterTest, _ record: WorkflowRecord) -> Bool {
        record.attributeRows.contains { row in
            ExactText(row.name) == ExactText(name) && row.filterValues.contains { matches($0, test) }
        }
    }
}

extension AttributeRow {
    /// What it is compared as; a moment is text too.
    fileprivate var filterValues: [FilterValue] {
        var values = text.map { [FilterValue.text($0)] } ?? []
        switch (kind, number) {
        case (.number, .some(let number)): values.append(.number(number))
        case (.bool, .some(let number)): values.append(.bool(number == .int(1)))
        case (.moment, .some(.int(let moment))): values.append(.moment(moment))
        default: break
        }
        return values
    }
}

extension FilterComparison {
    /// - Parameter order: Below zero if the first is less.
    fileprivate func holds(_ order: Int) -> Bool {
        switch self {
        case .less: order < 0
        case .atMost: order <= 0
        case .greater: order > 0
        case .atLeast: order >= 0
        case .startsWith: false
        }
    }
}

extension FilterValue {
    /// nil: they are of two kinds.
    fileprivate func order(_ other: FilterValue) -> Int? {
        switch (self, other) {
        case (.text(let left), .text(let right)):
            return left.utf8.elementsEqual(right.utf8) ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        case (.moment(let left), .moment(let right)): return left < right ? -1 : left == right ? 0 : 1
        case (.bool(let left), .bool(let right)): return left == right ? 0 : right ? -1 : 1
        case (.number(let left), .number(let right)): return left.order(right)
        default: return nil
        }
    }

    fileprivate func starts(with prefix: FilterValue) -> Bool {
        guard case .text(let text) = self, case .text(let prefix) = prefix else { return false }
        return text.utf8.starts(with: prefix.utf8)
    }
}

extension AttributeRow.Number {
    /// Exact: no whole number is rounded to a double.
    fileprivate func order(_ other: AttributeRow.Number) -> Int {
        switch (self, other) {
        case (.int(let left), .int(let right)): left < right ? -1 : left == right ? 0 : 1
        case (.double(let left), .double(let right)): left < right ? -1 : left == right ? 0 : 1
        case (.int(let left), .double(let right)): Self.order(left, right)
        case (.double(let left), .int(let right)): -Self.order(right, left)
        }
    }

    private static func order(_ whole: Int64, _ number: Double) -> Int {
        // What is beyond all whole numbers decides by its sign; the rest has a whole part that is one.
        if number >= 9_223_372_036_854_775_808 { return -1 }
        if number < -9_223_372_036_854_775_808 { return 1 }
        let part = Int64(number.rounded(.down))
        if whole != part { return whole < part ? -1 : 1 }
        return number > number.rounded(.down) ? -1 : 0
    }
}
