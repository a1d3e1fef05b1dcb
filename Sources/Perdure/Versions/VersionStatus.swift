public import FoundationEssentials

/// What is open of one version of an application.
public struct VersionStatus: Sendable, Hashable {
    /// The version; empty for workflows that were started without one, which every engine runs.
    public var version: String
    /// How many workflows of it have not ended; the sum of the four that follow.
    public var open: Int
    /// How many of these wait for an engine, or are not to begin yet.
    public var queued: Int
    /// How many of these an engine has.
    public var running: Int
    /// How many of these wait in no engine's memory.
    public var waiting: Int
    /// How many of these go no further without a person: set aside, or paused.
    public var setAside: Int
    /// When the oldest of them was started.
    public var oldestCreatedAt: Date?
    /// The latest moment for which one of them waits.
    public var latestDueAt: Date?
    /// When the last of them will have timed out; nil if nothing is open, if one of them has no timeout, or is set aside or paused.
    public var drainedAt: Date?
    /// How many live engines run workflows of it.
    public var engines: Int
    /// How many of it have ended in the hour before.
    public var endedInHour: Int

    /// Nothing of it is open.
    public var isDrained: Bool { open == 0 }

    init(_ record: VersionRecord) {
        version = record.version
        (open, queued, running, waiting, setAside) = (record.open, record.queued, record.running, record.waiting, record.setAside)
        oldestCreatedAt = record.oldest.map(Self.date)
        latestDueAt = record.latestDue.map(Self.date)
        drainedAt = record.drained.map(Self.date)
        engines = record.engines
        endedInHour = record.endedInHour
    }

    private static func date(_ moment: Microseconds) -> Date { Date(timeIntervalSince1970: Double(moment) / 1_000_000) }
}

extension Client {
    /// The versions that have open workflows, and those that live engines run.
    ///
    /// An old version can be switched off when nothing of it is open. Counts all that is open, so it is for people and dashboards.
    public func versions() async throws -> [VersionStatus] {
        try await core.store.versions().map(VersionStatus.init)
    }
}
