/// A lane in which something may be ready, and its number in the store.
///
/// What was returned waits in a lane of its own.
package struct ReadyLane: Sendable, Hashable {
    package var number: Int64
    package var lane: Lane
    package var isReturned: Bool

    package init(number: Int64, lane: Lane, isReturned: Bool) {
        self.number = number
        self.lane = lane
        self.isReturned = isReturned
    }
}

/// A limit that all engines share: of a queue, or of one of its keys.
package struct LimitID: Sendable, Hashable {
    package var queue: String
    /// nil: of the whole queue.
    package var key: String?

    package init(queue: String, key: String? = nil) {
        self.queue = queue
        self.key = key
    }
}

/// A right to run one workflow: the row of `slots`.
///
/// The primary key is the limit, so nothing is ever counted.
package struct Slot: Sendable, Hashable {
    package var limit: LimitID
    /// Below the limit, and nobody else has it.
    package var index: Int32

    package init(limit: LimitID, index: Int32) {
        self.limit = limit
        self.index = index
    }
}

/// Slots that a claim needs.
package struct SlotWish: Sendable, Hashable {
    package var limit: LimitID
    package var capacity: Int
    /// How many the executor holds and does not use.
    package var free: Int
    /// How many more it takes if they are free.
    package var wanted: Int

    package init(limit: LimitID, capacity: Int, free: Int = 0, wanted: Int) {
        self.limit = limit
        self.capacity = capacity
        self.free = free
        self.wanted = wanted
    }
}

/// Starts that a claim is allowed by a rate limit.
package struct RateWish: Sendable, Hashable {
    package var limit: LimitID
    package var rate: RateLimit

    package init(limit: LimitID, rate: RateLimit) {
        self.limit = limit
        self.rate = rate
    }
}

/// What is asked of one key, or of one queue without keys: as many of its oldest.
package struct ClaimAsk: Sendable, Hashable {
    /// Of one priority; what came first in any of them goes first.
    package var lanes: [Int64]
    package var isReturned: Bool
    package var priority: Int16
    package var queue: String
    package var key: String
    package var limit: Int
    /// Those of the claim's `slots` that each workflow needs one of.
    package var slots: [LimitID] = []
    /// Those of the claim's `rates` that each workflow counts against.
    package var rates: [LimitID] = []
    /// A slot is the workflow's until its end, and not the executor's.
    package var holdsUntilEnd = false

    package init(
        lanes: [Int64], isReturned: Bool = false, priority: Int16 = 0, queue: String, key: String = "", limit: Int, slots: [LimitID] = [],
        rates: [LimitID] = [], holdsUntilEnd: Bool = false
    ) {
        self.lanes = lanes
        self.isReturned = isReturned
        self.priority = priority
        self.queue = queue
        self.key = key
        self.limit = limit
        self.slots = slots
        self.rates = rates
        self.holdsUntilEnd = holdsUntilEnd
    }
}

/// What one claim asks for, all in one transaction.
package struct ClaimRequest: Sendable {
    package var asks: [ClaimAsk] = []
    /// As the engine knows its queues; what is asked of one that has changed since is left alone.
    package var revisions: [String: Int64] = [:]
    package var slots: [SlotWish] = []
    package var rates: [RateWish] = []
    /// The engine's time of day: what is due later is put to waiting.
    package var now: Microseconds

    package init(
        asks: [ClaimAsk] = [], revisions: [String: Int64] = [:], slots: [SlotWish] = [], rates: [RateWish] = [], now: Microseconds
    ) {
        self.asks = asks
        self.revisions = revisions
        self.slots = slots
        self.rates = rates
        self.now = now
    }

    package var isPlain: Bool { slots.allSatisfy { $0.wanted == 0 } && rates.isEmpty && !asks.contains { $0.holdsUntilEnd } }
}

/// What a claim got.
package struct ClaimReport: Sendable {
    package struct Answer: Sendable {
        package var claimed: [Claimed] = []
        /// There may be more in these lanes.
        package var hasMore = false
        /// The limit that let through fewer than was asked for.
        package var shortOf: LimitID?

        package init(claimed: [Claimed] = [], hasMore: Bool = false, shortOf: LimitID? = nil) {
            self.claimed = claimed
            self.hasMore = hasMore
            self.shortOf = shortOf
        }
    }

    /// One for each ask.
    package var answers: [Answer]
    /// Slots that the executor has taken, and keeps until it frees them; none that it could not use because of another limit.
    package var taken: [Slot]
    /// How long it is until a rate limit lets one through again, where it is the reason that more was not claimed.
    package var nextTokens: [LimitID: Duration]
    /// Queues that have changed: the engine looks at them and asks again.
    package var stale: Set<String>

    package init(answers: [Answer], taken: [Slot] = [], nextTokens: [LimitID: Duration] = [:], stale: Set<String> = []) {
        self.answers = answers
        self.taken = taken
        self.nextTokens = nextTokens
        self.stale = stale
    }
}

/// Asks for room under a key that is full.
package struct DisplaceRequest: Sendable {
    package var limit: LimitID
    package var capacity: Int
    /// The lanes of fresh work of the key.
    package var lanes: [Int64]
    /// Cancel what runs, or drop what waits.
    package var cancels: Bool
    package var revision: Int64

    package init(limit: LimitID, capacity: Int, lanes: [Int64], cancels: Bool, revision: Int64) {
        self.limit = limit
        self.capacity = capacity
        self.lanes = lanes
        self.cancels = cancels
        self.revision = revision
    }
}

/// What has given way.
package struct DisplaceReport: Sendable, Equatable {
    /// To end without running, now this executor's.
    package var displaced: [Claimed]
    /// Were asked to cancel.
    package var cancelled: [WorkflowNumber]

    package init(displaced: [Claimed] = [], cancelled: [WorkflowNumber] = []) {
        self.displaced = displaced
        self.cancelled = cancelled
    }
}
