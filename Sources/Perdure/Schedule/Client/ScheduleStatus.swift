public import FoundationEssentials

/// What can be seen of a schedule.
public struct ScheduleStatus: Sendable {
    /// Its name.
    public var name: String
    /// What it does and when; nil if a newer version wrote what this one cannot read.
    public var schedule: Schedule?
    /// The next nominal times, at most five; none if it is paused or has no runs left.
    public var nextTimes: [Date]
    /// The nominal time of its newest run.
    public var lastTime: Date?
    /// The id of its newest run.
    public var lastID: String?
    /// How many of its runs are open.
    public var running: Int
    /// How many starts wait for a run to end.
    public var buffered: Int
    /// How many backfills are not done yet.
    public var backfills: Int
    /// It does not fire.
    public var isPaused: Bool
    /// Why it is paused.
    public var pauseReason: String?
    /// How often it still fires; nil is without end.
    public var runsLeft: Int?
    /// How many runs it has started.
    public var started: Int
    /// How many starts its overlap policy, or a pause, did not let through.
    public var skipped: Int
    /// How many times were past the catch-up window when an engine looked.
    public var missed: Int
    /// How many starts were dropped because too many waited, or the database refused them.
    public var dropped: Int
    /// It stands in code, or did.
    public var isDeclared: Bool
    /// It was declared in code and is in no running engine's any more, though one that runs its workflow has started since.
    ///
    /// It goes on firing until it is deleted or paused.
    public var isOrphaned: Bool
    /// It was made at run time, and a running engine declares one of this name, which does not hold.
    public var hasConflict: Bool
    /// Why it cannot fire here, if it cannot: a time zone that this machine does not have, say.
    public var problem: String?

    package init(_ listing: ScheduleListing, now: Microseconds) {
        let (row, state) = (listing.row, listing.row.state)
        name = row.name
        schedule = row.definition.map { Schedule(name: row.name, $0, input: row.input) }
        do throws(WorkflowError) {
            let times = try row.plan().times
            let limit = state.fires ? min(5, state.runsLeft ?? 5) : 0
            nextTimes = times.times(after: Date(microseconds: now), through: .distantFuture, limit: limit)
        } catch {
            nextTimes = []
            problem = error.message
        }
        lastTime = state.lastAt.map { Date(microseconds: $0) }
        lastID = state.lastID
        (running, buffered, backfills) = (listing.running, state.waiting.count, state.backfills.count)
        (isPaused, pauseReason, runsLeft) = (state.paused != nil, state.pauseReason, state.runsLeft)
        (started, skipped) = (Int(state.started), Int(state.skipped))
        (missed, dropped) = (Int(state.missed), Int(state.dropped))
        (isDeclared, isOrphaned, hasConflict) = (row.declared != nil, listing.isOrphaned, listing.hasConflict)
    }
}
