import FoundationEssentials
import Perdure
import Testing

/// A specification that is refused, and what its message says.
struct Refusal: Sendable, CustomTestStringConvertible {
    var spec: ScheduleSpec
    var says: [String]

    init(_ expression: String, _ says: String...) {
        spec = .cron(expression)
        self.says = says
    }

    init(_ spec: ScheduleSpec, _ says: String...) {
        self.spec = spec
        self.says = says
    }

    var testDescription: String { says.joined(separator: " … ") }
}

struct ScheduleBadInputTests {
    private static let cron = [
        Refusal("", "``", "it is empty"),
        Refusal("* * * *", "4 fields", "must have 5", "minute, hour, day of the month"),
        Refusal("0", "1 field,"),
        Refusal("0 0 12 * * ? 2026", "7 fields", "or 6"),
        Refusal("60 * * * *", "the field minute", "`60` is out of range", "0 to 59"),
        Refusal("99 0 * * * *", "the field second"),
        Refusal("0 24 * * *", "the field hour", "0 to 23"),
        Refusal("0 0 0 * *", "the field day of the month", "1 to 31, or L"),
        Refusal("0 0 * 13 *", "the field month", "1 to 12 or JAN to DEC"),
        Refusal("0 0 * MAI *", "the field month", "`MAI` is none"),
        Refusal("0 0 * * 8", "the field day of the week", "0 and 7 are Sunday"),
        Refusal("0 0 * * MONDAY", "`MONDAY` is none"),
        Refusal("-5 * * * *", "minute", "a value is missing"),
        Refusal("+5 * * * *", "`+5` is none"),
        Refusal("5- * * * *", "a value is missing"),
        Refusal("1,,2 * * * *", "`1,,2` has a comma too many"),
        Refusal("30-10 * * * *", "`30-10` runs backwards", "`30-59,0-10`"),
        Refusal("0 22-2 * * *", "`22-23,0-2`"),
        Refusal("*/0 * * * *", "the step `0`", "at least 1"),
        Refusal("*/ * * * *", "the step ``"),
        Refusal("*/x * * * *", "the step `x`"),
        Refusal("*/90 * * * *", "the step `90`", "60 values", "@every"),
        Refusal("? * * * *", "write `*`"),
        Refusal("0 0 15W * *", "`15W` is not supported"),
        Refusal("0 0 L-3 * *", "`L-3` is not supported"),
        Refusal("0 0 * * L", "`5L` is the last Friday"),
        Refusal("0 0 * * 5#6", "`5#6`", "1 to 5"),
        Refusal("0 0 * * #1", "a value is missing"),
        Refusal("٣ * * * *", "`٣` is none"),
        Refusal("0 0 31 2 *", "never fires", "change the day or the month"),
        Refusal("0 0 30 FEB *", "never fires"),
        Refusal("0 0 31 4,6,9,11 ?", "never fires"),
        Refusal("0 0 31 2 */2", "never fires"),
        Refusal("@reboot", "`@reboot` is none of @yearly"),
        Refusal("@daily 5", "`@daily 5` is none"),
        Refusal("@every", "like `5m`"),
        Refusal("@every 5 m", "like `5m`"),
        Refusal("@every 5d", "like `5m`"),
        Refusal("@every -5m", "like `5m`"),
        Refusal("@every 99999999999999h", "like `5m`"),
        Refusal("@every 500ms", "at least 1 second"),
        Refusal("TZ=Europe/Madrid 0 0 * * *", "the zone belongs into `timeZone`"),
        Refusal(String(repeating: "x", count: 5000), "x…`"),
    ]

    private static let specs = [
        Refusal(ScheduleSpec(times: []), "at least one time", "`.cron`"),
        Refusal(.cron("* * * * *", timeZone: "Europe/Madird"), "no time zone `Europe/Madird`", "did you mean `Europe/Madrid`?"),
        Refusal(.cron("* * * * *", timeZone: "europe/madrid"), "`Europe/Madrid`?"),
        Refusal(.cron("* * * * *", timeZone: "Madrid"), "`Europe/Madrid`?"),
        Refusal(.cron("* * * * *", timeZone: "New York"), "`America/New_York`?"),
        Refusal(.cron("* * * * *", timeZone: "utc"), "`UTC`?"),
        Refusal(.cron("* * * * *", timeZone: "Atlantis/Poseidonis"), "names are like `Europe/Madrid`"),
        Refusal(.cron("* * * * *", timeZone: "GMT+0230"), "no time zone"),
        Refusal(.cron("* * * * *", timeZone: ""), "no time zone"),
        Refusal(.every(.milliseconds(999)), "0.999 seconds", "at least 1 second"),
        Refusal(.every(.zero), "at least 1 second"),
        Refusal(.once(at: .distantFuture), "between 1970 and 2199"),
        Refusal(.once(at: Date(timeIntervalSince1970: .nan)), "between 1970 and 2199"),
        Refusal(ScheduleSpec(times: [.cron("@daily")], jitter: .seconds(-1)), "cannot be negative"),
        Refusal(
            ScheduleSpec(times: [.cron("@daily")], start: Date(timeIntervalSince1970: 1), end: Date(timeIntervalSince1970: 0)),
            "after its end"),
        Refusal(ScheduleSpec(times: [.cron("@daily")], start: Date(timeIntervalSince1970: .nan)), "the start", "not a number"),
        Refusal(ScheduleSpec(times: [.cron("@daily")], excluding: [.every(.seconds(60))]), "cannot be an exclusion"),
        Refusal(ScheduleSpec(times: [.cron("@daily")], excluding: [.cron("@every 1h")]), "cannot be an exclusion"),
        Refusal(ScheduleSpec(times: [.cron("@daily")], excluding: [.cron("61 * * * *")]), "the field minute"),
        Refusal(ScheduleSpec(times: [.cron("0 3 * * *")], excluding: [.cron("0 * * * *")]), "exclusions leave none"),
        Refusal(
            ScheduleSpec(
                times: [.cron("0 0 1 1 *")], start: Date(timeIntervalSince1970: 1_800_000_000),
                end: Date(timeIntervalSince1970: 1_800_000_100)),
            "between its start and its end"),
        Refusal(.calendar(hour: [24]), "`hour`", "24", "0 to 23 are allowed"),
        Refusal(.calendar(hour: [.range(9...17, step: 0)]), "step of 0"),
        Refusal(.calendar(hour: [ScheduleRange(start: 17, end: 9)]), "from 17 to 9", "backwards"),
        Refusal(.calendar(year: [2200]), "`year`", "1970 to 2199"),
        Refusal(.calendar(dayOfMonth: [29], month: [2], year: [2025, 2026, 2027], comment: "leap"), "\"leap\" never fires"),
    ]

    @Test(arguments: cron + specs)
    func isRefused(_ refusal: Refusal) throws {
        let error = try #require(throws: WorkflowError.self) { _ = try refusal.spec.compiled() }
        #expect(error.code == .invalidDeclaration)
        for part in refusal.says { #expect(error.message.contains(part), "\(error.message)") }
        #expect(error.message.utf8.count < 500)
    }

    @Test func whatIsOverIsNoError() throws {
        let now = try moment("2026-01-01T00:00:00Z")
        #expect(try ScheduleSpec.once(at: try moment("2020-01-01T00:00:00Z")).nextTimes(1, after: now).isEmpty)
        #expect(try ScheduleSpec.calendar(year: [2020]).nextTimes(1, after: now).isEmpty)
        let ended = ScheduleSpec(times: [.cron("@daily")], end: try moment("2020-01-01T00:00:00Z"))
        #expect(try ended.nextTimes(1, after: now).isEmpty)
    }
}
