import Foundation
import Perdure
import Testing

/// All zones and all moments at which their clocks are set from 2020 to 2037.
struct ScheduleZoneTests {
    /// 2020-01-01 and 2038-01-01 in UTC.
    private static let years = 1_577_836_800..<2_145_916_800

    @Test(arguments: 0..<4)
    func skippedAndRepeatedTimesFireOnce(_ part: Int) throws {
        var random = ScheduleRandom(UInt64(part))
        var (skipped, repeated) = (0, 0)
        for (index, name) in TimeZone.knownTimeZoneIdentifiers.enumerated() where index % 4 == part {
            for change in try Clocks(name, Self.years).changes {
                // Some whole minute that does not exist, or exists twice.
                let bounds = [change.moment + change.before, change.moment + change.after].sorted()
                let local = (bounds[0] + random.below(bounds[1] - bounds[0])) / 60 * 60
                let onTheDay = change.after > change.before ? change.moment : local - change.before
                let expected = [local - 86_400 - change.before, onTheDay, local + 86_400 - change.after]
                let spec = ScheduleSpec.cron("\(local / 60 % 60) \(local / 3600 % 24) * * *", timeZone: name)
                let found = try spec.compiled().times(
                    after: Date(timeIntervalSince1970: Double(expected[0] - 1)),
                    through: Date(timeIntervalSince1970: Double(expected[2])), limit: .max)
                let right = expected.map { Date(timeIntervalSince1970: Double($0)) }
                if found != right { Issue.record("\(name), \(spec.times): \(shown(found)) and not \(shown(right))") }
                if change.after > change.before { skipped += 1 } else { repeated += 1 }
            }
        }
        #expect(skipped > 500 && repeated > 500)
    }

    /// Whatever the clocks do, a day has one `30 2 * * *`.
    @Test func eachDayFiresOnce() throws {
        var checked: Set<Clocks> = []
        for name in TimeZone.knownTimeZoneIdentifiers {
            let clocks = try Clocks(name, Self.years)
            // Zones whose clocks show the same need not be counted twice.
            guard checked.insert(clocks).inserted else { continue }
            let first = Self.years.lowerBound - clocks.offset
            let last = Self.years.upperBound - (clocks.changes.last?.after ?? clocks.offset) - 1
            let found = try ScheduleSpec.cron("30 2 * * *", timeZone: name).compiled().times(
                after: Date(timeIntervalSince1970: Double(first - 1)), through: Date(timeIntervalSince1970: Double(last)), limit: .max)
            #expect(found.count == (Self.years.upperBound - Self.years.lowerBound) / 86_400, "\(name)")
            var day = Self.years.lowerBound / 86_400
            var changes = clocks.changes[...]
            var offset = clocks.offset
            for moment in found {
                let moment = Int(moment.timeIntervalSince1970)
                while let change = changes.first, change.moment <= moment {
                    offset = change.after
                    changes.removeFirst()
                }
                if (moment + offset) / 86_400 != day { Issue.record("\(name): \(moment) is not on day \(day)") }
                day += 1
            }
        }
        #expect(checked.count > 50)
    }
}

/// When a zone's clocks are set, found without the library.
private struct Clocks: Hashable {
    struct Change: Hashable {
        var moment: Int
        var before: Int
        var after: Int
    }

    let offset: Int
    private(set) var changes: [Change] = []

    init(_ name: String, _ range: Range<Int>) throws {
        let zone = try #require(TimeZone(identifier: name))
        func offset(_ moment: Int) -> Int { zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment))) }
        // No clocks are set twice within a week.
        self.offset = offset(range.lowerBound)
        for week in stride(from: range.lowerBound, to: range.upperBound, by: 604_800) {
            var (low, high) = (week, min(week + 604_800, range.upperBound))
            let (before, after) = (offset(low), offset(high))
            guard before != after else { continue }
            while high - low > 1 {
                let middle = (low + high) / 2
                if offset(middle) == before { low = middle } else { high = middle }
            }
            changes.append(Change(moment: high, before: before, after: after))
        }
    }
}
