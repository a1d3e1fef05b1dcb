/// What the runs of a schedule are called, and what they carry.
package enum ScheduledID {
    /// The attribute that holds the name of the schedule.
    package static let nameAttribute = "perdure.schedule"
    /// The attribute that holds the nominal time, in ISO 8601.
    package static let timeAttribute = "perdure.scheduledAt"

    /// `name@2026-01-31T02:00:00Z`; one that was triggered by hand has an exclamation mark, for it has no place among the times.
    package static func id(_ name: String, _ start: ScheduledStart) -> String {
        "\(name)@\(time(start.nominal))\(start.kind == .trigger ? "!" : "")"
    }

    /// UTC in ISO 8601, with a fraction only where there is one.
    package static func time(_ moment: Microseconds) -> String {
        let (days, time) = moment.dividedDown(by: 86_400_000_000)
        let (year, month, day) = CivilDay.date(ofNumber: Int(days))
        let (seconds, rest) = (Int(time / 1_000_000), Int(time % 1_000_000))
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(seconds / 3600, 2) + ":" + pad(seconds / 60 % 60, 2)
            + ":" + pad(seconds % 60, 2) + (rest == 0 ? "" : "." + pad(rest, 6)) + "Z"
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
