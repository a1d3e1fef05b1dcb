/// Local times by their fields, all of which must match; as Temporal's calendar specification.
///
/// Other than in a cron expression, a day must match by its number **and** by its weekday. A field without ranges has its default.
public struct ScheduleCalendar: Sendable, Hashable {
    /// 0 to 59; the default is 0.
    public var second: [ScheduleRange]
    /// 0 to 59; the default is 0.
    public var minute: [ScheduleRange]
    /// 0 to 23; the default is 0, and `[.range(0...23)]` is every hour.
    public var hour: [ScheduleRange]
    /// 1 to 31; the default is any.
    public var dayOfMonth: [ScheduleRange]
    /// 1 to 12; the default is any.
    public var month: [ScheduleRange]
    /// 1970 to 2199; the default is any.
    public var year: [ScheduleRange]
    /// 0 to 7, where 0 and 7 are Sunday; the default is any.
    public var dayOfWeek: [ScheduleRange]
    /// What it is for; no more than that.
    public var comment: String?

    /// Makes a calendar; midnight of every day by default.
    public init(
        second: [ScheduleRange] = [], minute: [ScheduleRange] = [], hour: [ScheduleRange] = [], dayOfMonth: [ScheduleRange] = [],
        month: [ScheduleRange] = [], year: [ScheduleRange] = [], dayOfWeek: [ScheduleRange] = [], comment: String? = nil
    ) {
        self.second = second
        self.minute = minute
        self.hour = hour
        self.dayOfMonth = dayOfMonth
        self.month = month
        self.year = year
        self.dayOfWeek = dayOfWeek
        self.comment = comment
    }
}

extension ScheduleCalendar: Codable {
    private enum Key: String, CodingKey { case second, minute, hour, dayOfMonth, month, year, dayOfWeek, comment }

    /// Decodes an object of which every member may be absent.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func ranges(_ key: Key) throws -> [ScheduleRange] { try container.decodeIfPresent([ScheduleRange].self, forKey: key) ?? [] }
        self.init(
            second: try ranges(.second), minute: try ranges(.minute), hour: try ranges(.hour), dayOfMonth: try ranges(.dayOfMonth),
            month: try ranges(.month), year: try ranges(.year), dayOfWeek: try ranges(.dayOfWeek),
            comment: try container.decodeIfPresent(String.self, forKey: .comment))
    }

    /// Encodes the members that are not empty.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        let fields: [(Key, [ScheduleRange])] = [
            (.second, second), (.minute, minute), (.hour, hour), (.dayOfMonth, dayOfMonth), (.month, month), (.year, year),
            (.dayOfWeek, dayOfWeek),
        ]
        for (key, ranges) in fields where !ranges.isEmpty { try container.encode(ranges, forKey: key) }
        try container.encodeIfPresent(comment, forKey: .comment)
    }
}

extension ScheduleCalendar {
    func fields() throws(WorkflowError) -> ClockFields {
        let days = DayRule(
            daysOfMonth: try Self.set(dayOfMonth, "dayOfMonth", 1...31, ifEmpty: BitField.all(1...31)),
            weekdays: try Self.weekdays(dayOfWeek))
        let fields = ClockFields(
            clock: ClockSets(
                hours: try Self.set(hour, "hour", 0...23, ifEmpty: 1), minutes: try Self.set(minute, "minute", 0...59, ifEmpty: 1),
                seconds: try Self.set(second, "second", 0...59, ifEmpty: 1)),
            days: days, months: try Self.set(month, "month", 1...12, ifEmpty: BitField.all(1...12)), years: try Self.years(year))
        guard fields.firstDay(from: 0) != nil else {
            throw WorkflowError(
                .invalidDeclaration, "\(shown) never fires, for no such year has such a day; change the day, the month or the year")
        }
        return fields
    }

    /// How a message names it.
    private var shown: String { comment.map { "the calendar \"\($0.prefix(100))\"" } ?? "the calendar" }

    private static func set(
        _ ranges: [ScheduleRange], _ name: String, _ allowed: ClosedRange<Int>, ifEmpty standard: UInt64
    ) throws(WorkflowError) -> UInt64 {
        guard !ranges.isEmpty else { return standard }
        var set: UInt64 = 0
        for range in ranges {
            for value in try values(of: range, name, allowed) { set |= 1 << UInt64(value) }
        }
        return set
    }

    private static func weekdays(_ ranges: [ScheduleRange]) throws(WorkflowError) -> UInt64 {
        let set = try set(ranges, "dayOfWeek", 0...7, ifEmpty: BitField.all(0...6))
        return (set | set >> 7) & 0x7F
    }

    private static func years(_ ranges: [ScheduleRange]) throws(WorkflowError) -> [Int]? {
        guard !ranges.isEmpty else { return nil }
        var years: Set<Int> = []
        for range in ranges { years.formUnion(try values(of: range, "year", 1970...2199)) }
        return years.sorted()
    }

    private static func values(
        of range: ScheduleRange, _ name: String, _ allowed: ClosedRange<Int>
    ) throws(WorkflowError) -> StrideThrough<Int> {
        let limits = "\(allowed.lowerBound) to \(allowed.upperBound) are allowed"
        for end in [range.start, range.end] where !allowed.contains(end) {
            throw WorkflowError(.invalidDeclaration, "`\(name)` of a calendar has \(end), and \(limits)")
        }
        guard range.start <= range.end else {
            throw WorkflowError(
                .invalidDeclaration,
                "`\(name)` of a calendar has a range from \(range.start) to \(range.end), which runs backwards; "
                    + "write two ranges if that is meant")
        }
        guard range.step >= 1 else {
            throw WorkflowError(.invalidDeclaration, "`\(name)` of a calendar has a step of \(range.step), which must be at least 1")
        }
        return stride(from: range.start, through: range.end, by: range.step)
    }
}
