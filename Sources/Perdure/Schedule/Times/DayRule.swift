/// Which days of a month match: the day fields of a cron expression or of a calendar.
struct DayRule: Sendable, Hashable {
    /// Bits 1 to 31.
    var daysOfMonth: UInt64 = BitField.all(1...31)
    var lastDayOfMonth = false
    /// Bits 0 to 6; 0 is Sunday.
    var weekdays: UInt64 = BitField.all(0...6)
    /// The first such weekday of a month is bit 0 to 6, the second bit 7 to 13 and so on, the last bit 35 to 41.
    var ordinalWeekdays: UInt64 = 0
    /// A day matches by its number or by its weekday; else it must by both.
    var eitherSuffices = false

    static func ordinalBit(weekday: Int, ordinal: Int) -> UInt64 { 1 << UInt64((ordinal - 1) * 7 + weekday) }
    static func lastBit(weekday: Int) -> UInt64 { ordinalBit(weekday: weekday, ordinal: 6) }

    /// The days of that month that match, as bits 1 to 31.
    func days(year: Int, month: Int) -> UInt64 {
        let length = CivilDay.daysInMonth(month, of: year)
        let first = CivilDay.weekday(ofNumber: CivilDay.number(year: year, month: month, day: 1))
        let exist = BitField.all(1...length)
        var byNumber = daysOfMonth
        if lastDayOfMonth { byNumber |= 1 << UInt64(length) }
        // The week as it lies in this month, five times over.
        let week = ((weekdays >> UInt64(first)) | (weekdays << UInt64(7 - first))) & 0x7F
        var byWeekday = (week | week << 7 | week << 14 | week << 21 | week << 28) << 1
        if ordinalWeekdays != 0 { byWeekday |= ordinalDays(first: first, length: length) }
        return (eitherSuffices ? byNumber | byWeekday : byNumber & byWeekday) & exist
    }

    private func ordinalDays(first: Int, length: Int) -> UInt64 {
        var days: UInt64 = 0
        for weekday in 0...6 {
            let earliest = 1 + (weekday - first + 7) % 7
            for ordinal in 1...5 where ordinalWeekdays & Self.ordinalBit(weekday: weekday, ordinal: ordinal) != 0 {
                days |= 1 << UInt64(earliest + 7 * (ordinal - 1))
            }
            if ordinalWeekdays & Self.lastBit(weekday: weekday) != 0 {
                days |= 1 << UInt64(earliest + (length - earliest) / 7 * 7)
            }
        }
        return days
    }
}

/// Small numbers as bits of a word.
enum BitField {
    static func all(_ range: ClosedRange<Int>) -> UInt64 {
        (UInt64.max >> UInt64(63 - range.upperBound)) & (UInt64.max << UInt64(range.lowerBound))
    }

    /// The least number of the set that is not below `least`.
    static func first(in set: UInt64, from least: Int) -> Int? {
        let rest = least > 63 ? 0 : set >> UInt64(least)
        return rest == 0 ? nil : least + rest.trailingZeroBitCount
    }

    static func contains(_ set: UInt64, _ value: Int) -> Bool { set >> UInt64(value) & 1 == 1 }
}
