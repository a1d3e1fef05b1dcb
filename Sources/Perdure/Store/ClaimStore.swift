/// What an engine can run: it claims nothing else.
package struct Repertoire: Sendable, Equatable {
    package var workflows: Set<String>
    /// The empty version, of workflows that run on any, is one of them.
    package var versions: Set<String>
    /// The empty name, of workflows that are in no queue, is one of them.
    package var queues: Set<String>
    /// Of these, those whose workflows take their turn again when what they waited for has come: their slots were others' meanwhile.
    package var limited: Set<String>
    /// Types that it could run and that are paused: of these it claims only what was cancelled.
    package private(set) var paused: Set<String> = []

    package init(workflows: Set<String>, versions: Set<String>, queues: Set<String> = [""], limited: Set<String> = []) {
        self.workflows = workflows
        self.versions = versions
        self.queues = queues
        self.limited = limited
    }

    /// These types are paused, and no others.
    package mutating func pause(_ types: Set<String>) {
        let all = workflows.union(paused)
        (workflows, paused) = (all.subtracting(types), all.intersection(types))
    }

    /// Each name with each version.
    package var pairs: [(workflow: String, version: String)] {
        workflows.sorted().flatMap { workflow in versions.sorted().map { (workflow, $0) } }
    }

    package func contains(_ lane: Lane) -> Bool {
        workflows.contains(lane.workflow) && versions.contains(lane.version) && queues.contains(lane.queue)
    }

    /// Whether a workflow of the lane is run that was cancelled, although its type is paused; whatever slots there are.
    package func runsCancelled(_ lane: Lane) -> Bool {
        paused.contains(lane.workflow) && versions.contains(lane.version) && queues.contains(lane.queue)
    }

    /// Whether a workflow of the lane that has waited is run at once.
    package func wakes(_ lane: Lane) -> Bool { contains(lane) && !limited.contains(lane.queue) }

    /// The queues whose workflows are run at once when they wake.
    package var direct: Set<String> { queues.subtracting(limited) }
}

/// What a claim got.
package struct Claimed: Sendable, Equatable {
    package var number: WorkflowNumber
    /// How many engines died with it.
    package var crashes: Int
    /// It is not to run before this moment (a delayed start): it was not claimed, but waits for it now.
    package var due: Microseconds?
    /// It was ready, and no executor has had it before.
    package var isFresh: Bool
    /// It has waited longer than it was to: it ends without running.
    package var isExpired = false
    /// False: it is not of the repertoire, and was not claimed but made ready for those who can run it.
    package var isServed: Bool
    /// What was asked, of one that is fresh and for which nothing has arrived, where the store has read it with the claim: then this is all that
    /// there is to be loaded.
    package var record: WorkflowRecord?

    package init(
        number: WorkflowNumber, crashes: Int = 0, due: Microseconds? = nil, isFresh: Bool = false, isExpired: Bool = false,
        isServed: Bool = true, record: WorkflowRecord? = nil
    ) {
        self.record = record
        self.isExpired = isExpired
        self.number = number
        self.crashes = crashes
        self.due = due
        self.isFresh = isFresh
        self.isServed = isServed
    }

    /// Two claims of the same are equal, whichever store has read along what was asked.
    package static func == (left: Claimed, right: Claimed) -> Bool {
        left.number == right.number && left.crashes == right.crashes && left.due == right.due && left.isFresh == right.isFresh
            && left.isExpired == right.isExpired && left.isServed == right.isServed
    }
}

/// What is to be tried next of what may be to blame for the ends of engines.
package struct Suspect: Sendable, Equatable {
    package var crashes: Int
    package var due: Microseconds

    package init(crashes: Int, due: Microseconds) {
        self.crashes = crashes
        self.due = due
    }
}

/// What a poll sees: where it would be worth while to look.
package struct Glance: Sendable, Equatable {
    /// Something may be ready.
    package var ready: Bool
    /// Something may have arrived.
    package var inbox: Bool
    /// When the first of those that wait is due, as `nextDue`.
    package var nextDue: Microseconds?
    /// As `nextSuspect`.
    package var suspect: Suspect?
    /// Something has waited longer than it was to.
    package var expired = true
    /// The sum of the revisions of all queues: something about them has changed if it has.
    package var queues: Int64?
    /// The same of what is paused.
    package var pauses: Int64?
    /// When the first schedule is due, as `nextSchedule`.
    package var nextSchedule: Microseconds?

    package init(
        ready: Bool = true, inbox: Bool = true, nextDue: Microseconds? = .min, suspect: Suspect? = Suspect(crashes: 0, due: .min),
        expired: Bool = true, queues: Int64? = nil, pauses: Int64? = nil, nextSchedule: Microseconds? = .min
    ) {
        self.pauses = pauses
        self.nextSchedule = nextSchedule
        self.expired = expired
        self.queues = queues
        self.ready = ready
        self.inbox = inbox
        self.nextDue = nextDue
        self.suspect = suspect
    }
}

extension Glance {
    /// Not worth while.
    package static let nothing = Glance(ready: false, inbox: false, nextDue: nil, suspect: nil, expired: false, nextSchedule: nil)
}

/// Hands out what waits to be run.
package protocol ClaimStore: Sendable {
    /// The one claimer of a registered executor; it keeps the positions, so it lives as long as the executor.
    func claimer(for executor: ExecutorID) async throws(StoreError) -> any Claimer
}

/// Claims for one executor, each claim a fenced transaction of its own.
///
/// Called by one loop, one call at a time.
package protocol Claimer: Sendable {
    /// The thread that the connection blocks, where it has one; the engine's claiming loop runs on it too, so that a claim costs no hop.
    var executor: (any TaskExecutor)? { get }
    /// Whether the calls below would find anything; claims nothing. An idle engine asks for nothing else, so it should be cheap.
    func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance
    /// The lanes of the repertoire in which something has become ready since the last call; after a reset, in which anything is.
    func scout(_ repertoire: Repertoire) async throws(StoreError) -> [ReadyLane]
    /// The last call has stopped before it had seen all: the next goes on.
    var hasMoreToScout: Bool { get }
    /// What is ready in these lanes and within these limits; now theirs.
    ///
    /// What is not to begin yet is put to waiting.
    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimReport
    /// Makes room for what waits under a key that is full, as its queue says.
    ///
    /// What gives way is now theirs, and is to end without running. Nothing if the key is not full after all.
    func displace(_ request: DisplaceRequest) async throws(StoreError) -> DisplaceReport
    /// What has waited longer than it was to, of whatever queue and type; now theirs, and is to end without running.
    func claimExpired(now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed]
    /// The slots that this executor holds.
    func slots() async throws(StoreError) -> [Slot]
    /// Gives slots back.
    func free(_ slots: [Slot]) async throws(StoreError)
    /// Waiting workflows that are due; now theirs, or ready for others.
    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed]
    /// Those of these that are nobody's and for which what has arrived is reason enough; now theirs, or ready for others.
    ///
    /// For those that wait it always is; for those that are paused, and those that are ready and of a type that is paused, a cancel is. Those other ones that are ready, suspects or set aside are left to who serves them or to a person. But whatever
    /// is to end without running is claimed in any state, whatever its type and version: it has a terminate in the inbox, or is fresh
    /// and has a cancel there.
    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed]
    /// The suspect of the repertoire that is due first; nil if there is none.
    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect?
    /// Suspects with so many crashes that are due; now theirs, and for so long on probation: if the executor dies meanwhile, they are to
    /// blame before others.
    ///
    /// Those that were watched before, and have let it live, are `acquitted` in the same transaction. Those of queues that are `limited` need a
    /// slot first: they become ready, and are on probation from their claim until they are acquitted or make progress.
    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed]
    /// Those of these that this executor owns: how the rows of a claim whose reply was lost are found.
    func owned() async throws(StoreError) -> [WorkflowNumber]
    /// Of those that this executor owns, those that it claimed only to end them and that had not begun.
    ///
    /// Whatever becomes of the executor, they do not count as begun: handed back or taken from it, they are as fresh as before.
    func unbegun() async throws(StoreError) -> [WorkflowNumber]
    /// The earliest moment at which a waiting workflow is due; nil if none ever is.
    func nextDue() async throws(StoreError) -> Microseconds?
    /// The workflows for which something has arrived since the last call (from anybody, by plain SQL too); may name one again.
    func arrivals() async throws(StoreError) -> [WorkflowNumber]
    /// Forgets the positions: the next claims look at everything. At start, after a reap, and every minute.
    func reset()
    func close() async
}

extension Claimer {
    package var executor: (any TaskExecutor)? { nil }

    package var hasMoreToScout: Bool { false }

    /// What is ready, whatever its key: returned work first, then by priority.
    ///
    /// For whoever knows of no queues.
    package func claimReady(_ repertoire: Repertoire, limit: Int) async throws(StoreError) -> [Claimed] {
        if limit <= 0 || repertoire.workflows.isEmpty || repertoire.versions.isEmpty { return [] }
        var claimed: [Claimed] = []
        let lanes = Dictionary(grouping: try await scout(repertoire)) { [$0.isReturned ? 0 : 1, $0.lane.priority] }
        for (rank, lanes) in lanes.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where claimed.count < limit {
            let ask = ClaimAsk(
                lanes: lanes.map(\.number), isReturned: rank[0] == 0, priority: rank[1], queue: "", key: "", limit: limit - claimed.count)
            claimed += try await claim(ClaimRequest(asks: [ask], now: 0)).answers.flatMap(\.claimed)
        }
        return claimed
    }

    /// Where a look costs no more than a glance: everything is worth while.
    package func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance { Glance() }
}
