public import FoundationEssentials

/// A part of a ``ScheduleSpec``: moments by one rule.
///
/// In JSON an object with one of the members `cron`, `every` (and `phase`; both in seconds), `calendar` and `once` (seconds since 1970).
public struct ScheduleTime: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        case cron(String)
        case every(Duration, phase: Duration)
        case calendar(ScheduleCalendar)
        case once(Date)
    }

    package let kind: Kind

    /// The local times of a cron expression.
    ///
    /// Five fields (minute, hour, day of the month, month, day of the week), or six with the second before them. A field is `*` or a list
    /// of values, ranges and steps (`1,10-20,*/15`). Months and weekdays also go by name, and ranges of names run over the end
    /// (`FRI-MON`); 0 and 7 are Sunday. `?` is `*` in the day fields, `L` the last day of the month, `5L` its last Friday, `5#2` its second
    /// one. If both day fields are restricted, a day that matches either of them will do; one that begins with `*` is not restricted,
    /// as of old. `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, and `@every 1h30m`, which is an interval.
    public static func cron(_ expression: String) -> ScheduleTime { ScheduleTime(kind: .cron(expression)) }

    /// Moments at one distance, of at least a second, aligned to 1970-01-01 in UTC and then shifted by the phase; as Temporal's intervals.
    public static func every(_ interval: Duration, phase: Duration = .zero) -> ScheduleTime {
        ScheduleTime(kind: .every(interval, phase: phase))
    }

    /// The local times whose fields match.
    public static func calendar(_ calendar: ScheduleCalendar) -> ScheduleTime { ScheduleTime(kind: .calendar(calendar)) }

    /// The local times whose fields all match; midnight of every day by default.
    public static func calendar(
        second: [ScheduleRange] = [], minute: [ScheduleRange] = [], hour: [ScheduleRange] = [], dayOfMonth: [ScheduleRange] = [],
        month: [ScheduleRange] = [], year: [ScheduleRange] = [], dayOfWeek: [ScheduleRange] = [], comment: String? = nil
    ) -> ScheduleTime {
        .calendar(
            ScheduleCalendar(
                second: second, minute: minute, hour: hour, dayOfMonth: dayOfMonth, month: month, year: year, dayOfWeek: dayOfWeek,
                comment: comment))
    }

    /// One moment.
    public static func once(at moment: Date) -> ScheduleTime { ScheduleTime(kind: .once(moment)) }

    /// The rule in short, for people.
    public var description: String {
        switch kind {
        case .cron(let expression): "cron \(expression)"
        case .every(let interval, let phase): phase == .zero ? "every \(interval)" : "every \(interval), shifted by \(phase)"
        case .calendar(let calendar): calendar.comment.map { "calendar \($0)" } ?? "calendar"
        case .once(let moment): "once at \(SQLDate.format(moment))"
        }
    }
}

extension ScheduleTime: Codable {
    private enum Key: String, CodingKey { case cron, every, phase, calendar, once }

    /// Decodes an object; members that are not known are passed over.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        if let expression = try container.decodeIfPresent(String.self, forKey: .cron) {
            kind = .cron(expression)
        } else if let interval = try container.decodeSecondsIfPresent(forKey: .every) {
            kind = .every(interval, phase: try container.decodeSecondsIfPresent(forKey: .phase) ?? .zero)
        } else if let calendar = try container.decodeIfPresent(ScheduleCalendar.self, forKey: .calendar) {
            kind = .calendar(calendar)
        } else if let moment = try container.decodeMomentIfPresent(forKey: .once) {
            kind = .once(moment)
        } else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath, debugDescription: "a time of a schedule is one of cron, every, calendar and once"))
        }
    }

    /// Encodes an object with the member of its kind.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch kind {
        case .cron(let expression): try container.encode(expression, forKey: .cron)
        case .every(let interval, let phase):
            try container.encode(interval.inSeconds, forKey: .every)
            if phase != .zero { try container.encode(phase.inSeconds, forKey: .phase) }
        case .calendar(let calendar): try container.encode(calendar, forKey: .calendar)
        case .once(let moment): try container.encode(moment.timeIntervalSince1970, forKey: .once)
        }
    }
}
