/// What an engine can run: it claims nothing else.
package struct Repertoire: Sendable, Equatable {
    package var workflows: Set<String>
    /// The empty version, of workflows that run on any, is one of them.
    package var versions: Set<String>

    package init(workflows: Set<String>, versions: Set<String>) {
        self.workflows = workflows
        self.versions = versions
    }

    /// Each name with each version.
    package var pairs: [(workflow: String, version: String)] {
        workflows.sorted().flatMap { workflow in versions.sorted().map { (workflow, $0) } }
    }

    package func contains(_ lane: Lane) -> Bool { workflows.contains(lane.workflow) && versions.contains(lane.version) }
}

/// What a claim got.
package struct Claimed: Sendable, Equatable {
    package var number: WorkflowNumber
    /// How many engines died with it.
    package var crashes: Int
    /// It entered as ready but is not to run before this moment (a delayed start).
    package var due: Microseconds?
    /// It was ready, and no executor has had it before.
    package var isFresh: Bool
    /// False: it is not of the repertoire, and was not claimed but made ready for those who can run it.
    package var isServed: Bool

    package init(
        number: WorkflowNumber, crashes: Int = 0, due: Microseconds? = nil, isFresh: Bool = false, isServed: Bool = true
    ) {
        self.number = number
        self.crashes = crashes
        self.due = due
        self.isFresh = isFresh
        self.isServed = isServed
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

    package init(ready: Bool = true, inbox: Bool = true, nextDue: Microseconds? = .min, suspect: Suspect? = Suspect(crashes: 0, due: .min))
    {
        self.ready = ready
        self.inbox = inbox
        self.nextDue = nextDue
        self.suspect = suspect
    }
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
    /// Whether the calls below would find anything; claims nothing. An idle engine asks for nothing else, so it should be cheap.
    func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance
    /// Ready workflows of the repertoire, returned work first; now theirs.
    func claimReady(_ repertoire: Repertoire, limit: Int) async throws(StoreError) -> [Claimed]
    /// Waiting workflows that are due; now theirs, or ready for others.
    func claimDue(_ repertoire: Repertoire, now: Microseconds, limit: Int) async throws(StoreError) -> [Claimed]
    /// Those of these that are nobody's and for which what has arrived is reason enough; now theirs, or ready for others.
    ///
    /// For those that wait it always is. Those that are ready, suspects or set aside are left to who serves them or to a person. But whatever
    /// is to end without running is claimed in any state, whatever its type and version: it has a terminate in the inbox, or is fresh
    /// and has a cancel there.
    func claimArrived(_ numbers: [WorkflowNumber], _ repertoire: Repertoire) async throws(StoreError) -> [Claimed]
    /// The suspect of the repertoire that is due first; nil if there is none.
    func nextSuspect(_ repertoire: Repertoire) async throws(StoreError) -> Suspect?
    /// Suspects with so many crashes that are due; now theirs, and for so long on probation: if the executor dies meanwhile, they are to
    /// blame before others.
    ///
    /// Those that were watched before, and have let it live, are `acquitted` in the same transaction.
    func claimSuspects(
        _ repertoire: Repertoire, crashes: Int, now: Microseconds, limit: Int, probation: Duration, acquitted: [WorkflowNumber]
    ) async throws(StoreError) -> [Claimed]
    /// Those of these that this executor owns: how the rows of a claim whose reply was lost are found.
    func owned() async throws(StoreError) -> [WorkflowNumber]
    /// The earliest moment at which a waiting workflow is due; nil if none ever is.
    func nextDue() async throws(StoreError) -> Microseconds?
    /// The workflows for which something has arrived since the last call (from anybody, by plain SQL too); may name one again.
    func arrivals() async throws(StoreError) -> [WorkflowNumber]
    /// Forgets the positions: the next claims look at everything. At start, after a reap, and every minute.
    func reset()
    func close() async
}

extension Claimer {
    /// Where a look costs no more than a glance: everything is worth while.
    package func glance(_ repertoire: Repertoire) async throws(StoreError) -> Glance { Glance() }
}
