import Foundation
import Perdure
import Testing

/// Random expressions against a model that looks at the clock of each minute, near the moments at which clocks are set.
struct ScheduleModelTests {
    private static let zones = [
        "Europe/Madrid", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Nuuk", "America/Havana", "America/Santiago",
        "America/Asuncion", "Africa/Cairo", "Africa/Casablanca", "Antarctica/Troll", "Antarctica/Casey", "Asia/Almaty", "Asia/Beirut",
        "Asia/Tehran", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "UTC",
    ]

    @Test(arguments: zones)
    func minutes(_ name: String) throws {
        var random = ScheduleRandom(stableSeed(name))
        let changes = try Walk.changes(of: name)
        for _ in 0..<2 {
            let center = random.pick(changes)
            let walk = try Walk(name, from: center - 129_600, through: center + 129_600, step: 60)
            for _ in 0..<9 { try compare(walk, &random, withSeconds: false) }
        }
    }

    @Test(arguments: zones)
    func seconds(_ name: String) throws {
        var random = ScheduleRandom(stableSeed(name) + 1)
        let center = random.pick(try Walk.changes(of: name))
        let walk = try Walk(name, from: center - 9000, through: center + 9000, step: 1)
        for _ in 0..<3 { try compare(walk, &random, withSeconds: true) }
    }

    private func compare(_ walk: Walk, _ random: inout ScheduleRandom, withSeconds: Bool) throws {
        // With exclusions the clock's fields are mostly open, or hardly any would meet a time.
        let excluding = random.chance(50)
        let times = (0...random.below(excluding ? 1 : 2)).map { _ in
            random.chance(excluding ? 40 : 10)
                ? RandomTime(intervalOf: &random, withSeconds: withSeconds)
                : RandomTime(&random, withSeconds: withSeconds, openness: excluding ? 40 : 0)
        }
        let exclusions = (0..<(excluding ? 1 + random.below(2) : 0)).map { _ in
            RandomTime(&random, withSeconds: withSeconds, openness: random.below(60))
        }
        let spec = ScheduleSpec(times: times.map(\.time), excluding: exclusions.map(\.time), timeZone: walk.zone)
        var expected: Set<Int> = []
        for time in times { expected.formUnion(walk.moments(of: time)) }
        for time in exclusions { expected.subtract(walk.moments(of: time)) }
        let schedule: CompiledSchedule
        do {
            schedule = try spec.compiled()
        } catch {
            // An impossible day, or nothing left: then the model must have found nothing, either.
            #expect(error.message.contains("never fires") && (expected.isEmpty || times.count > 1), "\(error)")
            return
        }
        let found = schedule.times(
            after: Date(timeIntervalSince1970: Double(walk.start - 1)), through: Date(timeIntervalSince1970: Double(walk.end)), limit: .max)
        let right = expected.sorted().map { Date(timeIntervalSince1970: Double($0)) }
        #expect(found == right, "\(spec): \(shown(found.filter { !right.contains($0) })) \(shown(right.filter { !found.contains($0) }))")
    }

    private func stableSeed(_ name: String) -> UInt64 { name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) } }
}

/// What the clock of a zone shows, step by step, as Foundation says.
private struct Walk {
    struct Step {
        var moment: Int
        var local: Int
        /// The clock has shown it before.
        var isRepeated: Bool
        /// Local times that the clock was set over.
        var skipped: Range<Int>
    }

    let zone: String
    let start: Int
    let end: Int
    let step: Int
    private(set) var steps: [Step] = []
    /// Month, day and length of the month, by the number of the day.
    private var dates: [Int: (month: Int, day: Int, length: Int)] = [:]

    init(_ name: String, from start: Int, through end: Int, step: Int) throws {
        let zone = try #require(TimeZone(identifier: name))
        self.zone = name
        (self.start, self.end, self.step) = (start, end, step)
        var seen: Set<Int> = []
        var last: Int?
        for moment in stride(from: start, through: end, by: step) {
            let local = moment + zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment)))
            let expected = (last ?? local - step) + step
            steps.append(
                Step(moment: moment, local: local, isRepeated: !seen.insert(local).inserted, skipped: expected..<max(expected, local)))
            last = local
        }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in start / 86_400 - 2...end / 86_400 + 2 {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let length = try #require(calendar.range(of: .day, in: .month, for: date)?.count)
            dates[day] = (calendar.component(.month, from: date), calendar.component(.day, from: date), length)
        }
    }

    /// The moments at which the clocks are set from 2005 to 2030, to the minute; noon of some days if there are none.
    static func changes(of name: String) throws -> [Int] {
        let zone = try #require(TimeZone(identifier: name))
        func offset(_ moment: Int) -> Int { zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment))) }
        var found: [Int] = []
        var last = offset(1_104_537_600)
        for day in stride(from: 1_104_537_600, to: 1_924_992_000, by: 86_400) {
            let next = offset(day + 86_400)
            defer { last = next }
            guard next != last else { continue }
            found += stride(from: day, to: day + 86_400, by: 60).filter { offset($0) != offset($0 + 60) }.map { $0 + 60 }
        }
        return found.isEmpty ? [1_767_268_800, 1_780_000_020] : found
    }

    func moments(of time: RandomTime) -> Set<Int> {
        if let interval = time.interval {
            return Set(steps.lazy.map(\.moment).filter { ($0 - interval.phase) % interval.every == 0 })
        }
        var found: Set<Int> = []
        for step in steps {
            if time.isEveryHour {
                if matches(time, step.local) { found.insert(step.moment) }
                continue
            }
            if !step.isRepeated && matches(time, step.local) { found.insert(step.moment) }
            if step.skipped.isEmpty { continue }
            let skipped = stride(from: step.skipped.lowerBound, to: step.skipped.upperBound, by: self.step)
            if skipped.contains(where: { matches(time, $0) }) { found.insert(step.moment) }
        }
        return found
    }

    private func matches(_ time: RandomTime, _ local: Int) -> Bool {
        let ofDay = local % 86_400
        guard time.clock[0][ofDay % 60], time.clock[1][ofDay / 60 % 60], time.clock[2][ofDay / 3600],
            let date = dates[local / 86_400], time.months.contains(date.month)
        else { return false }
        let byNumber = time.daysOfMonth.contains(date.day) || (time.last && date.day == date.length)
        let byWeekday = time.weekdays.contains((local / 86_400 + 4) % 7)
        return time.either ? byNumber || byWeekday : byNumber && byWeekday
    }
}

/// A cron expression, a calendar or an interval, and what it was made of.
private struct RandomTime {
    /// Which seconds, minutes and hours; a table, for it is asked most often.
    private(set) var clock: [[Bool]] = []
    var daysOfMonth: Set<Int> = []
    var months: Set<Int> = []
    var weekdays: Set<Int> = []
    var last = false
    var either = false
    private(set) var interval: (every: Int, phase: Int)?
    private(set) var time: ScheduleTime = .cron("")

    var isEveryHour: Bool { !clock[2].contains(false) }

    init(intervalOf random: inout ScheduleRandom, withSeconds: Bool) {
        let every = random.pick(
            withSeconds ? [1, 2, 3, 7, 10, 15, 45, 60, 90, 600] : [60, 120, 420, 900, 1800, 2700, 3600, 5400, 7200, 86_400])
        let phase = random.below(every) / (withSeconds ? 1 : 60) * (withSeconds ? 1 : 60)
        interval = (every, phase)
        time = .every(.seconds(every), phase: .seconds(phase))
    }

    /// - Parameter openness: how much more probable `*` is in a field of the clock, in hundredths.
    init(_ random: inout ScheduleRandom, withSeconds: Bool, openness: Int) {
        var seconds: Set = [0]
        var minutes: Set<Int> = []
        var hours: Set<Int> = []
        let secondText = withSeconds ? Self.field(&random, 0...59, open: 30 + openness, into: &seconds) + " " : ""
        let minuteText = Self.field(&random, 0...59, open: 25 + openness, into: &minutes)
        let hourText = Self.field(&random, 0...23, open: 35 + openness / 3, into: &hours)
        var dayText = Self.field(&random, 1...31, open: 60, into: &daysOfMonth)
        let monthText = Self.field(&random, 1...12, open: 85, into: &months)
        let weekdayText = Self.field(&random, 0...6, open: 60, into: &weekdays)
        clock = [(60, seconds), (60, minutes), (24, hours)].map { count, values in (0..<count).map(values.contains) }
        if random.chance(25) {
            time = .calendar(
                second: Self.ranges(seconds), minute: Self.ranges(minutes), hour: Self.ranges(hours), dayOfMonth: Self.ranges(daysOfMonth),
                month: Self.ranges(months), dayOfWeek: Self.ranges(weekdays))
            return
        }
        either = !dayText.hasPrefix("*") && !weekdayText.hasPrefix("*")
        if !dayText.hasPrefix("*"), random.chance(30) {
            last = true
            dayText += ",L"
        }
        time = .cron("\(secondText)\(minuteText) \(hourText) \(dayText) \(monthText) \(weekdayText)")
    }

    /// Consecutive values as ranges, others as themselves.
    private static func ranges(_ values: Set<Int>) -> [ScheduleRange] {
        values.sorted().reduce(into: []) { ranges, value in
            if let end = ranges.last?.end, end + 1 == value {
                ranges[ranges.count - 1].end = value
            } else {
                ranges.append(ScheduleRange(start: value))
            }
        }
    }

    private static func field(
        _ random: inout ScheduleRandom, _ allowed: ClosedRange<Int>, open percent: Int, into values: inout Set<Int>
    ) -> String {
        if random.chance(percent) {
            let step = random.chance(60) ? 1 : 1 + random.below(min(30, allowed.count - 1))
            values = Set(stride(from: allowed.lowerBound, through: allowed.upperBound, by: step))
            return step == 1 ? "*" : "*/\(step)"
        }
        values = []
        return (0...random.below(3)).map { _ in
            let first = allowed.lowerBound + random.below(allowed.count)
            guard random.chance(50) else {
                values.insert(first)
                return "\(first)"
            }
            let last = first + random.below(allowed.upperBound - first + 1)
            let step = 1 + random.below(3)
            values.formUnion(stride(from: first, through: last, by: step))
            return "\(first)-\(last)" + (step == 1 ? "" : "/\(step)")
        }.joined(separator: ",")
    }
}
