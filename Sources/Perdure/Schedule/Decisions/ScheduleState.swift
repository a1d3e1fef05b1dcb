/// What a schedule has done and has still to do: the part of its row that changes when it fires.
package struct ScheduleState: Sendable, Equatable {
    /// The nominal time up to which everything is decided.
    package var handled: Microseconds
    /// When to look next; `.max` is never.
    package var due: Microseconds
    /// The next nominal time, for people; nil if there is none, or the schedule is paused.
    package var next: Microseconds?
    /// What waits for a run to end, in its order.
    package var waiting: [ScheduledStart] = []
    package var backfills: [ScheduleBackfill] = []
    /// Runs that have not ended, the oldest first.
    package var open: [ScheduledRun] = []
    /// nil is without end.
    package var runsLeft: Int?
    package var paused: Microseconds?
    package var pauseReason: String?
    package var started: Int64 = 0
    /// Not started, because a run was open; or dropped from what waits, because the schedule was paused or had no runs left.
    package var skipped: Int64 = 0
    /// Older than the catch-up window when somebody looked.
    package var missed: Int64 = 0
    /// Too many waited; or the database refused it.
    package var dropped: Int64 = 0
    /// The nominal time of the newest start, and its id.
    package var lastAt: Microseconds?
    package var lastID: String?
    /// The moment of the newest trigger: the next has a later one.
    package var triggered: Microseconds = 0

    /// One that begins now.
    package init(handled: Microseconds, due: Microseconds, runsLeft: Int? = nil) {
        (self.handled, self.due, self.runsLeft) = (handled, due, runsLeft)
    }

    /// How many wait at most.
    package static let waitingLimit = 1_000
    /// How many times are decided on in one go.
    static let timesAtOnce = 1_000
    /// How many are started in one go.
    static let startsAtOnce = 100
    /// So many open runs are known by number; of more, which only `allowAll` makes, the oldest are forgotten.
    static let openLimit = 1_000
    /// When to look again at what waits for the end of a run; the engine that runs it usually says so.
    static let patience = Duration.seconds(5)

    /// Whether it fires when its time has come.
    package var fires: Bool { paused == nil && runsLeft != 0 }

    package mutating func pause(_ reason: String?, now: Microseconds) {
        // The one that came first says why.
        if paused == nil { (paused, pauseReason) = (now, reason) }
        (next, due) = (nil, min(due, now))
    }

    /// What the times of the pause are is not made up for.
    package mutating func resume(now: Microseconds) {
        guard paused != nil else { return }
        (paused, pauseReason) = (nil, nil)
        handled = max(handled, now)
        due = now
    }
}
