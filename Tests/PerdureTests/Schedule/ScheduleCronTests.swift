import FoundationEssentials
import Perdure
import Testing

/// An expression, and the moments that a calendar on the wall gives for it.
struct CronCase: Sendable, CustomTestStringConvertible {
    var expression: String
    var zone = "UTC"
    var after: String
    var expected: [String]

    var testDescription: String { "\(expression) in \(zone) after \(after)" }
}

struct ScheduleCronTests {
    // 2026-01-01 is a Thursday.
    private static let plain = [
        CronCase(expression: "*/15 * * * *", after: "2026-01-01T00:07:00Z", expected: ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"]),
        CronCase(expression: "5/20 * * * *", after: "2026-01-01T00:44:59Z", expected: ["2026-01-01T00:45:00Z", "2026-01-01T01:05:00Z"]),
        CronCase(expression: "0 0 1 1 *", after: "2026-01-01T00:00:00Z", expected: ["2027-01-01T00:00:00Z"]),
        CronCase(expression: "0 0 1 1 *", after: "2025-12-31T23:59:59Z", expected: ["2026-01-01T00:00:00Z"]),
        CronCase(expression: " 59\t23  31 12 * ", after: "2026-01-01T00:00:00Z", expected: ["2026-12-31T23:59:00Z"]),
        CronCase(
            expression: "0 22-23,0-1 * * *", after: "2026-01-01T22:30:00Z", expected: ["2026-01-01T23:00:00Z", "2026-01-02T00:00:00Z"]),
        CronCase(expression: "0 0 29 2 *", after: "2026-01-01T00:00:00Z", expected: ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        CronCase(expression: "0 0 29 FEB *", after: "2096-03-01T00:00:00Z", expected: ["2104-02-29T00:00:00Z"]),
        CronCase(expression: "0 0 31 * *", after: "2026-01-31T00:00:00Z", expected: ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]),
        CronCase(
            expression: "0 0 1 nov-Feb *", after: "2026-01-15T00:00:00Z",
            expected: ["2026-02-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        CronCase(expression: "0 0 1 1 *", after: "2199-01-01T00:00:00Z", expected: []),
        CronCase(expression: "0 0 1 1 *", after: "0001-01-01T00:00:00Z", expected: ["1970-01-01T00:00:00Z", "1971-01-01T00:00:00Z"]),
    ]

    private static let days = [
        CronCase(
            expression: "0 3 * * MON-FRI", zone: "Europe/Madrid", after: "2026-01-02T12:00:00Z",
            expected: ["2026-01-05T02:00:00Z", "2026-01-06T02:00:00Z"]),
        CronCase(
            expression: "0 0 * * FRI-MON", after: "2026-01-01T00:00:00Z",
            expected: [
                "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-09T00:00:00Z",
            ]),
        CronCase(
            expression: "0 0 * * fri-mon/2", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"]),
        CronCase(
            expression: "0 0 * * 6-7", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z"]),
        CronCase(expression: "0 0 * * 0", after: "2026-01-01T00:00:00Z", expected: ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
        CronCase(expression: "0 0 * * 7", after: "2026-01-01T00:00:00Z", expected: ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
        CronCase(
            expression: "0 0 * * 7/3", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-07T00:00:00Z"]),
        CronCase(expression: "0 0 * * 0-7", after: "2026-01-01T00:00:00Z", expected: ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        CronCase(
            expression: "0 12 L * ?", after: "2028-01-31T12:00:00Z",
            expected: ["2028-02-29T12:00:00Z", "2028-03-31T12:00:00Z", "2028-04-30T12:00:00Z"]),
        CronCase(
            expression: "0 12 15,L * *", after: "2026-02-01T00:00:00Z",
            expected: ["2026-02-15T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-15T12:00:00Z"]),
        CronCase(
            expression: "0 9 ? * 5L", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-30T09:00:00Z", "2026-02-27T09:00:00Z", "2026-03-27T09:00:00Z"]),
        CronCase(
            expression: "0 9 * * FRI#2", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-09T09:00:00Z", "2026-02-13T09:00:00Z", "2026-03-13T09:00:00Z"]),
        CronCase(expression: "0 0 * * 1#5", after: "2026-01-01T00:00:00Z", expected: ["2026-03-30T00:00:00Z", "2026-06-29T00:00:00Z"]),
        CronCase(expression: "0 0 * 2 MON#5", after: "2026-01-01T00:00:00Z", expected: ["2044-02-29T00:00:00Z"]),
        // Either day field will do, unless one begins with a star.
        CronCase(
            expression: "0 0 13 * FRI", after: "2026-01-01T00:00:00Z",
            expected: ["2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z"]),
        CronCase(expression: "0 0 */10 * FRI", after: "2026-01-01T00:00:00Z", expected: ["2026-05-01T00:00:00Z", "2026-07-31T00:00:00Z"]),
        CronCase(expression: "0 0 31 2 THU", after: "2026-01-01T00:00:00Z", expected: ["2026-02-05T00:00:00Z", "2026-02-12T00:00:00Z"]),
    ]

    private static let secondsAndShorthands = [
        CronCase(expression: "*/10 * * * * *", after: "2026-01-01T00:00:55Z", expected: ["2026-01-01T00:01:00Z", "2026-01-01T00:01:10Z"]),
        CronCase(expression: "30 0 12 ? * sun", after: "2026-01-01T00:00:00Z", expected: ["2026-01-04T12:00:30Z", "2026-01-11T12:00:30Z"]),
        CronCase(expression: "@yearly", after: "2026-01-01T00:00:00Z", expected: ["2027-01-01T00:00:00Z"]),
        CronCase(expression: "@annually", after: "2026-01-01T00:00:00Z", expected: ["2027-01-01T00:00:00Z"]),
        CronCase(expression: "@monthly", after: "2026-01-01T00:00:00Z", expected: ["2026-02-01T00:00:00Z"]),
        CronCase(expression: "@weekly", after: "2026-01-01T00:00:00Z", expected: ["2026-01-04T00:00:00Z"]),
        CronCase(expression: "@Daily", zone: "Asia/Kolkata", after: "2026-01-01T00:00:00Z", expected: ["2026-01-01T18:30:00Z"]),
        CronCase(expression: "@midnight", after: "2026-01-01T00:00:00Z", expected: ["2026-01-02T00:00:00Z"]),
        CronCase(expression: "@hourly", after: "2026-01-01T00:00:00Z", expected: ["2026-01-01T01:00:00Z"]),
        CronCase(expression: "@every 5m", zone: "Asia/Kolkata", after: "2026-01-01T00:01:00Z", expected: ["2026-01-01T00:05:00Z"]),
        CronCase(expression: "@every 1h30m", after: "2026-01-01T00:00:00Z", expected: ["2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"]),
    ]

    @Test(arguments: plain + days + secondsAndShorthands)
    func calendarOnTheWall(_ example: CronCase) throws { try check(example) }

    private static let setForward = [
        // 2026-03-29 02:00 becomes 03:00.
        CronCase(
            expression: "30 2 * * *", zone: "Europe/Madrid", after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        CronCase(
            expression: "*/20 2 * * *", zone: "Europe/Madrid", after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:20:00Z"]),
        CronCase(
            expression: "30 2,3 * * *", zone: "Europe/Madrid", after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]),
        CronCase(
            expression: "30 * * * *", zone: "Europe/Madrid", after: "2026-03-29T00:00:00Z",
            expected: ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
        CronCase(
            expression: "*/30 * * * *", zone: "Europe/Madrid", after: "2026-03-29T00:29:00Z",
            expected: ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]),
        // 2026-03-29 01:00 becomes 02:00; summer time is what Ireland calls standard.
        CronCase(
            expression: "30 1 * * *", zone: "Europe/Dublin", after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        CronCase(
            expression: "30 2 * * *", zone: "America/New_York", after: "2026-03-07T12:00:00Z",
            expected: ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
        // Half an hour: 2026-10-04 02:00 becomes 02:30.
        CronCase(
            expression: "15 2 * * *", zone: "Australia/Lord_Howe", after: "2026-10-03T12:00:00Z",
            expected: ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]),
        // Midnight: 2026-04-24 00:00 becomes 01:00.
        CronCase(
            expression: "0 0 * * *", zone: "Africa/Cairo", after: "2026-04-23T00:00:00Z",
            expected: ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]),
        CronCase(expression: "30 0 24 4 *", zone: "Africa/Cairo", after: "2026-01-01T00:00:00Z", expected: ["2026-04-23T22:00:00Z"]),
        CronCase(
            expression: "30 0 * * *", zone: "America/Asuncion", after: "2023-09-30T12:00:00Z",
            expected: ["2023-10-01T04:00:00Z", "2023-10-02T03:30:00Z"]),
        // Two hours: 2026-03-29 01:00 becomes 03:00.
        CronCase(
            expression: "*/30 1-2 * * *", zone: "Antarctica/Troll", after: "2026-03-28T12:00:00Z",
            expected: ["2026-03-29T01:00:00Z", "2026-03-29T23:00:00Z"]),
        // A whole day: 2011-12-30 was not.
        CronCase(
            expression: "0 12 * * *", zone: "Pacific/Apia", after: "2011-12-28T23:00:00Z",
            expected: ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]),
        CronCase(expression: "0 * 30 12 *", zone: "Pacific/Apia", after: "2011-12-28T23:00:00Z", expected: ["2012-12-29T10:00:00Z"]),
    ]

    private static let setBack = [
        // 2026-10-25 03:00 becomes 02:00.
        CronCase(
            expression: "30 2 * * *", zone: "Europe/Madrid", after: "2026-10-24T12:00:00Z",
            expected: ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        CronCase(
            expression: "*/30 1-2 * * *", zone: "Europe/Madrid", after: "2026-10-24T12:00:00Z",
            expected: [
                "2026-10-24T23:00:00Z", "2026-10-24T23:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T00:00:00Z",
            ]),
        // Asked in the middle of the second time.
        CronCase(expression: "45 2 * * *", zone: "Europe/Madrid", after: "2026-10-25T01:10:00Z", expected: ["2026-10-26T01:45:00Z"]),
        CronCase(expression: "0 3 * * *", zone: "Europe/Madrid", after: "2026-10-25T00:59:59Z", expected: ["2026-10-25T02:00:00Z"]),
        CronCase(
            expression: "*/30 * * * *", zone: "Europe/Madrid", after: "2026-10-24T23:50:00Z",
            expected: [
                "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z",
            ]),
        CronCase(
            expression: "0 0-23 * * *", zone: "Europe/Madrid", after: "2026-10-24T23:50:00Z",
            expected: ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]),
        // Half an hour: 2026-04-05 02:00 becomes 01:30.
        CronCase(
            expression: "45 1 * * *", zone: "Australia/Lord_Howe", after: "2026-04-04T00:00:00Z",
            expected: ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
        CronCase(
            expression: "0 * * * *", zone: "Australia/Lord_Howe", after: "2026-04-04T13:30:00Z",
            expected: ["2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"]),
        // Midnight: 2026-10-30 00:00 becomes 2026-10-29 23:00.
        CronCase(
            expression: "30 23 * * *", zone: "Africa/Cairo", after: "2026-10-29T00:00:00Z",
            expected: ["2026-10-29T20:30:00Z", "2026-10-30T21:30:00Z"]),
        CronCase(
            expression: "0 0 * * *", zone: "Africa/Cairo", after: "2026-10-29T20:45:00Z",
            expected: ["2026-10-29T22:00:00Z", "2026-10-30T22:00:00Z"]),
        CronCase(
            expression: "30 * 29 10 *", zone: "Africa/Cairo", after: "2026-10-29T20:00:00Z",
            expected: ["2026-10-29T20:30:00Z", "2026-10-29T21:30:00Z", "2027-10-28T22:30:00Z"]),
        // The standard time was changed: 2024-03-01 00:00 became 2024-02-29 23:00, for good.
        CronCase(
            expression: "30 23 * * *", zone: "Asia/Almaty", after: "2024-02-29T00:00:00Z",
            expected: ["2024-02-29T17:30:00Z", "2024-03-01T18:30:00Z"]),
        // Every year for the month of fasting.
        CronCase(
            expression: "30 2 * * *", zone: "Africa/Casablanca", after: "2024-03-09T12:00:00Z",
            expected: ["2024-03-10T01:30:00Z", "2024-03-11T02:30:00Z"]),
        CronCase(
            expression: "30 2 * * *", zone: "Africa/Casablanca", after: "2024-04-13T12:00:00Z",
            expected: ["2024-04-14T02:00:00Z", "2024-04-15T01:30:00Z"]),
    ]

    @Test(arguments: setForward + setBack)
    func clocksThatAreSet(_ example: CronCase) throws { try check(example) }

    private func check(_ example: CronCase) throws {
        let spec = ScheduleSpec.cron(example.expression, timeZone: example.zone)
        let found = try spec.nextTimes(max(example.expected.count, 1), after: try moment(example.after))
        #expect(shown(found) == example.expected)
    }
}
