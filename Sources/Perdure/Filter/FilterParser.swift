extension WorkflowFilter {
    /// A filter of its text; nothing but space is every workflow.
    ///
    /// - Throws: ``FilterError``, which shows the place and says what was expected.
    public init(parsing text: String) throws(FilterError) {
        var parser = FilterParser(text: text, tokens: try FilterLexer.tokens(text))
        self.init(try parser.filter())
    }
}

/// Makes a tree of tokens, by recursive descent.
///
/// ```
/// filter:     alternative ("or" alternative)*
/// alternative: condition ("and" condition)*
/// condition:  "not" condition | "(" filter ")" | "exists" field | "missing" field | comparison
/// ```
struct FilterParser {
    let text: String
    private let tokens: [FilterToken]
    private var index = 0
    private var depth = 0
    private var conditions = 0
    private var values = 0

    /// Deeper than anybody writes, and far from the end of any stack.
    private static let depthLimit = 50
    /// A database plans each of them.
    private static let conditionLimit = 200
    /// So many parameters every database takes.
    private static let valueLimit = 500

    init(text: String, tokens: [FilterToken]) { (self.text, self.tokens) = (text, tokens) }

    /// The present token; the last is the end, and stays.
    var token: FilterToken { tokens[min(index, tokens.count - 1)] }

    mutating func advance() { index += 1 }

    func fault(_ message: String, at token: FilterToken? = nil, suggestion: String? = nil) -> FilterError {
        FilterError(message, text: text, position: (token ?? self.token).position, suggestion: suggestion)
    }

    /// The whole text.
    mutating func filter() throws(FilterError) -> FilterNode {
        if token.content == .end { return .all([]) }
        let node = try alternatives()
        guard token.content == .end else {
            throw fault("expected 'and', 'or' or the end, and found \(token.description)")
        }
        return node
    }

    private mutating func alternatives() throws(FilterError) -> FilterNode {
        var nodes = [try conjunction()]
        while skip("or", .or) { nodes.append(try conjunction()) }
        return nodes.count == 1 ? nodes[0] : .any(nodes)
    }

    private mutating func conjunction() throws(FilterError) -> FilterNode {
        var nodes = [try condition()]
        while skip("and", .and) { nodes.append(try condition()) }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    private mutating func condition() throws(FilterError) -> FilterNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw fault("a filter is at most \(Self.depthLimit) levels deep") }
        if skip("not", .not) { return .not(try condition()) }
        if skip(.open) {
            let node = try alternatives()
            guard skip(.close) else { throw fault("expected ')', and found \(token.description)") }
            return node
        }
        conditions += 1
        guard conditions <= Self.conditionLimit else { throw fault("a filter has at most \(Self.conditionLimit) conditions") }
        if let node = try presence() { return node }
        return try comparison()
    }

    /// `exists customer`, `missing finished`; nil where it is something else.
    private mutating func presence() throws(FilterError) -> FilterNode? {
        guard token.isWord("exists") || token.isWord("missing") else { return nil }
        let isMissing = token.isWord("missing")
        advance()
        let start = token
        guard case .field(let field) = try subject() else { throw fault("every workflow has a status", at: start) }
        guard field.isOptional else { throw fault("every workflow has \(start.description)", at: start) }
        return isMissing ? .not(.test(field, .exists)) : .test(field, .exists)
    }

    /// One more in a list.
    mutating func countValue() throws(FilterError) {
        values += 1
        guard values <= Self.valueLimit else { throw fault("a filter has at most \(Self.valueLimit) values in its lists") }
    }

    // MARK: - Tokens

    /// Passes over a word or the symbol of the same meaning, if it is there.
    private mutating func skip(_ word: String, _ symbol: FilterToken.Symbol) -> Bool {
        if token.isWord(word) {
            advance()
            return true
        }
        return skip(symbol)
    }

    mutating func skip(_ symbol: FilterToken.Symbol) -> Bool {
        guard token.content == .symbol(symbol) else { return false }
        advance()
        return true
    }
}
