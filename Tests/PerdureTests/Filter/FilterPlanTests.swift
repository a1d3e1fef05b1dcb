internal import Perdure
internal import Testing

@Suite struct FilterPlanTests {
    private let now: Microseconds = 1_800_000_000_000_000
    private let hour: Microseconds = 3_600_000_000

    private func plan(_ text: String) throws -> FilterPlan { FilterPlan(try WorkflowFilter(parsing: text), now: now) }

    private func number(_ moment: Microseconds) -> WorkflowNumber { (moment / 1000 - 1_735_689_600_000) << 22 }

    @Test func `not is driven into the leaves`() throws {
        #expect(try plan("not (a = 1 and b = 2)") == plan("not a = 1 or not b = 2"))
        #expect(try plan("not (a = 1 or not b = 2)") == plan("not a = 1 and b = 2"))
        #expect(try plan("not not a = 1") == plan("a = 1"))
        #expect(try plan("not status = open") == plan("status = closed"))
        #expect(try plan("(a = 1 and (b = 2 and c = 3))") == plan("a = 1 and b = 2 and c = 3"))
    }

    @Test func `states of a row are what is left of all that are named`() throws {
        #expect(
            try plan("status = open and status != running and not status = queued").states == [.scheduled, .waiting, .setAside, .paused])
        #expect(try plan("a = 1").states == nil)
        #expect(try plan("status in (open, closed)").states == nil)
        #expect(try plan("status = failed and status = completed").isEmpty)
        #expect(try plan("status not in (open, closed)").isEmpty)
        #expect(try !plan("status not in (open, closed) or a = 1").isEmpty)
        #expect(FilterPlan(.name.isOne(of: []), now: now).isEmpty)
        #expect(FilterPlan(!.name.isOne(of: []), now: now) == FilterPlan(.all, now: now))
    }

    @Test func `a time of the start bounds the number, generously`() throws {
        func range(_ text: String, databaseNow: Microseconds? = nil) throws -> ClosedRange<WorkflowNumber> {
            try plan(text).numbers(now: now, databaseNow: databaseNow ?? now)
        }
        #expect(try range("started > -2h") == number(now - 3 * hour)...WorkflowNumber.max)
        #expect(try range("started > -2h and started < -1h") == number(now - 3 * hour)...(number(now) + 1 << 22 - 1))
        #expect(try range("started > -2h or a = 1") == .min ... .max)
        #expect(try range("not started < -2h") == .min ... .max)
        #expect(try range("started > 2020-01-01") == .min ... .max)
        #expect(try range("started > 9999-01-01").lowerBound > number(now))
        #expect(try range("started < 0001-01-01").upperBound < number(1_735_689_600_000_000 + 2 * hour))
        // A test has turned its clock: numbers tell nothing.
        #expect(try range("started > -2h", databaseNow: now - 20 * hour) == .min ... .max)
        #expect(try range("started > -2h", databaseNow: now + 60_000_000).lowerBound == number(now - 3 * hour))
    }

    @Test func `prefixes as ranges`() {
        #expect(FilterText.successor(of: "abc") == "abd")
        #expect(FilterText.successor(of: "a\u{10FFFF}") == "b")
        #expect(FilterText.successor(of: "\u{D7FF}") == "\u{E000}")
        #expect(FilterText.successor(of: "\u{10FFFF}") == nil)
        #expect(FilterText.successor(of: "") == nil)
        #expect(FilterText.beginsPublicID("w00") && FilterText.beginsPublicID("") && !FilterText.beginsPublicID("order"))
    }
}
