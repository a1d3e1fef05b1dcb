/// What is to become of some of a workflow's attributes; the others stay as they are.
package struct AttributeChanges: Sendable, Hashable {
    /// nil: it is removed, if it is there.
    package let values: [String: SearchAttribute?]

    package init(_ values: [String: SearchAttribute?]) { self.values = values }

    package var isEmpty: Bool { values.isEmpty }

    func check() throws(WorkflowError) {
        // What is removed needs no value, and only a name.
        for (name, value) in values where value == nil {
            if name.hasPrefix(SearchAttribute.reservedPrefix) { throw SearchAttribute.reserved(name) }
            try Names.check(name, "the name of an attribute")
        }
        try SearchAttribute.check(values.compactMapValues(\.self))
    }

    /// Attributes after these changes; nil if there would be too many.
    package func applied(to attributes: [String: SearchAttribute]) -> [String: SearchAttribute]? {
        let after = attributes.merging(values.compactMapValues(\.self)) { $1 }.filter { values[$0.key] != .some(nil) }
        // What was there before, by whatever way, may always be made less.
        return after.count <= max(SearchAttribute.countLimit, attributes.count) ? after : nil
    }

    /// A JSON object in which null removes: a row of history, and what Postgres is given.
    package var payload: EncodedPayload {
        let removed = values.filter { $0.value == nil }.keys.sorted()
        var text = AttributeJSON.write(values.compactMapValues(\.self))
        for name in removed {
            text.removeLast()
            if text.utf8.count > 1 { text += "," }
            text += AttributeJSON.quoted(name) + ":null}"
        }
        return EncodedPayload(codec: 1, bytes: Array(text.utf8))
    }

    static var tooMany: WorkflowError {
        WorkflowError(
            .invalidAttribute, "a workflow has at most \(SearchAttribute.countLimit) attributes, and it would have more: remove some")
    }
}

/// As JSON has it.
extension AttributeChanges: Codable {
    package init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: SearchAttribute?].self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values)
    }
}

/// What came of a change of attributes.
package enum AttributesResult: String, Sendable {
    case changed
    /// There would be too many, and nothing was written.
    case tooMany = "too many"
    /// There is no such workflow.
    case unknown
}
