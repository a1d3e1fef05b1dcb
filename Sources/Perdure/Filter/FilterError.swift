/// What is wrong with the text of a filter, and where.
///
/// ```
/// a filter compares 'status' with a state, and 'faild' is none: did you mean 'failed'?
///   status = faild
///            ^
/// ```
public struct FilterError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what was expected, for people.
    public var message: String
    /// The text of the filter.
    public var text: String
    /// Where in it: how many characters stand before.
    public var position: Int
    /// What was perhaps meant.
    public var suggestion: String?

    package init(_ message: String, text: String, position: Int, suggestion: String? = nil) {
        (self.message, self.text, self.position, self.suggestion) = (message, text, position, suggestion)
    }

    /// The message, the line of the text and a caret under the place.
    public var description: String {
        var (line, column): ([Character], Int) = ([], 0)
        for (index, character) in text.enumerated() {
            if character.isNewline {
                if index >= position { break }
                (line, column) = ([], 0)
            } else {
                // What would move the caret away is shown as a space.
                line.append(character.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control } ? " " : character)
                if index < position { column += 1 }
            }
        }
        let hint = suggestion.map { ": did you mean '\($0)'?" } ?? ""
        return "\(message)\(hint)\n  \(String(line))\n  \(String(repeating: " ", count: column))^"
    }
}
