/// Local times by their fields: what a cron expression or a calendar comes down to.
///
/// A local time is counted in seconds since 1970-01-01 00:00:00 on the wall clock.
struct ClockFields: Sendable, Hashable {
    /// Bits 0 to 59, 0 to 59 and 0 to 23; never empty.
    var clock: ClockSets
    var days = DayRule()
    /// Bits 1 to 12.
    var months: UInt64 = BitField.all(1...12)
    /// In order; nil is every year.
    var years: [Int]?

    /// The years that a clock somewhere shows while it is 1970 to 2199 in UTC.
    private static let searchedYears = 1969...2200

    /// The hour is not restricted, so the times follow one another without regard to what the clock shows.
    var isEveryHour: Bool { clock.hours == ClockSets.every.hours }

    /// The first local time that matches, from `local` on.
    func first(from local: Int) -> Int? {
        let (day, time) = local.dividedDown(by: 86_400)
        if matches(day: day), let rest = clock.first(from: time) { return day * 86_400 + rest }
        guard let next = firstDay(from: day + 1), let start = clock.first(from: 0) else { return nil }
        return next * 86_400 + start
    }

    func matches(_ local: Int) -> Bool {
        let (day, time) = local.dividedDown(by: 86_400)
        return clock.contains(time) && matches(day: day)
    }

    func matches(day number: Int) -> Bool {
        let (year, month, day) = CivilDay.date(ofNumber: number)
        return BitField.contains(days(year: year, month: month), day)
    }

    /// The first day that matches, from that day on; nil when no year that is searched has one.
    func firstDay(from number: Int) -> Int? {
        var (year, month, day) = CivilDay.date(ofNumber: number)
        while let next = firstYear(from: year) {
            if next > year { (year, month, day) = (next, 1, 1) }
            while let next = BitField.first(in: months, from: month) {
                if next > month { (month, day) = (next, 1) }
                if let match = BitField.first(in: days.days(year: year, month: month), from: day) {
                    return CivilDay.number(year: year, month: month, day: match)
                }
                (month, day) = (month + 1, 1)
            }
            (year, month, day) = (year + 1, 1, 1)
        }
        return nil
    }

    /// The first day from that one on that does not match, or some day from `limit` on.
    private func firstOtherDay(from number: Int, limit: Int) -> Int {
        var number = number
        while number < limit {
            let (year, month, day) = CivilDay.date(ofNumber: number)
            let length = CivilDay.daysInMonth(month, of: year)
            let others = BitField.all(1...length) & ~days(year: year, month: month)
            if let other = BitField.first(in: others, from: day) { return number + other - day }
            number += length - day + 1
        }
        return number
    }

    /// How far these fields cover all that `candidates` could hold: no time of theirs after `local` and before the result does not match.
    ///
    /// - Parameter limit: it is not looked for beyond.
    func coveredEnd(from local: Int, candidates: ClockSets, limit: Int) -> Int {
        let (day, time) = local.dividedDown(by: 86_400)
        if let end = clock.coveredEnd(from: time, candidates: candidates) { return day * 86_400 + end }
        return firstOtherDay(from: day + 1, limit: limit / 86_400 + 1) * 86_400
    }

    private func days(year: Int, month: Int) -> UInt64 {
        guard BitField.contains(months, month), Self.searchedYears.contains(year), years?.contains(year) != false else { return 0 }
        return days.days(year: year, month: month)
    }

    private func firstYear(from least: Int) -> Int? {
        let least = max(least, Self.searchedYears.lowerBound)
        guard let years else { return least <= Self.searchedYears.upperBound ? least : nil }
        return years.first { $0 >= least }
    }
}

/// Times of a day: all combinations of some hours, minutes and seconds.
struct ClockSets: Sendable, Hashable {
    var hours: UInt64
    var minutes: UInt64
    var seconds: UInt64

    static let every = ClockSets(hours: BitField.all(0...23), minutes: BitField.all(0...59), seconds: BitField.all(0...59))

    func contains(_ time: Int) -> Bool {
        BitField.contains(hours, time / 3600) && BitField.contains(minutes, time / 60 % 60) && BitField.contains(seconds, time % 60)
    }

    /// The first time of the day from `time` on, in seconds since midnight.
    func first(from time: Int) -> Int? {
        let hour = time / 3600
        let minute = time / 60 % 60
        if BitField.contains(hours, hour) {
            if BitField.contains(minutes, minute), let second = BitField.first(in: seconds, from: time % 60) {
                return time / 60 * 60 + second
            }
            if let next = BitField.first(in: minutes, from: minute + 1) {
                return hour * 3600 + next * 60 + seconds.trailingZeroBitCount
            }
        }
        guard let next = BitField.first(in: hours, from: hour + 1) else { return nil }
        return next * 3600 + minutes.trailingZeroBitCount * 60 + seconds.trailingZeroBitCount
    }

    /// The least time after `time`, which is one of these, at which `candidates` may hold what is not in these; nil if that is not today.
    func coveredEnd(from time: Int, candidates: ClockSets) -> Int? {
        guard candidates.seconds & ~seconds == 0 else {
            return time / 60 * 60 + (BitField.first(in: ~seconds, from: time % 60 + 1) ?? 60)
        }
        guard candidates.minutes & ~minutes == 0 else {
            return time / 3600 * 3600 + (BitField.first(in: ~minutes, from: time / 60 % 60 + 1) ?? 60) * 60
        }
        guard candidates.hours & ~hours == 0 else {
            // The next hour that is not one of these, which may be midnight's.
            return (BitField.first(in: ~hours, from: time / 3600 + 1) ?? 24) * 3600
        }
        return nil
    }
}
