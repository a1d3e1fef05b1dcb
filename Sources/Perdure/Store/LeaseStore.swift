/// Leases, fences, and the return of what a dead executor owned.
///
/// All times are the database's.
package protocol LeaseStore: Sendable {
    /// Inserts the lease and all the fence rows that this executor's connections will ever need.
    func register(_ executor: ExecutorID, _ description: ExecutorDescription) async throws(StoreError)
    /// Renews the lease by the database's clock, on a connection of its own. `.fenced` if it is gone.
    ///
    /// Returns how long it is until `reap` may find something; nil if nothing is in sight.
    @discardableResult
    func renew(_ executor: ExecutorID, _ terms: LeaseTerms) async throws(StoreError) -> Duration?
    /// Takes leases and fences from executors that have run out, then returns a part of what they owned.
    func reap(_ rules: ReapRules) async throws(StoreError) -> ReapReport
    /// Makes the executor the one who does `duty` for so long, or lets it go on being that; false if another is.
    ///
    /// A row with a lease, so it works through poolers too. It is no lock: for a moment two may believe that it is them, so what they do must
    /// bear that. The row goes with the executor's lease.
    func lead(_ duty: Duty, _ executor: ExecutorID, for term: Duration) async throws(StoreError) -> Bool
    /// Looks at `limit` inbox rows behind `sequence`, and deletes those that nobody needs any more.
    ///
    /// It is done by one for all, and twice is no harm.
    func tidy(after sequence: Int64, limit: Int) async throws(StoreError) -> Tidied
    /// Gives up: deletes lease and fences (what is in flight is refused from then on) and returns what it owns to ready.
    func retire(_ executor: ExecutorID) async throws(StoreError)
}

/// What a look at a part of the inbox has done.
package struct Tidied: Sendable, Equatable {
    package var deleted: Int
    /// Behind which row to go on; nil at the end.
    package var next: Int64?

    package init(deleted: Int = 0, next: Int64? = nil) {
        self.deleted = deleted
        self.next = next
    }
}

/// What one engine does for all.
package enum Duty: String, Sendable, CaseIterable {
    /// Deletes what nobody needs any more.
    case tidying
}

/// How long a lease lasts, and when its holder counts as dead before that.
package struct LeaseTerms: Sendable {
    package var lease: Duration
    /// How long an executor must have been silent before it counts as dead because the database sees that its process has gone; nil is never.
    package var silence: Duration?

    package init(lease: Duration, silence: Duration? = nil) {
        self.lease = lease
        self.silence = silence
    }
}

/// What an executor registers with.
package struct ExecutorDescription: Sendable {
    /// For people: the host and the process.
    package var label: String
    package var terms: LeaseTerms
    /// So that it can be seen what nobody serves.
    package var repertoire: Repertoire

    package init(label: String, terms: LeaseTerms, repertoire: Repertoire = Repertoire(workflows: [], versions: [])) {
        self.label = label
        self.terms = terms
        self.repertoire = repertoire
    }
}

/// How a pass of the reaper goes.
package struct ReapRules: Sendable {
    /// How many workflows are returned at most.
    package var limit: Int
    /// Who reaps: nothing is taken from anybody unless it has itself been alive for a whole lease without a gap, so that an outage of the
    /// database is not followed by a mass takeover.
    ///
    /// nil: on somebody's word.
    package var reaper: ExecutorID?
    package var crashes: CrashRules

    package init(limit: Int, reaper: ExecutorID? = nil, crashes: CrashRules = CrashRules()) {
        self.limit = limit
        self.reaper = reaper
        self.crashes = crashes
    }
}

/// What one pass of the reaper did.
package struct ReapReport: Sendable, Equatable {
    /// Executors whose lease and fences were deleted in this pass.
    package var executors: [ExecutorID]
    /// Workflows that nobody owns any more, by this pass.
    package var returned: Int
    /// There is more to return: call again.
    package var more: Bool
    /// Those of them that were set aside, and why.
    package var setAside: [WorkflowNumber: String]

    package init(
        executors: [ExecutorID] = [], returned: Int = 0, more: Bool = false, setAside: [WorkflowNumber: String] = [:]
    ) {
        self.executors = executors
        self.returned = returned
        self.more = more
        self.setAside = setAside
    }
}

extension LeaseStore {
    /// As an executor of nothing special.
    package func register(_ executor: ExecutorID, label: String, lease: Duration) async throws(StoreError) {
        try await register(executor, ExecutorDescription(label: label, terms: LeaseTerms(lease: lease)))
    }

    package func renew(_ executor: ExecutorID, lease: Duration) async throws(StoreError) {
        try await renew(executor, LeaseTerms(lease: lease))
    }

    package func reap(limit: Int) async throws(StoreError) -> ReapReport { try await reap(ReapRules(limit: limit)) }
}
