/// What a filter asks of a workflow: true or false for every one, never neither.
///
/// A comparison with what a workflow does not have is false, and its `not` is true.
package indirect enum FilterNode: Sendable, Hashable {
    /// All of them; of none of them it is true.
    case all([FilterNode])
    /// One of them at least; of none of them it is false.
    case any([FilterNode])
    case not(FilterNode)
    /// Every workflow is in one state.
    case states(Set<WorkflowStatus.State>)
    case test(FilterField, FilterTest)
}

/// What can be asked of one field.
package enum FilterTest: Sendable, Hashable {
    /// It equals one of these.
    case oneOf([FilterValue])
    case compare(FilterComparison, FilterValue)
    /// It is there.
    case exists
}

/// Comparisons besides equality.
///
/// Text is compared byte by byte.
package enum FilterComparison: Sendable, Hashable, CaseIterable {
    case less, atMost, greater, atLeast
    /// Of text.
    case startsWith
}

/// What a field is compared with.
package enum FilterValue: Sendable, Hashable {
    case text(String)
    case number(AttributeRow.Number)
    case bool(Bool)
    case moment(Microseconds)
    /// So many microseconds after the moment of the search.
    case fromNow(Microseconds)
}

/// What every workflow has or may have; all else is an attribute.
package enum FilterField: Sendable, Hashable {
    case id, name, version, queue, key
    /// Its id; one of the user's stands for its newest run.
    case parent
    case started, finished, due, deadline
    case priority, crashes
    case attribute(String)

    /// What its values are.
    package enum Kind: Sendable {
        case text, reference, moment, number
        /// Of whatever kind the value is that it is compared with.
        case attribute
    }

    package var kind: Kind {
        switch self {
        case .id, .name, .version, .queue, .key: .text
        case .parent: .reference
        case .started, .finished, .due, .deadline: .moment
        case .priority, .crashes: .number
        case .attribute: .attribute
        }
    }

    /// Those that may be missing.
    package var isOptional: Bool {
        switch self {
        case .finished, .due, .deadline, .parent, .attribute: true
        default: false
        }
    }
}
