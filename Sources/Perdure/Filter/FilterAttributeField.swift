/// An attribute, in a ``WorkflowFilter`` that is written in Swift.
///
/// Only values of one kind compare: a number with a number, whole or not, and text with text. A list equals each of its texts.
public struct FilterAttributeField: Sendable {
    let name: String

    /// The attribute of this name.
    public static func attribute(_ name: String) -> FilterAttributeField { FilterAttributeField(name: name) }

    /// The same value; of a list, one of its texts.
    public static func == (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { left.isOne(of: [right]) }
    /// Another value, or none.
    public static func != (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { !(left == right) }
    /// A lower value.
    public static func < (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { left.compare(.less, right) }
    /// A lower value, or the same.
    public static func <= (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { left.compare(.atMost, right) }
    /// A higher value.
    public static func > (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { left.compare(.greater, right) }
    /// A higher value, or the same.
    public static func >= (left: FilterAttributeField, right: SearchAttribute) -> WorkflowFilter { left.compare(.atLeast, right) }

    /// One of these values.
    public func isOne(of values: [SearchAttribute]) -> WorkflowFilter {
        WorkflowFilter(.test(.attribute(name), .oneOf(values.flatMap(\.filterValues))))
    }
    /// Text that begins so.
    public func starts(with prefix: String) -> WorkflowFilter {
        WorkflowFilter(.test(.attribute(name), .compare(.startsWith, .text(prefix))))
    }
    /// The workflow has it.
    public var exists: WorkflowFilter { WorkflowFilter(.test(.attribute(name), .exists)) }

    /// With each of a list: one is enough.
    private func compare(_ comparison: FilterComparison, _ value: SearchAttribute) -> WorkflowFilter {
        let tests = value.filterValues.map { FilterNode.test(.attribute(name), .compare(comparison, $0)) }
        return WorkflowFilter(tests.count == 1 ? tests[0] : .any(tests))
    }
}

extension SearchAttribute {
    fileprivate var filterValues: [FilterValue] {
        switch self {
        case .text(let text): [.text(text)]
        case .int(let number): [.number(.int(number))]
        // What is no number equals nothing.
        case .number(let number): number.isNaN ? [] : [.number(.double(number))]
        case .bool(let truth): [.bool(truth)]
        case .date(let date): [.moment(MomentText.clamped(date))]
        case .list(let texts): texts.map { .text($0) }
        }
    }
}

/// The same fields once more, for those whose filter goes on behind a dot: `.name.starts(with: "Check")`.
extension WorkflowFilter {
    /// The public id; of an id that had several runs, all of them.
    public static var id: FilterTextField { .id }
    /// The workflow's type.
    public static var name: FilterTextField { .name }
    /// The application version that may run it; empty is any.
    public static var version: FilterTextField { .version }
    /// The queue that it is or was in; empty if none.
    public static var queue: FilterTextField { .queue }
    /// Its key in the queue.
    public static var key: FilterTextField { .key }
    /// The parent's id; one of the user's stands for its newest run.
    public static var parent: FilterParentField { .parent }
    /// Its state.
    public static var status: FilterStateField { .status }
    /// When it was started.
    public static var started: FilterMomentField { .started }
    /// When it ended.
    public static var finished: FilterMomentField { .finished }
    /// When it begins or wakes.
    public static var due: FilterMomentField { .due }
    /// When it times out.
    public static var deadline: FilterMomentField { .deadline }
    /// The attribute of this name.
    public static func attribute(_ name: String) -> FilterAttributeField { .attribute(name) }
}
