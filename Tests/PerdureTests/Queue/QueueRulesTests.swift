import Testing

@testable import Perdure

/// Queues as they are stored.
@Suite struct QueueRulesTests {
    private static let full = Queue(
        "é \"x\"/y", concurrency: 5, perEngine: 4, perKey: 3, rateLimit: RateLimit(2, per: .milliseconds(1500)),
        rateLimitPerKey: RateLimit(1, per: .seconds(9)), weights: ["a": 0.5, "": 2], slots: .untilEnd, whenFull: .cancelRunning,
        singleton: .cancelExisting, expiry: .seconds(7), batch: .init(size: 9, within: .seconds(3)))

    @Test(arguments: [Queue("plain"), full, .strictOrder("strict", concurrency: 2)])
    func `the text is what it was`(_ queue: Queue) throws {
        let rules = QueueRules(queue)
        #expect(try #require(QueueRules(text: rules.text)) == rules)
        #expect(QueueRules(text: rules.text)?.text == rules.text)
        #expect(try #require(QueueLimits(text: queue.limits.text)) == queue.limits)
    }

    @Test func `the text is short, and any language can write it`() {
        #expect(QueueRules(Queue("plain")).text == #"{"limits":{},"name":"plain","slots":"whileRunning","whenFull":"wait"}"#)
        #expect(QueueLimits().text == "{}")
        #expect(
            QueueLimits(text: #"{"rateLimit": {"count": 2, "period": 1500000}, "perKey": 3, "unknown": 1}"#)
                == QueueLimits(perKey: 3, rateLimit: RateLimit(2, per: .milliseconds(1500))))
    }

    @Test(arguments: ["", "{}", "[]", "null", "{\"name\":1}", "rubbish", #"{"limits":{},"name":"x","slots":"new","whenFull":"wait"}"#])
    func `what nobody understands is none`(_ text: String) {
        #expect(QueueRules(text: text) == nil)
        #expect(QueueRow(declared: text, changed: nil, isPaused: false, pauseReason: nil, revision: 1, engines: 0) == nil)
    }

    @Test func `limits that were changed hold, and the rest is as declared`() throws {
        let rules = QueueRules(Self.full)
        func row(_ changed: String?) throws -> QueueRow {
            try #require(QueueRow(declared: rules.text, changed: changed, isPaused: true, pauseReason: "x", revision: 7, engines: 2))
        }
        #expect(try row(nil).rules == rules)
        let changed = try row(QueueLimits(perKey: 9).text)
        #expect(changed.rules.limits == QueueLimits(perKey: 9) && changed.rules.slots == .untilEnd && changed.declared == rules)
        #expect(try row("rubbish").rules == rules)
        #expect(
            changed.isPaused && changed.pauseReason == "x" && changed.revision == 7 && changed.engines == 2 && changed.name == rules.name)
    }

    @Test func `which hold back what wakes`() {
        #expect(!QueueRules(Queue("q")).isLimited)
        #expect(QueueRules(Queue("q", perEngine: 1)).isLimited)
        #expect(QueueRules(Queue("q", concurrency: 1)).isLimited && QueueRules(Queue("q", perKey: 1)).isLimited)
        #expect(!QueueRules(Queue("q", concurrency: 1, slots: .untilEnd)).isLimited)
        #expect(QueueRules(Queue("q", perEngine: 1, slots: .untilEnd)).isLimited)
        #expect(!QueueRules(Queue("q", rateLimit: RateLimit(1, per: .seconds(1)))).isLimited)
    }
}
