public import FoundationEssentials

/// Which workflows are looked at.
public struct HistorySelection: Sendable, Hashable {
    /// Those of this type only; nil is all.
    public var workflow: String?
    /// Those started at this moment or later; nil is all.
    public var since: Date?
    /// Those of which this is true; nil is all.
    public var filter: WorkflowFilter?
    /// Those that have ended, too.
    public var includesClosed: Bool
    /// So many at most, the oldest first; nil is all.
    public var limit: Int?

    /// All that are open, unless something else is said.
    public init(workflow: String? = nil, since: Date? = nil, includesClosed: Bool = false, limit: Int? = nil, filter: WorkflowFilter? = nil)
    {
        self.workflow = workflow
        self.since = since
        self.includesClosed = includesClosed
        self.limit = limit
        self.filter = filter
    }

    var archived: ArchiveSelection {
        ArchiveSelection(workflow: workflow, since: earliest, includesClosed: includesClosed)
    }

    /// All that is asked for as one filter; nil if there was none.
    var search: WorkflowFilter? {
        guard var all = filter else { return nil }
        if !includesClosed { all = all && .open }
        if let workflow { all = all && WorkflowFilter(.test(.name, .oneOf([.text(workflow)]))) }
        if let earliest { all = all && WorkflowFilter(.test(.started, .compare(.atLeast, .moment(earliest)))) }
        return all
    }

    private var earliest: Microseconds? { since.map { Microseconds(($0.timeIntervalSince1970 * 1_000_000).rounded()) } }
}
