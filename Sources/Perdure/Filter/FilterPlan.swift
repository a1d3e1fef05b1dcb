/// A filter as the stores carry it out: of one moment, its `not`s driven into the leaves, and what must hold at once in a row.
package struct FilterPlan: Sendable, Hashable {
    /// All of these must hold; `.not` stands only around a `.test`, and no state set is empty or full unless it is all there is.
    package private(set) var conditions: [FilterNode]
    /// The states that are possible; nil: all.
    package private(set) var states: Set<WorkflowStatus.State>?

    package init(_ filter: WorkflowFilter, now: Microseconds) {
        let flat: [FilterNode] =
            switch filter.node.normalized(now: now) {
            case .all(let nodes): nodes
            case let node: [node]
            }
        conditions = flat.filter { if case .states = $0 { false } else { true } }
        for case .states(let set) in flat { states = states.map { $0.intersection(set) } ?? set }
    }

    /// Nothing can match.
    package var isEmpty: Bool { states?.isEmpty == true || conditions.contains(.any([])) }

    /// Whether it says anything of numbers.
    package var boundsNumbers: Bool {
        conditions.contains { if case .test(.started, _) = $0 { true } else { false } }
    }

    /// The clocks of who starts workflows may be so far from the database's.
    private static let slack: Microseconds = 3_600_000_000
    /// 2025-01-01.
    private static let epoch: Microseconds = 1_735_689_600_000_000

    /// What the numbers of those that were started in time lie between; generous, for a number tells the time by another clock.
    ///
    /// - Parameters:
    ///   - now: The moment of the search by the asking process.
    ///   - databaseNow: The same by the clock that made the numbers. If they are far apart (a test has turned its clock), numbers tell nothing.
    package func numbers(now: Microseconds, databaseNow: Microseconds) -> ClosedRange<WorkflowNumber> {
        var (low, high): (WorkflowNumber, WorkflowNumber) = (.min, .max)
        guard abs(now - databaseNow) < Self.slack / 2 else { return low...high }
        for case .test(.started, let test) in conditions {
            let (from, to) = test.range
            if let from { low = max(low, Self.number(from, -Self.slack)) }
            if let to { high = min(high, Self.number(to, Self.slack)) }
        }
        return low <= high ? low...high : low...low
    }

    private static func number(_ moment: Microseconds, _ slack: Microseconds) -> WorkflowNumber {
        let milliseconds = (min(max(moment, epoch), epoch + 1 << 60) + slack - epoch) / 1000
        if milliseconds <= 0 { return slack < 0 ? .min : 0 }
        let first = min(milliseconds, 1 << 41 - 1) << 22
        return slack < 0 ? first : first + (1 << 22 - 1)
    }
}

extension FilterTest {
    /// Between which moments its values lie.
    fileprivate var range: (from: Microseconds?, to: Microseconds?) {
        switch self {
        case .oneOf(let values):
            let moments = values.compactMap(\.moment)
            return (moments.min(), moments.max())
        case .compare(.greater, let value), .compare(.atLeast, let value): return (value.moment, nil)
        case .compare(.less, let value), .compare(.atMost, let value): return (nil, value.moment)
        case .compare(.startsWith, _), .exists: return (nil, nil)
        }
    }
}

extension FilterValue {
    package var moment: Microseconds? {
        if case .moment(let moment) = self { moment } else { nil }
    }

    /// Text that is a moment is stored in one form, whatever form it was given in.
    fileprivate func resolved(_ field: FilterField, _ now: Microseconds) -> FilterValue {
        switch self {
        case .fromNow(let length):
            let (sum, overflow) = now.addingReportingOverflow(length)
            return .moment(overflow ? (length < 0 ? .min : .max) : sum)
        case .text(let text) where field.kind == .attribute: return .text(SearchAttribute(stored: text).storedText ?? text)
        default: return self
        }
    }
}

extension FilterNode {
    /// The same with moments for durations, without nesting that says nothing, and with `not` only before a test.
    fileprivate func normalized(now: Microseconds, isNegated: Bool = false) -> FilterNode {
        switch self {
        case .not(let node): return node.normalized(now: now, isNegated: !isNegated)
        case .all(let nodes), .any(let nodes):
            let isAll = if case .all = self { !isNegated } else { isNegated }
            return .joined(nodes.map { $0.normalized(now: now, isNegated: isNegated) }, isAll: isAll)
        case .states(let set):
            let set = isNegated ? WorkflowStatus.State.allStates.subtracting(set) : set
            return set.isEmpty ? .any([]) : set == WorkflowStatus.State.allStates ? .all([]) : .states(set)
        case .test(let field, let test):
            let node: FilterNode
            switch test {
            case .oneOf(let values):
                if values.isEmpty { return isNegated ? .all([]) : .any([]) }
                node = .test(field, .oneOf(values.map { $0.resolved(field, now) }))
            case .compare(let comparison, let value): node = .test(field, .compare(comparison, value.resolved(field, now)))
            case .exists: node = self
            }
            return isNegated ? .not(node) : node
        }
    }

    private static func joined(_ nodes: [FilterNode], isAll: Bool) -> FilterNode {
        var flat: [FilterNode] = []
        for node in nodes {
            switch node {
            case .all(let inner) where isAll: flat += inner
            case .any(let inner) where !isAll: flat += inner
            case .all(let inner) where inner.isEmpty: return node
            case .any(let inner) where inner.isEmpty: return node
            default: flat.append(node)
            }
        }
        if flat.count == 1 { return flat[0] }
        return isAll ? .all(flat) : .any(flat)
    }
}
