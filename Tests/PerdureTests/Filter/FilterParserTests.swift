internal import Foundation
internal import Perdure
internal import Testing

/// What the text of a filter means.
@Suite struct FilterParserTests {
    private func same(_ text: String, _ filter: WorkflowFilter, _ place: SourceLocation = #_sourceLocation) throws {
        let parsed = try WorkflowFilter(parsing: text)
        #expect(parsed == filter, "\(text): \(parsed.node)", sourceLocation: place)
    }

    @Test func `comparisons of every field`() throws {
        try same("name = \"Checkout\"", .name == "Checkout")
        try same("type='Checkout'", .name == "Checkout")
        try same("id != \"a\"", .id != "a")
        try same("version == \"v1\"", .version == "v1")
        try same("queue starts with \"e\"", .queue.starts(with: "e"))
        try same("key <> \"k\"", .key != "k")
        try same("priority > 3", .priority > 3)
        try same("crashes = 2", .crashes == 2)
        try same("attempts != 2", .crashes != 2)
        try same("parent = \"order-7\"", .parent == "order-7")
        try same("exists parent", .parent.exists)
        try same("missing finished", !.finished.exists)
        try same("name in (\"a\", \"b\")", .name.isOne(of: ["a", "b"]))
        try same("name not in (\"a\")", !.name.isOne(of: ["a"]))
    }

    @Test func `moments`() throws {
        try same("started > -1h", .started > .ago(.seconds(3600)))
        try same("created >= -1.5d", .started >= .ago(.seconds(129_600)))
        try same("due < +1h30m", .due < .fromNow(.seconds(5400)))
        try same("deadline <= now", .deadline <= .fromNow(.zero))
        let date = Date(timeIntervalSince1970: 1_769_824_800)
        for text in ["2026-01-31T02:00:00Z", "2026-01-31T03:00+01:00", "\"2026-01-31 02:00\"", "2026-01-31T02:00:00.000000Z"] {
            try same("finished < \(text)", .finished < .at(date))
        }
        try same("finished < 2026-01-31", .finished < .at(date.addingTimeInterval(-7200)))
    }

    @Test func `states in all their spellings`() throws {
        for text in ["set_aside", "setAside", "\"set aside\"", "set-aside", "'Set Aside'"] {
            try same("status = \(text)", .status == .setAside)
        }
        try same("status = timed_out", .status == .timedOut)
        try same("state != failed", .status != .failed)
        try same("status in (failed, 'timed out')", .status.isOne(of: [.failed, .timedOut]))
        try same("status = open", .open)
        try same("status in (closed, running)", .status.isOne(of: WorkflowStatus.State.closedStates.union([.running])))
        for state in WorkflowStatus.State.allStates { try same("status = '\(state.rawValue)'", .status == state) }
    }

    @Test func `attributes`() throws {
        try same("customer = \"acme\"", .attribute("customer") == "acme")
        try same("amount >= 12", .attribute("amount") >= 12)
        try same("amount < -1.5e2", .attribute("amount") < -150.0)
        try same("paid = true", .attribute("paid") == true)
        try same("paid != FALSE", .attribute("paid") != false)
        try same("perdure.schedule = \"nightly\"", .attribute("perdure.schedule") == "nightly")
        try same("order-id in (1, 2.5, \"x\")", .attribute("order-id").isOne(of: [1, 2.5, "x"]))
        try same("exists größe", .attribute("größe").exists)
        try same("attribute.\"weird name\" = 'a \\' b'", .attribute("weird name") == "a ' b")
        try same("attribute.status = \"x\"", .attribute("status") == "x")
        try same("attribute.\"name\" starts with \"x\"", .attribute("name").starts(with: "x"))
        try same("day > 2026-01-31", .attribute("day") > .date(Date(timeIntervalSince1970: 1_769_817_600)))
    }

    @Test func `and binds closer than or, and not closer than both`() throws {
        try same("", .all)
        try same("  \n ", .all)
        let (a, b, c): (WorkflowFilter, WorkflowFilter, WorkflowFilter) = (.attribute("a") == 1, .attribute("b") == 1, .attribute("c") == 1)
        try same("a = 1 or b = 1 and c = 1", WorkflowFilter(.any([a.node, (b && c).node])))
        try same("(a = 1 OR b = 1) AND c = 1", (a || b) && c)
        try same("not a = 1 and b = 1", !a && b)
        try same("!(a = 1 || b = 1) && c = 1", !(a || b) && c)
        try same("not not a = 1", !(!a))
        try same("a = 1 and b = 1 and c = 1", WorkflowFilter(.all([a.node, b.node, c.node])))
    }

    @Test func `the example of the documentation`() throws {
        let filter: WorkflowFilter =
            .name == "Checkout" && .status == .failed && .started > .ago(.seconds(3600)) && .attribute("customer") == "acme"
        let parsed = try WorkflowFilter(parsing: "name = \"Checkout\" and status = failed and started > -1h and customer = \"acme\"")
        #expect(FilterPlan(parsed, now: 0) == FilterPlan(filter, now: 0))
    }
}
