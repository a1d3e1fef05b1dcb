import FoundationEssentials
import Perdure
import Testing

struct ScheduleSpecTests {
    private let newYear = "2026-01-01T00:00:00Z"

    private func next(_ count: Int, _ spec: ScheduleSpec, after text: String = "2026-01-01T00:00:00Z") throws -> [String] {
        shown(try spec.nextTimes(count, after: try moment(text)))
    }

    @Test func severalTimesAreOne() throws {
        let spec = ScheduleSpec(times: [.cron("0 0,7 * * *"), .every(.hours(6)), .once(at: try moment("2026-01-01T06:30:00Z"))])
        #expect(
            try next(6, spec) == [
                "2026-01-01T06:00:00Z", "2026-01-01T06:30:00Z", "2026-01-01T07:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T18:00:00Z",
                "2026-01-02T00:00:00Z",
            ])
    }

    @Test func intervalsAreAlignedTo1970() throws {
        #expect(try next(2, .every(.minutes(5))) == ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"])
        #expect(try next(2, .every(.minutes(5), phase: .seconds(62))) == ["2026-01-01T00:01:02Z", "2026-01-01T00:06:02Z"])
        #expect(try next(1, .every(.minutes(5), phase: .seconds(-60))) == ["2026-01-01T00:04:00Z"])
        #expect(try next(1, .every(.minutes(5), phase: .minutes(11))) == ["2026-01-01T00:01:00Z"])
        #expect(try next(1, .every(.days(7))) == ["2026-01-08T00:00:00Z"])
        let fine = try ScheduleSpec.every(.milliseconds(1500)).nextTimes(2, after: Date(timeIntervalSince1970: 1_767_225_600))
        #expect(fine.map(\.timeIntervalSince1970) == [1_767_225_601.5, 1_767_225_603])
        #expect(try ScheduleSpec.every(.seconds(Int64.max)).nextTimes(1, after: try moment(newYear)).isEmpty)
    }

    @Test func exactlyAfter() throws {
        let schedule = try ScheduleSpec.every(.microseconds(1_000_003)).compiled()
        var reached = try #require(schedule.next(after: try moment(newYear)))
        for _ in 0..<2000 {
            let next = try #require(schedule.next(after: reached))
            #expect(abs(next.timeIntervalSince(reached) - 1.000003) < 1e-6)
            reached = next
        }
    }

    @Test func calendarsNeedAllTheirFields() throws {
        #expect(try next(1, .calendar(hour: [.range(9...17, step: .max)])) == ["2026-01-01T09:00:00Z"])
        #expect(try next(2, .calendar()) == ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"])
        // A Friday the 13th.
        #expect(
            try next(3, .calendar(hour: [9], dayOfMonth: [13], dayOfWeek: [5])) == [
                "2026-02-13T09:00:00Z", "2026-03-13T09:00:00Z", "2026-11-13T09:00:00Z",
            ])
        let office = ScheduleSpec.calendar(
            minute: [30], hour: [.range(9...17, step: 4)], year: [2027], dayOfWeek: [.range(1...5), 7], timeZone: "Asia/Kolkata")
        #expect(try next(4, office) == ["2027-01-01T04:00:00Z", "2027-01-01T08:00:00Z", "2027-01-01T12:00:00Z", "2027-01-03T04:00:00Z"])
        // Every hour follows the time that passes.
        let hourly = ScheduleSpec.calendar(hour: [.range(0...23)], timeZone: "Europe/Madrid")
        let midnight = try moment("2026-10-24T22:00:00Z")
        #expect(try hourly.compiled().times(after: midnight, through: midnight.addingTimeInterval(90_000), limit: .max).count == 25)
    }

    @Test func exclusionsLeaveOut() throws {
        let christmas = ScheduleSpec(
            times: [.cron("0 0 * * *"), .every(.hours(12), phase: .hours(6))],
            excluding: [.cron("0 0 25 12 *"), .once(at: try moment("2026-12-25T18:00:00Z"))])
        #expect(try next(2, christmas, after: "2026-12-24T18:00:00Z") == ["2026-12-25T06:00:00Z", "2026-12-26T00:00:00Z"])
        // The rule for clocks holds for exclusions, too.
        let spring = ScheduleSpec(times: [.cron("30 2 * * *")], excluding: [.cron("0 2 29 3 *")], timeZone: "Europe/Madrid")
        #expect(try next(1, spring, after: "2026-03-28T12:00:00Z") == ["2026-03-30T00:30:00Z"])
    }

    /// What is passed over at once must all be covered.
    @Test func exclusionsLeaveOutNoMore() throws {
        let seconds = ScheduleSpec(times: [.every(.seconds(20))], excluding: [.cron("0 * * * * *")])
        #expect(
            try next(3, seconds, after: "2026-01-01T00:00:40Z") == ["2026-01-01T00:01:20Z", "2026-01-01T00:01:40Z", "2026-01-01T00:02:20Z"])
        // Seen from this zone, every two hours are the odd ones.
        let hours = ScheduleSpec(times: [.every(.hours(2))], excluding: [.cron("0 1,0-22/2 * * *")], timeZone: "Etc/GMT-1")
        #expect(try next(2, hours, after: "2025-12-31T23:00:00Z") == ["2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z"])
        // 02:00 to 02:10 do not exist, and are the one moment 03:00.
        let skipped = ScheduleSpec(times: [.cron("* * * * *")], excluding: [.cron("0-10 2 * * *")], timeZone: "Europe/Madrid")
        #expect(try next(2, skipped, after: "2026-03-29T00:58:00Z") == ["2026-03-29T00:59:00Z", "2026-03-29T01:01:00Z"])
    }

    /// Nothing is stepped through second by second.
    @Test func longExclusionsArePassedOver() throws {
        let started = ContinuousClock.now
        let almost = ScheduleSpec(times: [.every(.seconds(1))], excluding: [.cron("* * * * 1-11 *")], timeZone: "Europe/Madrid")
        #expect(try next(1, almost, after: "2026-01-01T00:00:00Z") == ["2026-11-30T23:00:00Z"])
        let halves = ScheduleSpec(times: [.every(.seconds(2))], excluding: [.cron("*/2 * * * 2-12 *")])
        #expect(try next(1, halves, after: "2026-02-01T00:00:00Z") == ["2027-01-01T00:00:00Z"])
        let weekend = ScheduleSpec(times: [.cron("* * * * * *")], excluding: [.cron("* * * ? * MON-FRI")])
        #expect(try next(1, weekend, after: "2026-01-26T00:00:00Z") == ["2026-01-31T00:00:00Z"])
        let minutes = ScheduleSpec(times: [.cron("* * * * *")], excluding: [.cron("0-29 * 1-30 * *"), .cron("30-59 * 1-30 * *")])
        #expect(try next(1, minutes, after: "2026-04-01T00:00:00Z") == ["2026-05-31T00:00:00Z"])
        let never = ScheduleSpec(times: [.every(.seconds(2))], excluding: [.cron("*/2 * * * * *")], timeZone: "Africa/Casablanca")
        #expect(throws: WorkflowError.self) { try never.nextTimes(1, after: try moment(newYear)) }
        #expect(started.duration(to: .now) < .seconds(20))
    }

    @Test func boundsAreInclusive() throws {
        let spec = ScheduleSpec(
            times: [.cron("0 0 * * *")], start: try moment("2026-02-01T00:00:00Z"), end: try moment("2026-02-03T00:00:00Z"))
        #expect(try next(9, spec) == ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z"])
        let schedule = try spec.compiled()
        #expect(schedule.next(after: try moment("2026-02-03T00:00:00Z")) == nil)
        let window = schedule.times(after: try moment("2026-02-01T00:00:00Z"), through: try moment("2026-02-02T00:00:00Z"), limit: 9)
        #expect(shown(window) == ["2026-02-02T00:00:00Z"])
        #expect(schedule.times(after: .distantPast, through: .distantFuture, limit: 2).count == 2)
        #expect(schedule.times(after: .distantPast, through: .distantFuture, limit: 0).isEmpty)
        for strange in [Double.nan, .infinity, -.infinity, 1e300] {
            _ = schedule.next(after: Date(timeIntervalSince1970: strange))
            _ = try ScheduleSpec.cron("* * * * *").compiled().next(after: Date(timeIntervalSince1970: strange))
        }
    }

    @Test func jitterIsTheSameEverywhere() throws {
        let schedule = try ScheduleSpec(times: [.cron("0 0 * * *"), .cron("10 0 * * *")], jitter: .hours(1)).compiled()
        let midnight = try moment("2026-01-02T00:00:00Z")
        let ten = try moment("2026-01-02T00:10:00Z")
        // What was written down once; another release must find the same.
        #expect(SQLDate.format(schedule.jittered(midnight, name: "reports")) == "2026-01-02 00:07:09.595740+00")
        var sum = 0.0
        for number in 0..<400 {
            let early = schedule.jittered(midnight, name: "job-\(number)")
            let late = schedule.jittered(ten, name: "job-\(number)")
            #expect(early >= midnight && early < ten)
            #expect(late >= ten && late < ten.addingTimeInterval(3600))
            sum += late.timeIntervalSince(ten)
        }
        #expect(abs(sum / 400 - 1800) < 200)
        let days = schedule.times(after: midnight, through: .distantFuture, limit: 800)
        let mean = days.reduce(0) { $0 + schedule.jittered($1, name: "reports").timeIntervalSince($1) } / 800
        #expect(abs(mean - 1050) < 150)
        #expect(try ScheduleSpec.cron("* * * * *").compiled().jittered(ten, name: "reports") == ten)
    }

    @Test func asJSON() throws {
        let spec = ScheduleSpec(
            times: [
                .cron("0 3 * * *"), .every(.minutes(5)), .every(.milliseconds(1100), phase: .milliseconds(100)),
                .calendar(hour: [9, .range(12...18, step: 2)], dayOfWeek: [.range(1...5)], comment: "office"),
                .once(at: try moment("2026-01-01T00:00:00Z")),
            ], excluding: [.cron("0 3 25 12 *")], timeZone: "Europe/Madrid", start: try moment("2026-01-01T00:00:00Z"), jitter: .seconds(30)
        )
        let text = """
            {"exclusions":[{"cron":"0 3 25 12 *"}],"jitter":30,"start":1767225600,"times":[{"cron":"0 3 * * *"},{"every":300},\
            {"every":1.1,"phase":0.1},{"calendar":{"comment":"office",\
            "dayOfWeek":[{"end":5,"start":1}],"hour":[9,{"end":18,"start":12,"step":2}]}},\
            {"once":1767225600}],"zone":"Europe\\/Madrid"}
            """
        let bytes = try JSONPayloadCoding.encode(spec)
        #expect(bytes == text)
        #expect(try JSONPayloadCoding.decode(bytes) == spec)
    }

    @Test func jsonOfOthers() throws {
        let spec = try JSONPayloadCoding.decode(#"{"times":[{"cron":"0 3 * * *","note":1},{"every":300,"phase":0}],"colour":"red"}"#)
        #expect(spec == ScheduleSpec(times: [.cron("0 3 * * *"), .every(.seconds(300))]))
        for bad in [#"{}"#, #"{"times":[{}]}"#, #"{"times":[{"every":1e300}]}"#, #"{"times":[{"cron":5}]}"#] {
            #expect(throws: DecodingError.self, "\(bad)") { try JSONPayloadCoding.decode(bad) }
        }
    }
}

private enum JSONPayloadCoding {
    static func encode(_ spec: ScheduleSpec) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(spec), as: UTF8.self)
    }

    static func decode(_ text: String) throws -> ScheduleSpec {
        try JSONDecoder().decode(ScheduleSpec.self, from: Data(text.utf8))
    }
}
