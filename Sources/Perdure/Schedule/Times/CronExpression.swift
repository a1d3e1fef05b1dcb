/// What a cron expression means.
enum CronExpression {
    case fields(ClockFields)
    /// `@every`.
    case every(Duration)

    init(_ text: String) throws(WorkflowError) {
        do {
            self = try Self.read(text)
        } catch {
            let shown = text.utf8.count > 100 ? text.prefix(100) + "…" : text[...]
            throw WorkflowError(error.code, "the cron expression `\(shown)` is not valid: \(error.message)")
        }
    }

    private static func read(_ text: String) throws(WorkflowError) -> CronExpression {
        let parts = text.split { $0 == " " || $0 == "\t" }
        guard let first = parts.first else { throw complaint("it is empty") }
        if first.hasPrefix("TZ=") || first.hasPrefix("CRON_TZ=") { throw complaint("the zone belongs into `timeZone`") }
        if first.hasPrefix("@") { return try readShorthand(parts) }
        guard parts.count == 5 || parts.count == 6 else {
            throw complaint(
                "it has \(parts.count == 1 ? "1 field" : "\(parts.count) fields"), and must have 5 "
                    + "(minute, hour, day of the month, month, day of the week) or 6 (a second before them)")
        }
        return .fields(try readFields(parts))
    }

    private static func readFields(_ parts: [Substring]) throws(WorkflowError) -> ClockFields {
        let five = parts.suffix(5)
        let at = five.startIndex
        let second = parts.count == 6 ? try CronField.second.read(parts[0]).values : 1
        let minute = try CronField.minute.read(five[at]).values
        let hour = try CronField.hour.read(five[at + 1]).values
        let dayOfMonth = try CronField.dayOfMonth.read(five[at + 2])
        let month = try CronField.month.read(five[at + 3]).values
        let dayOfWeek = try CronField.dayOfWeek.read(five[at + 4])
        let days = DayRule(
            daysOfMonth: dayOfMonth.values, lastDayOfMonth: dayOfMonth.hasLast, weekdays: dayOfWeek.values,
            ordinalWeekdays: dayOfWeek.ordinals, eitherSuffices: !dayOfMonth.isOpen && !dayOfWeek.isOpen)
        let fields = ClockFields(clock: ClockSets(hours: hour, minutes: minute, seconds: second), days: days, months: month)
        guard fields.firstDay(from: 0) != nil else {
            throw complaint("it never fires, for no year has such a day; change the day or the month")
        }
        return fields
    }

    private static let shorthands = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    private static func readShorthand(_ parts: [Substring]) throws(WorkflowError) -> CronExpression {
        let name = parts[0].lowercased()
        if name == "@every" {
            guard parts.count == 2, let duration = GoDuration.read(parts[1]) else {
                throw complaint("`@every` is followed by one duration like `5m`, `90s` or `1h30m`, of the units h, m, s and ms")
            }
            return .every(duration)
        }
        guard parts.count == 1, let fields = shorthands[name] else {
            throw complaint(
                "`\(parts.joined(separator: " "))` is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly "
                    + "and @every with a duration")
        }
        return .fields(try readFields(fields.split(separator: " ")))
    }

    private static func complaint(_ text: String) -> WorkflowError { WorkflowError(.invalidDeclaration, text) }
}

/// Durations as Go writes them: `1h30m`, `1.5h`, `300ms`.
enum GoDuration {
    // The longer unit first where one begins with another.
    private static let units: [(name: String, microseconds: Double)] = [
        ("ms", 1e3), ("us", 1), ("µs", 1), ("ns", 1e-3), ("h", 3.6e9), ("m", 6e7), ("s", 1e6),
    ]

    /// Nil if it is none, or too long for any use.
    static func read(_ text: Substring) -> Duration? {
        var rest = text
        var sum = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            rest = rest[digits.endIndex...]
            guard let count = Double(digits), let unit = units.first(where: { rest.hasPrefix($0.name) }) else { return nil }
            rest = rest.dropFirst(unit.name.count)
            sum += count * unit.microseconds
        }
        return sum < 9e18 ? .microseconds(Int64(sum.rounded())) : nil
    }
}
