public import FoundationEssentials

/// A queue as it is now.
public struct QueueStatus: Sendable {
    /// The durable name.
    public let name: String
    /// What holds, over all engines.
    public let limits: QueueLimits
    /// What is declared; other than `limits` where those were changed since.
    public let declaredLimits: QueueLimits
    /// Nothing begins; what has begun goes on, also after a crash.
    public let isPaused: Bool
    /// Why, if whoever paused it said so.
    public let pauseReason: String?
    /// How many live engines take work from it; with none, its workflows wait.
    public let engines: Int
    /// Workflows that may begin, or go on, as soon as it is their turn.
    public let waiting: Int
    /// Workflows that are not to begin yet.
    public let delayed: Int
    /// Workflows that an engine has.
    public let running: Int
    /// When the one that waits longest was enqueued.
    public let oldestWaitingSince: Date?
    /// Items that wait until an engine makes a workflow of them; with no engine, or no `batch:` declared any more, they stay.
    public let items: Int

    init(_ row: QueueRow, _ counts: QueueCounts) {
        name = row.name
        (limits, declaredLimits) = (row.rules.limits, row.declared.limits)
        (isPaused, pauseReason, engines) = (row.isPaused, row.pauseReason, row.engines)
        (waiting, delayed, running) = (counts.waiting, counts.delayed, counts.running)
        items = counts.items
        oldestWaitingSince = counts.oldest.map { Date(timeIntervalSince1970: Double($0) / 1_000_000) }
    }
}
