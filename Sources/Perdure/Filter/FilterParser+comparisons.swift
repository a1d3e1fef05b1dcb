extension FilterParser {
    /// How a field is compared.
    private enum Relation {
        case equal, notEqual
        case compare(FilterComparison)
        case isIn, isNotIn
    }

    /// `field = value`, `field in (value, …)`, `field starts with "text"`.
    mutating func comparison() throws(FilterError) -> FilterNode {
        let start = token
        let subject = try subject()
        let operation = token
        let relation = try relation(start)
        switch subject {
        case .status: return try states(relation, operation)
        case .field(let field): return try test(field, relation, start, operation)
        }
    }

    private mutating func relation(_ subject: FilterToken) throws(FilterError) -> Relation {
        let found = token
        advance()
        switch found.content {
        case .symbol(.equal): return .equal
        case .symbol(.notEqual): return .notEqual
        case .symbol(.less): return .compare(.less)
        case .symbol(.atMost): return .compare(.atMost)
        case .symbol(.greater): return .compare(.greater)
        case .symbol(.atLeast): return .compare(.atLeast)
        default: break
        }
        if found.isWord("in") { return .isIn }
        if found.isWord("not"), token.isWord("in") {
            advance()
            return .isNotIn
        }
        if found.isWord("starts") {
            guard token.isWord("with") else { throw fault("expected 'starts with', and found 'starts' and \(token.description)") }
            advance()
            return .compare(.startsWith)
        }
        throw fault(
            "expected =, !=, <, <=, >, >=, 'in' or 'starts with' behind \(subject.description), and found \(found.description)", at: found)
    }

    // MARK: - Fields

    private mutating func test(
        _ field: FilterField, _ relation: Relation, _ start: FilterToken, _ operation: FilterToken
    ) throws(FilterError) -> FilterNode {
        switch relation {
        case .equal: return .test(field, .oneOf([try value(of: field, start)]))
        case .notEqual: return .not(.test(field, .oneOf([try value(of: field, start)])))
        case .isIn: return .test(field, .oneOf(try values(of: field, start)))
        case .isNotIn: return .not(.test(field, .oneOf(try values(of: field, start))))
        case .compare(let comparison):
            if field.kind == .reference { throw fault("\(start.description) compares by =, != and 'in' only", at: operation) }
            let place = token
            let value = try value(of: field, start)
            if comparison == .startsWith, !value.isText { throw fault("'starts with' is followed by text in quotes", at: place) }
            if case .bool = value { throw fault("true and false compare by = and != only", at: operation) }
            return .test(field, .compare(comparison, value))
        }
    }

    private mutating func values(of field: FilterField, _ start: FilterToken) throws(FilterError) -> [FilterValue] {
        var values: [FilterValue] = []
        try list { parser throws(FilterError) in values.append(try parser.value(of: field, start)) }
        return values
    }

    private mutating func list(_ element: (inout FilterParser) throws(FilterError) -> Void) throws(FilterError) {
        guard skip(.open) else { throw fault("expected '(' behind 'in', and found \(token.description)") }
        repeat {
            try countValue()
            try element(&self)
        } while skip(.comma)
        guard skip(.close) else { throw fault("expected ',' or ')', and found \(token.description)") }
    }

    /// One value, of a kind that fits the field.
    private mutating func value(of field: FilterField, _ start: FilterToken) throws(FilterError) -> FilterValue {
        let found = token
        let value = try literal(field, start)
        let name = start.description
        switch (field.kind, value) {
        case (.attribute, _), (.text, .text), (.reference, .text), (.moment, .moment), (.moment, .fromNow), (.number, .number(.int)):
            advance()
            return value
        case (.moment, .text(let written)):
            guard let moment = MomentText.parse(written) else {
                throw fault("\(name) is a moment, and this text is none: write -1h, or 2026-01-31T02:00:00Z", at: found)
            }
            advance()
            return .moment(moment)
        case (.text, _), (.reference, _): throw fault("\(name) is text: put what it is compared with into quotes", at: found)
        case (.moment, _): throw fault("\(name) is a moment: compare it with -1h, say, or 2026-01-31T02:00:00Z", at: found)
        case (.number, _): throw fault("\(name) is a whole number: compare it with one", at: found)
        }
    }

    private func literal(_ field: FilterField, _ start: FilterToken) throws(FilterError) -> FilterValue {
        switch token.content {
        case .text(let text):
            if text.utf8.contains(0) { throw fault("text in a filter cannot hold a NUL character") }
            return .text(text)
        case .number(let number): return .number(number)
        case .date(let moment): return .moment(moment)
        case .duration(let length, let isSigned):
            guard isSigned else {
                throw fault("a duration counts from now: put a minus before it for the past, and a plus for the future")
            }
            return .fromNow(length)
        case .word(let word):
            switch word.lowercased() {
            case "true": return .bool(true)
            case "false": return .bool(false)
            case "now": return .fromNow(0)
            default: throw fault("'\(word)' is no value: put text into quotes", suggestion: "\"\(word)\"")
            }
        case .symbol, .end:
            throw fault("expected a value behind \(start.description), and found \(token.description)")
        }
    }
}

extension FilterValue {
    fileprivate var isText: Bool {
        if case .text = self { true } else { false }
    }
}

// MARK: - States

extension FilterParser {
    private mutating func states(_ relation: Relation, _ operation: FilterToken) throws(FilterError) -> FilterNode {
        switch relation {
        case .equal: return .states(try state())
        case .notEqual: return .not(.states(try state()))
        case .isIn, .isNotIn:
            var all: Set<WorkflowStatus.State> = []
            try list { parser throws(FilterError) in all.formUnion(try parser.state()) }
            if case .isNotIn = relation { return .not(.states(all)) }
            return .states(all)
        case .compare: throw fault("'status' compares by =, != and 'in' only", at: operation)
        }
    }

    /// A state, or a group of them.
    private mutating func state() throws(FilterError) -> Set<WorkflowStatus.State> {
        let word: String
        switch token.content {
        case .word(let written), .text(let written): word = written
        default: throw fault("expected a state, and found \(token.description)")
        }
        guard let states = Self.stateWords[Self.letters(word)] else {
            let names = WorkflowStatus.State.allStates.map(\.rawValue).sorted()
            let nearest = FilterSpelling.nearest(to: word, among: names + ["open", "closed"])
            // As it is written without quotes.
            let suggestion = nearest.map { $0.split(separator: " ").joined(separator: "_") }
            throw fault(
                "'status' is compared with a state, and '\(word)' is none\(suggestion == nil ? ": they are \(names.joined(separator: ", ")), and open and closed" : "")",
                suggestion: suggestion)
        }
        advance()
        return states
    }

    /// `timed out`, `timed_out` and `timedOut` are the same.
    private static func letters(_ word: String) -> String { word.lowercased().filter { !" _-".contains($0) } }

    private static let stateWords: [String: Set<WorkflowStatus.State>] = {
        var words = ["open": WorkflowStatus.State.openStates, "closed": WorkflowStatus.State.closedStates]
        for state in WorkflowStatus.State.allStates { words[letters(state.rawValue)] = [state] }
        return words
    }()
}
