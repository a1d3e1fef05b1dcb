/// A piece of the text of a filter.
struct FilterToken: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        /// A name, a keyword or a state, as it was written.
        case word(String)
        /// Quoted text, without its quotes.
        case text(String)
        case number(AttributeRow.Number)
        /// Microseconds; what has no sign is not said to lie before or after.
        case duration(Microseconds, isSigned: Bool)
        case date(Microseconds)
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, Sendable, Hashable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case atMost = "<="
        case greater = ">"
        case atLeast = ">="
        case open = "("
        case close = ")"
        case comma = ","
        case dot = "."
        case and = "&&"
        case or = "||"
        case not = "!"
    }

    var content: Content
    /// How many characters stand before it.
    var position: Int

    /// As it is shown in an error.
    var description: String {
        switch content {
        case .word(let word): "'\(word)'"
        case .text: "text"
        case .number: "a number"
        case .duration: "a duration"
        case .date: "a date"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .end: "the end"
        }
    }

    /// Whether it is this word, in capitals or not.
    func isWord(_ word: String) -> Bool {
        if case .word(let found) = content { found.lowercased() == word } else { false }
    }
}
