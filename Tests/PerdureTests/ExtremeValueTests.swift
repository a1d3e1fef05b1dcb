import Foundation
import Perdure
import Testing

/// A value that nobody means ends no process.
struct ExtremeValueTests {
    @Test func datesWithoutAPlaceInTheCalendar() {
        #expect(SQLDate.format(Date(timeIntervalSince1970: .nan)) == "nan")
        #expect(SQLDate.format(Date(timeIntervalSince1970: .infinity)) == "infinity")
        #expect(SQLDate.format(Date(timeIntervalSince1970: -1e300)) == "-infinity")
        #expect(SQLDate.format(Date(timeIntervalSince1970: 0)) == "1970-01-01 00:00:00.000000+00")
    }

    @Test func durationsThatDoNotFit() {
        #expect(Duration.days(Int.max) == .seconds(Int64.max))
        #expect(Duration.hours(Int.min) == .seconds(Int64.min))
        #expect(Duration.minutes(UInt64.max) == .seconds(Int64.max))
        #expect(Duration.days(2) == .seconds(172_800))
    }
}
