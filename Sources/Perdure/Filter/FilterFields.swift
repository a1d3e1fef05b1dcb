public import FoundationEssentials

/// A field that is text, in a ``WorkflowFilter`` that is written in Swift.
public struct FilterTextField: Sendable {
    let field: FilterField

    /// The public id; of an id that had several runs, all of them.
    public static let id = FilterTextField(field: .id)
    /// The workflow's type.
    public static let name = FilterTextField(field: .name)
    /// The application version that may run it; empty is any.
    public static let version = FilterTextField(field: .version)
    /// The queue that it is or was in; empty if none.
    public static let queue = FilterTextField(field: .queue)
    /// Its key in the queue.
    public static let key = FilterTextField(field: .key)

    /// The same text, byte by byte.
    public static func == (left: FilterTextField, right: String) -> WorkflowFilter { left.isOne(of: [right]) }
    /// Any other text.
    public static func != (left: FilterTextField, right: String) -> WorkflowFilter { !(left == right) }

    /// One of these texts.
    public func isOne(of texts: [String]) -> WorkflowFilter { WorkflowFilter(.test(field, .oneOf(texts.map { .text($0) }))) }
    /// Text that begins so.
    public func starts(with prefix: String) -> WorkflowFilter { WorkflowFilter(.test(field, .compare(.startsWith, .text(prefix)))) }
}

/// The parent of a workflow, in a ``WorkflowFilter`` that is written in Swift.
public struct FilterParentField: Sendable {
    /// The parent's id; one of the user's stands for its newest run.
    public static let parent = FilterParentField()

    /// The child of this one.
    public static func == (left: FilterParentField, right: String) -> WorkflowFilter {
        WorkflowFilter(.test(.parent, .oneOf([.text(right)])))
    }
    /// Not the child of this one.
    public static func != (left: FilterParentField, right: String) -> WorkflowFilter { !(left == right) }
    /// The child of some workflow.
    public var exists: WorkflowFilter { WorkflowFilter(.test(.parent, .exists)) }
}

/// Where a workflow is in its life, in a ``WorkflowFilter`` that is written in Swift.
public struct FilterStateField: Sendable {
    /// Its state.
    public static let status = FilterStateField()

    /// In this state.
    public static func == (left: FilterStateField, right: WorkflowStatus.State) -> WorkflowFilter { WorkflowFilter(.states([right])) }
    /// In any other state.
    public static func != (left: FilterStateField, right: WorkflowStatus.State) -> WorkflowFilter { !(left == right) }
    /// In one of these states.
    public func isOne(of states: Set<WorkflowStatus.State>) -> WorkflowFilter { WorkflowFilter(.states(states)) }
}

/// A moment in the life of a workflow, in a ``WorkflowFilter`` that is written in Swift.
public struct FilterMomentField: Sendable {
    let field: FilterField

    /// When it was started.
    public static let started = FilterMomentField(field: .started)
    /// When it ended.
    public static let finished = FilterMomentField(field: .finished)
    /// When it begins or wakes.
    public static let due = FilterMomentField(field: .due)
    /// When it times out.
    public static let deadline = FilterMomentField(field: .deadline)

    /// Before it.
    public static func < (left: FilterMomentField, right: FilterMoment) -> WorkflowFilter { left.compare(.less, right) }
    /// Before it, or then.
    public static func <= (left: FilterMomentField, right: FilterMoment) -> WorkflowFilter { left.compare(.atMost, right) }
    /// After it.
    public static func > (left: FilterMomentField, right: FilterMoment) -> WorkflowFilter { left.compare(.greater, right) }
    /// After it, or then.
    public static func >= (left: FilterMomentField, right: FilterMoment) -> WorkflowFilter { left.compare(.atLeast, right) }
    /// There is such a moment.
    public var exists: WorkflowFilter { WorkflowFilter(.test(field, .exists)) }

    private func compare(_ comparison: FilterComparison, _ moment: FilterMoment) -> WorkflowFilter {
        WorkflowFilter(.test(field, .compare(comparison, moment.value)))
    }
}

/// A moment that others are compared with.
public struct FilterMoment: Sendable, Hashable {
    let value: FilterValue

    /// This moment.
    public static func at(_ date: Date) -> FilterMoment { FilterMoment(value: .moment(MomentText.clamped(date))) }
    /// So long before the search.
    public static func ago(_ duration: Duration) -> FilterMoment { FilterMoment(value: .fromNow((.zero - duration).wholeMicroseconds)) }
    /// So long after the search.
    public static func fromNow(_ duration: Duration) -> FilterMoment { FilterMoment(value: .fromNow(duration.wholeMicroseconds)) }
}

/// A field that is a whole number, in a ``WorkflowFilter`` that is written in Swift.
public struct FilterNumberField: Sendable {
    let field: FilterField

    /// Its priority in its queue.
    public static let priority = FilterNumberField(field: .priority)
    /// How many engines have died while they had it.
    public static let crashes = FilterNumberField(field: .crashes)

    /// The same number.
    public static func == (left: FilterNumberField, right: Int) -> WorkflowFilter {
        WorkflowFilter(.test(left.field, .oneOf([.number(.int(Int64(right)))])))
    }
    /// Any other number.
    public static func != (left: FilterNumberField, right: Int) -> WorkflowFilter { !(left == right) }
    /// A lower number.
    public static func < (left: FilterNumberField, right: Int) -> WorkflowFilter { left.compare(.less, right) }
    /// A higher number.
    public static func > (left: FilterNumberField, right: Int) -> WorkflowFilter { left.compare(.greater, right) }

    private func compare(_ comparison: FilterComparison, _ number: Int) -> WorkflowFilter {
        WorkflowFilter(.test(field, .compare(comparison, .number(.int(Int64(number))))))
    }
}
