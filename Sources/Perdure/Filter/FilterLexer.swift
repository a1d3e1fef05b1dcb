/// Cuts the text of a filter into tokens; a pure function of the text.
struct FilterLexer {
    private let text: String
    private let characters: [Character]
    private var index = 0

    /// Longer than anybody writes; what is longer is refused before anything is made of it.
    private static let limit = 32_768

    static func tokens(_ text: String) throws(FilterError) -> [FilterToken] {
        guard text.utf8.count <= limit else {
            throw FilterError(
                "a filter has at most \(limit) bytes, and this has \(text.utf8.count)", text: String(text.prefix(40)), position: 0)
        }
        var lexer = FilterLexer(text: text)
        var tokens: [FilterToken] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.content == .end { return tokens }
        }
    }

    private init(text: String) {
        self.text = text
        characters = Array(text)
    }

    private mutating func next() throws(FilterError) -> FilterToken {
        while let character = peek(), character.isWhitespace { index += 1 }
        let start = index
        guard let character = peek() else { return FilterToken(content: .end, position: start) }
        let content: FilterToken.Content
        if character == "\"" || character == "'" {
            content = try .text(quoted(character))
        } else if isDigit(character) || ((character == "-" || character == "+") && peek(1).map(isDigit) == true) {
            content = try numeric()
        } else if isLetter(character) {
            content = .word(word())
        } else if let symbol = symbol() {
            content = .symbol(symbol)
        } else {
            throw fault("'\(character)' has no meaning in a filter", at: start)
        }
        return FilterToken(content: content, position: start)
    }

    private func peek(_ ahead: Int = 0) -> Character? { index + ahead < characters.count ? characters[index + ahead] : nil }

    private func fault(_ message: String, at position: Int) -> FilterError { FilterError(message, text: text, position: position) }

    private func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }

    private func isLetter(_ character: Character) -> Bool { character.isLetter || character == "_" }

    /// Dots and hyphens belong to a word if a letter or a digit follows: `perdure.schedule`, `order-id`.
    private mutating func word() -> String {
        let start = index
        while let character = peek() {
            let goesOn =
                isLetter(character) || isDigit(character)
                || ((character == "." || character == "-") && peek(1).map { isLetter($0) || isDigit($0) } == true)
            if !goesOn { break }
            index += 1
        }
        return String(characters[start..<index])
    }

    /// A backslash makes an ordinary character of the one behind it.
    private mutating func quoted(_ quote: Character) throws(FilterError) -> String {
        let start = index
        index += 1
        var content = ""
        while let character = peek() {
            index += 1
            if character == quote { return content }
            if character == "\\" {
                guard let escaped = peek() else { break }
                index += 1
                content.append(escaped)
            } else {
                content.append(character)
            }
        }
        throw fault("this text has no end: a \(quote) is missing", at: start)
    }

    private mutating func symbol() -> FilterToken.Symbol? {
        for length in [2, 1] where index + length <= characters.count {
            let symbol: FilterToken.Symbol? =
                switch String(characters[index..<index + length]) {
                case "==": .equal
                case "<>": .notEqual
                case let text: FilterToken.Symbol(rawValue: text)
                }
            if let symbol {
                index += length
                return symbol
            }
        }
        return nil
    }
}

// MARK: - Numbers, durations, dates

extension FilterLexer {
    private mutating func numeric() throws(FilterError) -> FilterToken.Content {
        let start = index
        if isDate() { return try date() }
        let sign = peek().flatMap { $0 == "-" || $0 == "+" ? $0 : nil }
        if sign != nil { index += 1 }
        let digits = number()
        if let unit = peek(), isLetter(unit) {
            index = start + (sign == nil ? 0 : 1)
            let length = try duration(from: start)
            return .duration(sign == "-" ? -length : length, isSigned: sign != nil)
        }
        let written = (sign == "-" ? "-" : "") + digits
        if let whole = Int64(written) { return .number(.int(whole)) }
        guard let value = Double(written), value.isFinite else { throw fault("'\(written)' is no number", at: start) }
        return .number(.double(value))
    }

    /// Digits with a fraction and an exponent, or without.
    private mutating func number() -> String {
        let start = index
        skipDigits()
        if peek() == ".", peek(1).map(isDigit) == true {
            index += 1
            skipDigits()
        }
        if peek() == "e" || peek() == "E" {
            let signs = peek(1) == "-" || peek(1) == "+" ? 1 : 0
            if peek(1 + signs).map(isDigit) == true {
                index += 1 + signs
                skipDigits()
            }
        }
        return String(characters[start..<index])
    }

    private mutating func skipDigits() { while let character = peek(), isDigit(character) { index += 1 } }

    /// `90m`, `1h30m`, `1.5d`: microseconds.
    private mutating func duration(from start: Int) throws(FilterError) -> Microseconds {
        var total = 0.0
        while let character = peek(), isDigit(character) {
            let begin = index
            let digits = number()
            let unitStart = index
            while let letter = peek(), isLetter(letter) { index += 1 }
            let unit = String(characters[unitStart..<index])
            guard let seconds = Self.units[unit], let count = Double(digits) else {
                throw fault("'\(String(characters[begin..<index]))' is no duration: the units are s, m, h, d and w", at: begin)
            }
            total += count * seconds * 1_000_000
        }
        // A thousand years.
        guard total <= 31_557_600_000_000_000 else { throw fault("this duration is longer than a thousand years", at: start) }
        return Microseconds(total.rounded())
    }

    private static let units: [String: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]

    private func isDate() -> Bool {
        (0..<5).allSatisfy { place in peek(place).map { place == 4 ? $0 == "-" : isDigit($0) } == true } && peek(5).map(isDigit) == true
    }

    private mutating func date() throws(FilterError) -> FilterToken.Content {
        let start = index
        while let character = peek(), isDigit(character) || "-:.TZ+".contains(character) { index += 1 }
        let written = String(characters[start..<index])
        guard let moment = MomentText.parse(written) else {
            throw fault("'\(written)' is no date: write 2026-01-31, or 2026-01-31T02:00:00Z", at: start)
        }
        return .date(moment)
    }
}
