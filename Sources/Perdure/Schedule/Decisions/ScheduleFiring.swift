/// A row that a store has locked, on its way through a fire: it decides, the store carries out, it concludes.
package struct ScheduleFiring: Sendable {
    package private(set) var row: ScheduleRow
    private let plan: SchedulePlan?
    private let verdict: ScheduleVerdict
    private let now: Microseconds
    /// What a person should know.
    package private(set) var complaint: String?

    /// When one is looked at again that makes no sense here: others may know better, and are not to be kept waiting.
    private static let postponement = Duration.seconds(5)

    /// - Parameter ended: Those of its open runs that have ended, and how, where that is known.
    package init(_ row: ScheduleRow, ended: [WorkflowNumber: OutcomeStatus?], now: Microseconds) {
        var row = row
        do throws(WorkflowError) {
            let plan = try row.plan()
            let wasPaused = row.state.paused != nil
            verdict = row.state.decide(plan, ended: ended, now: now)
            if !wasPaused, row.state.paused != nil { complaint = "schedule '\(row.name)' is paused: \(row.state.pauseReason ?? "")" }
            self.plan = plan
        } catch {
            (plan, verdict) = (nil, ScheduleVerdict())
            row.state.due = now.adding(Self.postponement)
            complaint = "schedule '\(row.name)' cannot fire here: \(error)"
        }
        (self.row, self.now) = (row, now)
    }

    /// To be started, unless it has fired before.
    package var starts: [ScheduledStart] { verdict.starts }
    /// For the inboxes of open runs.
    package var asks: [InboxItem] { verdict.asks }

    /// The workflow of a start.
    package func record(_ start: ScheduledStart, number: WorkflowNumber) -> WorkflowRecord? {
        guard let definition = plan?.definition else { return nil }
        var attributes = definition.attributes ?? [:]
        attributes[ScheduledID.nameAttribute] = .text(row.name)
        attributes[ScheduledID.timeAttribute] = .date(MomentText.date(start.nominal))
        return WorkflowRecord(
            number: number, id: ScheduledID.id(row.name, start), lane: definition.lane, input: row.input,
            attributes: SearchAttribute.encoded(attributes), created: now,
            deadline: definition.timeout.map { now.adding(.microseconds($0)) },
            expires: definition.expiry.map { now.adding(.microseconds($0)) })
    }

    /// - Parameter results: What became of each start; nil if it had fired before.
    package mutating func conclude(_ results: [(start: ScheduledStart, number: WorkflowNumber, result: StartResult?)]) {
        guard let plan else { return }
        var begun: [(start: ScheduledStart, number: WorkflowNumber)] = []
        var (refused, isCut) = (0, verdict.isCut)
        for (start, number, result) in results {
            switch result {
            case nil: isCut = true
            case .started: begun.append((start, number))
            case .existing(let other): begun.append((start, other))
            case .open(let other), .closed(let other), .duplicate(let other):
                refused += 1
                complaint = "\(ScheduledID.id(row.name, start)) was not started: run \(Names.publicID(other)) is in its place"
            case .otherType(let name):
                refused += 1
                complaint = "\(ScheduledID.id(row.name, start)) was not started: a workflow of type '\(name)' has its id"
            case .rejected(let error):
                refused += 1
                row.state.pause("the database refused to start a run: \(error)", now: now)
                complaint = "\(ScheduledID.id(row.name, start)) was not started: the database refused it: \(error)"
            }
        }
        row.state.conclude(plan, begun: begun, refused: refused, isCut: isCut, now: now)
    }
}

extension ScheduleRow {
    /// The database refuses all that it would do: it is paused, so that it does not stand in the way of the others.
    package mutating func set(aside error: StoreError, now: Microseconds) {
        state.pause("the database refused to start a run: \(error)", now: now)
        state.handled = max(state.handled, now)
        (state.due, state.waiting, state.backfills) = (.max, [], [])
    }
}
