public import FoundationEssentials

/// Bulk work that goes on, or has ended; works in any process.
public struct BulkHandle: Sendable {
    /// What names it: the caller's own, or one that Perdure made.
    public let id: String
    let number: WorkflowNumber
    let core: ClientCore

    /// What it is, and how far it has come.
    ///
    /// A ``BulkStatus/state`` of `queued` with ``BulkStatus/isServed`` false says that no engine is there to do it.
    public func status() async throws -> BulkStatus {
        guard let record = try await core.store.status(of: number) else {
            throw WorkflowError(.notFound, "no bulk work has the id '\(id)'")
        }
        return try await BulkStatus(record, core)
    }

    /// How far it has come: as of the last page that is finished.
    public func progress() async throws -> BulkProgress { try await status().progress }

    /// Waits for the end, woken by push.
    ///
    /// - Returns: What came of it; also where it was stopped, which ``BulkProgress/isStopped`` says.
    /// - Throws: ``WorkflowError`` if it was terminated or set aside; `CancellationError` if the waiting task is cancelled.
    public func result() async throws -> BulkProgress {
        switch try await core.ending(of: number) {
        case .outcome(let outcome):
            if outcome.status == .cancelled { return try await progress() }
            guard outcome.status == .completed else {
                throw WorkflowError(.terminated, "bulk work '\(id)' ended as \(WorkflowStatus.State(outcome.status).rawValue)")
            }
            return try PayloadCoder().decode(BulkProgress.self, from: outcome.output, what: "the result of bulk work '\(id)'")
        case .setAside(_, let reason):
            throw WorkflowError(.setAside, "bulk work '\(id)' was set aside and goes no further by itself: \(reason)")
        }
    }

    /// Stops it after the workflow that it is at; what is done stays done.
    public func cancel() async throws { try await core.deliver(InboxItem(workflow: number, kind: .cancel)) }
}

/// What bulk work is to do, and how far it has come.
public struct BulkStatus: Sendable {
    /// What names it.
    public var id: String
    /// What it does to each workflow.
    public var action: BulkAction
    /// To which, in the language of <doc:Filters>; empty is all.
    public var filter: String
    /// To how many in each second at most.
    public var rate: Double
    /// Who does it.
    public var by: String
    /// Why.
    public var reason: String?
    /// Where it is in its life; one that was stopped is `completed`, as it has returned.
    public var state: WorkflowStatus.State
    /// Whether an engine is alive, of which each does bulk work; nil if it has ended.
    public var isServed: Bool?
    /// When it was asked for.
    public var createdAt: Date
    /// When it ended.
    public var finishedAt: Date?
    /// How far it has come: as of the last page that is finished.
    public var progress: BulkProgress

    init(_ record: StatusRecord, _ core: ClientCore) async throws {
        let status = WorkflowStatus(record, now: core.environment.clock.now())
        let order = try PayloadCoder().decode(BulkOrder.self, from: record.record.input, what: "the order of bulk work '\(status.id)'")
        (id, state, isServed, createdAt, finishedAt) = (status.id, status.state, status.isServed, status.createdAt, status.finishedAt)
        (action, filter, rate, by, reason) = (order.action, order.filter, order.rate, order.by, order.reason)
        let events = record.outcome?.output == nil ? try await core.store.events(of: record.record.number) : []
        let payload = record.outcome?.output ?? events.first { $0.name == BulkWork.event }?.value
        progress =
            try payload.map { payload throws(WorkflowError) in
                try PayloadCoder().decode(BulkProgress.self, from: payload, what: "the progress of bulk work '\(status.id)'")
            } ?? BulkProgress()
        // Cancelled before it had begun, so it could not say so itself.
        if record.outcome?.status == .cancelled { progress.isStopped = true }
    }
}

/// What bulk work would do, if it began now.
public struct BulkPreview: Sendable {
    /// How many workflows match to which the action means something; counted to a hundred thousand.
    public var matched: Int
    /// Some of them, in the order in which it would come to them: the oldest first.
    public var sample: [WorkflowSummary]
}
