extension FilterParser {
    /// What a condition is about.
    enum Subject {
        case status
        case field(FilterField)
    }

    /// All fields by the names that people write.
    static let fields: [String: FilterField] = [
        "id": .id, "name": .name, "type": .name, "version": .version, "queue": .queue, "key": .key, "parent": .parent, "started": .started,
        "created": .started, "finished": .finished, "due": .due, "deadline": .deadline, "priority": .priority, "crashes": .crashes,
        "attempts": .crashes,
    ]
    private static let statusNames = ["status", "state"]
    /// So short a name is as near to any other, and a slip in it is not told from an attribute.
    private static let shortestSlip = 4

    /// A field or an attribute; `attribute."name"` is an attribute whatever its name is.
    mutating func subject() throws(FilterError) -> Subject {
        let start = token
        guard case .word(let word) = start.content else {
            throw fault("expected the name of a field or an attribute, and found \(start.description)")
        }
        advance()
        if word == "attribute", token.content == .symbol(.dot) {
            advance()
            guard case .text(let name) = token.content else {
                throw fault("expected the attribute's name in quotes, and found \(token.description)")
            }
            return .field(try attribute(name))
        }
        if word.hasPrefix("attribute.") { return .field(try attribute(String(word.dropFirst("attribute.".count)), at: start)) }
        if Self.statusNames.contains(word) { return .status }
        if let field = Self.fields[word] { return .field(field) }
        try refuseKeyword(word, start)
        try refuseSlip(word, start)
        return .field(.attribute(word))
    }

    /// Passes over the name, if it stands there in quotes.
    private mutating func attribute(_ name: String, at start: FilterToken? = nil) throws(FilterError) -> FilterField {
        do throws(WorkflowError) {
            try Names.check(name, "the name of an attribute")
        } catch {
            throw fault(error.message, at: start)
        }
        if start == nil { advance() }
        return .attribute(name)
    }

    private func refuseKeyword(_ word: String, _ start: FilterToken) throws(FilterError) {
        guard ["and", "or", "not", "in", "exists", "missing", "starts", "true", "false", "now"].contains(word.lowercased()) else { return }
        throw fault("expected the name of a field or an attribute, and found '\(word)'", at: start)
    }

    /// What is nearly the name of a field is hardly an attribute.
    private func refuseSlip(_ word: String, _ start: FilterToken) throws(FilterError) {
        let names = (Self.fields.keys + Self.statusNames).sorted()
        let known = names.contains(word.lowercased()) ? names : names.filter { $0.count >= Self.shortestSlip }
        guard let name = FilterSpelling.nearest(to: word, among: known, atMost: 1) else { return }
        throw fault(
            "'\(word)' is no field, and too near to one to be an attribute (that would be attribute.\"\(word)\")", at: start,
            suggestion: name)
    }
}
