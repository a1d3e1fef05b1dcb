public import FoundationEssentials

/// Which workflows are looked at.
public struct HistorySelection: Sendable, Hashable {
    /// Those of this type only; nil is all.
    public var workflow: String?
    /// Those started at this moment or later; nil is all.
    public var since: Date?
    /// Those that have ended, too.
    public var includesClosed: Bool
    /// So many at most, the oldest first; nil is all.
    public var limit: Int?

    /// All that are open, unless something else is said.
    public init(workflow: String? = nil, since: Date? = nil, includesClosed: Bool = false, limit: Int? = nil) {
        self.workflow = workflow
        self.since = since
        self.includesClosed = includesClosed
        self.limit = limit
    }

    var archived: ArchiveSelection {
        ArchiveSelection(
            workflow: workflow, since: since.map { Microseconds(($0.timeIntervalSince1970 * 1_000_000).rounded()) },
            includesClosed: includesClosed)
    }
}
