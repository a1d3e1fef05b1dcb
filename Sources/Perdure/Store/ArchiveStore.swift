/// Reads for those who look at workflows and do not run them.
///
/// Writes nothing, and locks nothing that anybody waits for: on Postgres in read-only transactions.
package protocol ArchiveStore: Sendable {
    /// At most `limit` numbers of the selection behind `number`, rising.
    func numbers(
        of selection: ArchiveSelection, after number: WorkflowNumber, limit: Int
    ) async throws(StoreError) -> [WorkflowNumber]
    /// All that is recorded of a workflow, as of one moment; nil if there is none.
    func recorded(_ number: WorkflowNumber) async throws(StoreError) -> RecordedHistory?
    /// The versions that have open workflows, and those that live engines serve; by name.
    func versions() async throws(StoreError) -> [VersionRecord]
}

/// Which workflows are looked at.
package struct ArchiveSelection: Sendable, Hashable {
    /// Those of this type only.
    package var workflow: String?
    /// Those started at this moment or later.
    package var since: Microseconds?
    /// Those that have ended, too.
    package var includesClosed: Bool

    package init(workflow: String? = nil, since: Microseconds? = nil, includesClosed: Bool = false) {
        self.workflow = workflow
        self.since = since
        self.includesClosed = includesClosed
    }
}

/// What is open of one version of an application.
package struct VersionRecord: Sendable, Hashable {
    package var version: String
    /// Those that have not ended: the sum of the four behind it.
    package var open = 0
    package var queued = 0
    package var running = 0
    package var waiting = 0
    package var setAside = 0
    /// When the oldest of them was started.
    package var oldest: Microseconds?
    /// The latest moment for which one of them waits.
    package var latestDue: Microseconds?
    /// When the last of them will have timed out; nil if one of them has no deadline, or is set aside.
    package var drained: Microseconds?
    /// How many live engines run workflows of it.
    package var engines = 0
    /// How many of it have ended in the hour before.
    package var endedInHour = 0

    package init(version: String) { self.version = version }
}
