/// What happens to a workflow whose deduplication key another one holds.
public enum DeduplicationPolicy: String, Sendable, Hashable, Codable {
    /// An error: ``WorkflowError/Code/duplicate``.
    case reject
    /// The other one is the answer, and nothing is started.
    case useExisting = "use_existing"
    /// The input of the other one is replaced, if it has not begun; it keeps its place. If it has, it keeps running, and this one waits for
    /// its own turn.
    case replace
    /// As `replace`, but one that has begun is asked to cancel; as Inngest's singleton in its mode `cancel`.
    case cancelExisting = "cancel_existing"
}

/// Keeps a second workflow out of a queue while there is one with the same key.
///
/// As DBOS's deduplication id: the key is taken from the moment a workflow is enqueued until it has ended, or until `replace` or
/// `cancelExisting` gives it to another. It is a key of the queue, and has nothing to do with ``EnqueueOptions/key``.
public struct Deduplication: Sendable, Hashable {
    /// What may be there once.
    public var key: String
    /// What happens to the second.
    public var policy: DeduplicationPolicy

    /// Makes one.
    public init(_ key: String, _ policy: DeduplicationPolicy = .useExisting) {
        self.key = key
        self.policy = policy
    }
}

/// Waits until nothing more comes, and then runs once, with what came last.
///
/// As Inngest's debounce: each call puts the start off by `period` and replaces the input, until the workflow has begun.
public struct Debounce: Sendable, Hashable {
    /// Calls with the same key are one workflow.
    public var key: String
    /// How long after the last call it begins.
    public var period: Duration
    /// How long after the first call it begins at the latest; nil may be put off for ever.
    public var maximumWait: Duration?

    /// Makes one.
    public init(_ key: String, period: Duration, maximumWait: Duration? = nil) {
        self.key = key
        self.period = period
        self.maximumWait = maximumWait
    }
}
