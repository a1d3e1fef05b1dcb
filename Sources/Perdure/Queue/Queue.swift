/// Where workflows wait until their turn has come, and what decides about that.
///
/// ```swift
/// extension Queue {
///     static let emails = Queue("emails", concurrency: 50, rateLimit: RateLimit(100, per: .seconds(1)))
/// }
///
/// let engine = try await Engine(store: store) {
///     SendEmail(client: client)
///     Queue.emails
/// }
/// try await engine.enqueue(SendEmail.self, email, on: .emails, options: EnqueueOptions(key: email.customer))
/// ```
///
/// An engine takes work only from the queues that it declares. What is declared is stored, so that all limits hold together over all engines,
/// and can be changed while they run: ``Client/changeQueue(_:_:)``, ``Client/pauseQueue(_:reason:)``.
///
/// The lower priorities go first, and within a priority the keys take turns: a key with a million workflows delays one with three by as much
/// as one with three would. Of a key in a priority goes first who came first.
public struct Queue: Sendable, Hashable {
    /// The durable name; at most 512 bytes.
    public let name: String
    /// What can also be changed at run time.
    public var limits: QueueLimits
    /// For how long a workflow holds its slot.
    public var slots: SlotHold
    /// What happens to a workflow whose key is full.
    public var whenFull: FullPolicy
    /// Only one workflow of a key is open at a time; what happens to another is said here.
    public var singleton: DeduplicationPolicy?
    /// What waits longer ends as expired; nil waits for ever.
    public var expiry: Duration?
    /// Several items make one workflow, which gets them as an array.
    public var batch: Batching?

    /// Declares a queue; what is not given is not limited.
    ///
    /// - Parameters:
    ///   - name: The durable name.
    ///   - concurrency: How many of its workflows run at the same time, over all engines.
    ///   - perEngine: How many of them run in one engine.
    ///   - perKey: How many of one key run at the same time, over all engines.
    ///   - rateLimit: How many begin in a stretch of time, over all engines.
    ///   - rateLimitPerKey: The same for each key.
    ///   - weights: How many turns a key takes where others take one; as Temporal's fairness weights, 0.001 to 1,000.
    ///   - slots: For how long a workflow counts as running.
    ///   - whenFull: What happens to a workflow whose key has `perKey` running.
    ///   - singleton: What happens to a second workflow of a key while the first is open.
    ///   - expiry: What has not begun after so long ends as expired.
    ///   - batch: Makes one workflow of many items.
    public init(
        _ name: String, concurrency: Int? = nil, perEngine: Int? = nil, perKey: Int? = nil, rateLimit: RateLimit? = nil,
        rateLimitPerKey: RateLimit? = nil, weights: [String: Double] = [:], slots: SlotHold = .whileRunning, whenFull: FullPolicy = .wait,
        singleton: DeduplicationPolicy? = nil, expiry: Duration? = nil, batch: Batching? = nil
    ) {
        self.name = name
        limits = QueueLimits(
            concurrency: concurrency, perEngine: perEngine, perKey: perKey, rateLimit: rateLimit, rateLimitPerKey: rateLimitPerKey,
            weights: weights)
        self.slots = slots
        self.whenFull = whenFull
        self.singleton = singleton
        self.expiry = expiry
        self.batch = batch
    }

    /// A queue in which the workflows of a key run one after the other, each only when the one before has *ended*.
    ///
    /// As pg-boss's `key_strict_fifo`: also one that sleeps, waits, or was set aside holds up those behind it. A workflow without a key has the
    /// empty one.
    ///
    /// An engine keeps to the order of what it can run: one of a type, or of a version, that it does not have holds up nothing in it. So a key
    /// should have workflows of one type, and when versions change, the old engines be there until theirs are done.
    public static func strictOrder(
        _ name: String, concurrency: Int? = nil, perEngine: Int? = nil, rateLimit: RateLimit? = nil, expiry: Duration? = nil
    ) -> Queue {
        Queue(
            name, concurrency: concurrency, perEngine: perEngine, perKey: 1, rateLimit: rateLimit, slots: .untilEnd, expiry: expiry)
    }

    /// For how long a workflow counts as running.
    public enum SlotHold: String, Sendable, Hashable, Codable {
        /// While it is in an engine's memory; one that waits for more than a moment leaves its slot to others, and takes its turn again.
        ///
        /// As Inngest's concurrency: a wait holds no slot, and a parent that waits for children in its own queue does not block them.
        case whileRunning
        /// From its beginning to its end, also while it waits or is set aside; as DBOS's concurrency.
        case untilEnd
    }

    /// What happens to a workflow whose key is full; as Hatchet's concurrency strategies.
    public enum FullPolicy: String, Sendable, Hashable, Codable {
        /// It waits for its turn.
        case wait
        /// The oldest that runs is cancelled to make room, and those that wait before the newest end as cancelled.
        case cancelRunning
        /// It ends as cancelled, without running.
        case dropNewest
    }

    /// How items become a workflow.
    public struct Batching: Sendable, Hashable {
        /// How many items one workflow gets at most.
        public var size: Int
        /// How long the first item waits for others.
        public var within: Duration

        /// So many, or what came in that time.
        public init(size: Int, within: Duration) {
            self.size = size
            self.within = within
        }
    }
}

/// What of a queue can be changed while engines run; nil is no limit.
public struct QueueLimits: Sendable, Hashable {
    /// How many of its workflows run at the same time, over all engines.
    public var concurrency: Int?
    /// How many of them run in one engine.
    public var perEngine: Int?
    /// How many of one key run at the same time, over all engines.
    public var perKey: Int?
    /// How many begin in a stretch of time, over all engines.
    public var rateLimit: RateLimit?
    /// How many of one key begin in a stretch of time, over all engines.
    public var rateLimitPerKey: RateLimit?
    /// How many turns a key takes where others take one.
    public var weights: [String: Double]

    /// Makes limits.
    public init(
        concurrency: Int? = nil, perEngine: Int? = nil, perKey: Int? = nil, rateLimit: RateLimit? = nil,
        rateLimitPerKey: RateLimit? = nil, weights: [String: Double] = [:]
    ) {
        self.concurrency = concurrency
        self.perEngine = perEngine
        self.perKey = perKey
        self.rateLimit = rateLimit
        self.rateLimitPerKey = rateLimitPerKey
        self.weights = weights
    }
}
