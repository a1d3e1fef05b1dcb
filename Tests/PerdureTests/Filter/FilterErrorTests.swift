internal import Perdure
internal import Testing

/// What is wrong with a text, and where.
@Suite struct FilterErrorTests {
    private func error(_ text: String) -> FilterError? {
        do throws(FilterError) {
            let filter = try WorkflowFilter(parsing: text)
            Issue.record("'\(text)' was taken: \(filter.node)")
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ("status = faild", 9, "'faild' is none", "failed"), ("status = timedot", 9, "'timedot' is none", "timed_out"),
            ("status = \"set asde\"", 9, "none", "set_aside"), ("status = xyzzy", 9, "they are cancelled, completed", nil),
            ("statsu = failed", 0, "'statsu' is no field", "status"), ("Name = \"x\"", 0, "'Name' is no field", "name"),
            ("a = 1 and strated > -1h", 10, "'strated' is no field", "started"), ("names = \"x\"", 0, "attribute.\"names\"", "name"),
            ("name = Checkout", 7, "put text into quotes", "\"Checkout\""), ("customer = acme", 11, "put text into quotes", "\"acme\""),
            ("name = 12", 7, "'name' is text", nil), ("started > \"soon\"", 10, "'started' is a moment", nil),
            ("started > 5", 10, "'started' is a moment", nil), ("started > 1h", 10, "put a minus before it", nil),
            ("priority = 1.5", 11, "a whole number", nil), ("name", 4, "expected =, !=", nil), ("name \"x\"", 5, "expected =, !=", nil),
            ("name =", 6, "expected a value behind 'name', and found the end", nil), ("= 5", 0, "expected the name of a field", nil),
            ("and a = 1", 0, "found 'and'", nil), ("a = 1 and", 9, "found the end", nil),
            ("a = 1 b = 2", 6, "expected 'and', 'or' or the end", nil),
            ("(a = 1", 6, "expected ')'", nil), ("a = 1)", 5, "found ')'", nil), ("a in 1", 5, "expected '('", nil),
            ("a in (1, 2", 10, "expected ',' or ')'", nil), ("a in ()", 6, "expected a value", nil),
            ("a starts \"x\"", 9, "'starts with'", nil),
            ("a starts with 5", 14, "followed by text", nil), ("a = \"x", 4, "no end", nil), ("a = 5x", 4, "no duration", nil),
            ("a = -5y", 5, "no duration", nil), ("a = 2026-02-30", 4, "no date", nil), ("a = 2026-13-01", 4, "no date", nil),
            ("a ~ 5", 2, "'~' has no meaning", nil), ("a = 1; drop table x", 5, "';' has no meaning", nil),
            ("exists name", 7, "every workflow has 'name'", nil), ("missing status", 8, "every workflow has a status", nil),
            ("parent < \"x\"", 7, "compares by =", nil), ("status > failed", 7, "compares by =", nil),
            ("a < true", 2, "true and false", nil),
            ("status = 5", 9, "expected a state", nil), ("attribute.\"\" = 5", 10, "empty", nil), ("attribute. = 5", 11, "in quotes", nil),
            ("a = \"x\0y\"", 4, "NUL", nil), ("started > -9999999w", 10, "longer than a thousand years", nil),
        ] as [(String, Int, String, String?)])
    func `every fault has its place`(_ text: String, _ position: Int, _ says: String, _ suggestion: String?) {
        guard let error = error(text) else { return }
        #expect(error.position == position, "\(error)")
        #expect(error.description.contains(says), "\(error)")
        #expect(error.suggestion == suggestion, "\(error)")
        #expect(error.text == text)
    }

    @Test func `a caret shows the place`() {
        #expect(
            error("status = faild")?.description == """
                'status' is compared with a state, and 'faild' is none: did you mean 'failed'?
                  status = faild
                           ^
                """)
        #expect(
            error("name = \"x\"\n  and\tstatus = faild\nand a = 1")?.description.hasSuffix(
                """
                  and status = faild
                                 ^
                """) == true)
    }

    @Test func `what is too much is refused before anything is made of it`() {
        #expect(error(String(repeating: "(", count: 5_000) + "a = 1")?.message.contains("levels deep") == true)
        #expect(error(String(repeating: "not ", count: 5_000) + "a = 1")?.message.contains("levels deep") == true)
        #expect(error(Array(repeating: "a = 1", count: 201).joined(separator: " or "))?.message.contains("200 conditions") == true)
        #expect(error("a in (\(Array(repeating: "1", count: 501).joined(separator: ", ")))")?.message.contains("500 values") == true)
        #expect(error(String(repeating: " ", count: 40_000))?.message.contains("bytes") == true)
    }

    /// Nothing that people or machines can write makes it stop the process.
    @Test func `no text is too strange`() {
        var random = Seeded(state: 7)
        let pieces = [
            "status", "=", "failed", "(", ")", "\"", "'", "\\", "and", "or", "not", "in", "-1h", "2026-01-31", "5", ".", ",", "<", "!", "é",
            "\u{301}", "\0",
            "\n", "1e999", "-", "9223372036854775808", "attribute", "starts with", "exists", "🦉", "-1h30", "2026-", "1e", "+",
        ]
        for _ in 0..<3_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                .joined(separator: Bool.random(using: &random) ? " " : "")
            do throws(FilterError) {
                _ = try WorkflowFilter(parsing: text)
            } catch {
                #expect(!error.description.isEmpty && error.position <= text.count)
            }
        }
    }
}

private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}
