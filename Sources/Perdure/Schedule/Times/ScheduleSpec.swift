public import FoundationEssentials

/// When a schedule fires.
///
/// Times of one zone, fewer those that are left out. A moment that several of the times name is one; an exclusion leaves out the moments at
/// which it would itself fire. What is asked for lies between 1970 and 2199.
///
/// ### When clocks are set
///
/// A local time that does not exist, because the clock is set forward over it, fires once: at the moment at which the clock is set. Several
/// such times become that one moment. A local time that exists twice fires once: the first time. So a job of every day runs once on every
/// day.
///
/// A cron expression or a calendar of *every* hour (`*`) follows the time that passes instead: it fires both times in an hour that exists
/// twice, and times that do not exist are not there. So `*/15 * * * *` is every 15 minutes. An interval is the time that passes, always.
///
/// ### JSON
///
/// ```json
/// {"times": [{"cron": "0 3 * * *"}, {"every": 300, "phase": 0}], "zone": "Europe/Madrid"}
/// ```
///
/// With `exclusions` like `times`, and `start`, `end` (seconds since 1970) and `jitter` (seconds). Only `times` must be there.
public struct ScheduleSpec: Sendable, Hashable {
    /// What it fires at.
    public var times: [ScheduleTime]
    /// What is left out; intervals cannot be.
    public var exclusions: [ScheduleTime]
    /// The time zone of cron expressions and calendars, by its IANA name.
    public var timeZone: String
    /// It does not fire before this.
    public var start: Date?
    /// It does not fire after this.
    public var end: Date?
    /// Each moment is put off by some time below this, which the schedule's name and the moment decide, and never to the next moment.
    public var jitter: Duration

    /// Makes a specification; it is checked when it is used.
    public init(
        times: [ScheduleTime], excluding exclusions: [ScheduleTime] = [], timeZone: String = "UTC", start: Date? = nil, end: Date? = nil,
        jitter: Duration = .zero
    ) {
        self.times = times
        self.exclusions = exclusions
        self.timeZone = timeZone
        self.start = start
        self.end = end
        self.jitter = jitter
    }

    /// The local times of a cron expression; ``ScheduleTime/cron(_:)`` says what it may hold.
    public static func cron(_ expression: String, timeZone: String = "UTC") -> ScheduleSpec {
        ScheduleSpec(times: [.cron(expression)], timeZone: timeZone)
    }

    /// Moments at one distance, of at least a second, aligned to 1970-01-01 in UTC and then shifted by the phase.
    public static func every(_ interval: Duration, phase: Duration = .zero) -> ScheduleSpec {
        ScheduleSpec(times: [.every(interval, phase: phase)])
    }

    /// The local times whose fields match.
    public static func calendar(_ calendar: ScheduleCalendar, timeZone: String = "UTC") -> ScheduleSpec {
        ScheduleSpec(times: [.calendar(calendar)], timeZone: timeZone)
    }

    /// The local times whose fields all match; midnight of every day by default.
    public static func calendar(
        second: [ScheduleRange] = [], minute: [ScheduleRange] = [], hour: [ScheduleRange] = [], dayOfMonth: [ScheduleRange] = [],
        month: [ScheduleRange] = [], year: [ScheduleRange] = [], dayOfWeek: [ScheduleRange] = [], comment: String? = nil,
        timeZone: String = "UTC"
    ) -> ScheduleSpec {
        .calendar(
            ScheduleCalendar(
                second: second, minute: minute, hour: hour, dayOfMonth: dayOfMonth, month: month, year: year, dayOfWeek: dayOfWeek,
                comment: comment),
            timeZone: timeZone)
    }

    /// One moment.
    public static func once(at moment: Date) -> ScheduleSpec { ScheduleSpec(times: [.once(at: moment)]) }

    /// The moments that come next, without jitter: a preview.
    ///
    /// - Throws: ``WorkflowError/Code/invalidDeclaration`` when the specification is not valid.
    public func nextTimes(_ count: Int, after moment: Date) throws(WorkflowError) -> [Date] {
        try compiled().times(after: moment, through: .distantFuture, limit: count)
    }
}

extension ScheduleSpec: Codable {
    private enum Key: String, CodingKey { case times, exclusions, zone, start, end, jitter }

    /// Decodes an object; members that are not known are passed over.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            times: try container.decode([ScheduleTime].self, forKey: .times),
            excluding: try container.decodeIfPresent([ScheduleTime].self, forKey: .exclusions) ?? [],
            timeZone: try container.decodeIfPresent(String.self, forKey: .zone) ?? "UTC",
            start: try container.decodeMomentIfPresent(forKey: .start), end: try container.decodeMomentIfPresent(forKey: .end),
            jitter: try container.decodeSecondsIfPresent(forKey: .jitter) ?? .zero)
    }

    /// Encodes the times, the zone, and what is not the default.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(times, forKey: .times)
        if !exclusions.isEmpty { try container.encode(exclusions, forKey: .exclusions) }
        try container.encode(timeZone, forKey: .zone)
        try container.encodeIfPresent(start?.timeIntervalSince1970, forKey: .start)
        try container.encodeIfPresent(end?.timeIntervalSince1970, forKey: .end)
        if jitter != .zero { try container.encode(jitter.inSeconds, forKey: .jitter) }
    }
}
