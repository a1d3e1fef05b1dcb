/// Asks for what schedules are to do.
package struct FireRequest: Sendable {
    /// The engine's time of day.
    package var now: Microseconds
    package var executor: ExecutorID
    /// A run of these has ended: they are looked at too, if something waits for that.
    package var ended: Set<String>
    /// How many schedules at most.
    package var limit: Int

    package init(now: Microseconds, executor: ExecutorID, ended: Set<String> = [], limit: Int = 50) {
        (self.now, self.executor, self.ended, self.limit) = (now, executor, ended, limit)
    }
}

/// What schedules have done.
package struct FireReport: Sendable {
    /// The ids of what was started.
    package var started: [String] = []
    /// Something was put into inboxes.
    package var hasAsked = false
    /// Some were looked at: there may be more.
    package var looked = 0
    /// When the next is due; nil if none ever is.
    package var next: Microseconds?
    /// What a person should know.
    package var complaints: [String] = []
    /// Those of them that have fired and are in no engine's code any more.
    package var orphaned: [String] = []

    package init() {}
}

/// Keeps schedules, and carries out what they decide.
package protocol ScheduleStore: Sendable {
    /// These, or all, in the order of their names.
    func schedules(_ names: [String]?) async throws(StoreError) -> [ScheduleListing]
    /// Reads a row under its lock and writes what `change` makes of it: nil is no row, before and after. It may be called more than once.
    ///
    /// A row that is deleted takes what is known of its fires with it.
    func changeSchedule<Answer: Sendable>(
        _ name: String, _ change: @Sendable (inout ScheduleRow?) -> Answer
    ) async throws(StoreError) -> Answer
    /// Notes that these are in the code of a registered executor; returns the names of orphans of its workflows, and none if it is gone.
    func declareSchedules(_ names: [String], by executor: ExecutorID) async throws(StoreError) -> [String]
    /// When the first is due; nil if none ever is.
    func nextSchedule() async throws(StoreError) -> Microseconds?
    /// Has schedules that are due fire, in a fenced transaction: what they decide, the rows of the fires and the starts, all or nothing.
    ///
    /// Rows that another engine is at are passed over. A nominal time whose row is there already is not started again. One schedule that the
    /// database refuses is paused, and does not hold up the others.
    func fireSchedules(_ request: FireRequest) async throws(StoreError) -> FireReport
}
