public import FoundationEssentials

extension WorkflowContext {
    /// Which schedule has started this run, and for which time; nil if none has.
    public var scheduled: ScheduledTime? {
        run.record.scheduled.map { ScheduledTime(schedule: $0.name, time: $0.time) }
    }
}

/// The time for which a schedule has started a run.
public struct ScheduledTime: Sendable, Hashable {
    /// The name of the schedule.
    public let schedule: String
    /// The nominal time, without jitter and whenever the run began; of one that was triggered, the moment of that.
    public let time: Date

    package init(schedule: String, time: Date) {
        (self.schedule, self.time) = (schedule, time)
    }
}
