/// How a workflow waits in its queue, and how it is started, beyond what and where.
public struct EnqueueOptions: Sendable {
    /// Whose work it is: keys take turns, and have limits of their own; at most 512 bytes.
    public var key: String
    /// 0 to 9; the lower number goes first, as Oban's.
    ///
    /// Between keys it decides too: no key begins with a 1 while another has a 0 that may run.
    public var priority: Int
    /// The workflow does not begin before this has passed.
    public var delay: Duration?
    /// If it has not begun after so long it ends as expired; nil is what the queue says.
    public var expiry: Duration?
    /// Keeps others with the same key out while this one is open.
    public var deduplication: Deduplication?
    /// Waits until nothing more comes.
    public var debounce: Debounce?
    /// What happens if an open run has the id.
    public var conflictPolicy: IDConflictPolicy
    /// What happens if a closed run has the id.
    public var reusePolicy: IDReusePolicy
    /// The workflow is cancelled as timed out when it takes longer than this, counted from its start or the end of its delay.
    public var timeout: Duration?
    /// What the workflow is found by; shown in the views, and kept with it.
    ///
    /// At most 64. They are stored as JSON, whatever the codec is.
    public var attributes: [String: SearchAttribute]
    /// The application version that may run it; nil takes the engine's own, or any for a client.
    public var version: String?

    /// Makes options; all have defaults.
    public init(
        key: String = "", priority: Int = 0, delay: Duration? = nil, expiry: Duration? = nil, deduplication: Deduplication? = nil,
        debounce: Debounce? = nil, conflictPolicy: IDConflictPolicy = .useExisting, reusePolicy: IDReusePolicy = .useExisting,
        timeout: Duration? = nil, attributes: [String: SearchAttribute] = [:], version: String? = nil
    ) {
        self.key = key
        self.priority = priority
        self.delay = delay
        self.expiry = expiry
        self.deduplication = deduplication
        self.debounce = debounce
        self.conflictPolicy = conflictPolicy
        self.reusePolicy = reusePolicy
        self.timeout = timeout
        self.attributes = attributes
        self.version = version
    }
}
