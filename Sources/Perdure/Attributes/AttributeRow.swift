/// One value of one attribute, as the stores index it.
package struct AttributeRow: Sendable, Hashable {
    /// What a value is; the numbers are those of the column.
    package enum Kind: Int16, Sendable {
        case text = 1
        case number = 2
        case bool = 3
        /// The number is microseconds since 1970, and the text is there too.
        case moment = 4
    }

    /// A number that is compared as such, whatever it was written as.
    package enum Number: Sendable, Hashable {
        case int(Int64)
        case double(Double)
    }

    package var name: String
    /// The place in a list; 0 for the rest.
    package var place: Int16
    package var kind: Kind
    package var text: String?
    package var number: Number?

    package init(name: String, place: Int16 = 0, kind: Kind, text: String? = nil, number: Number? = nil) {
        (self.name, self.place, self.kind, self.text, self.number) = (name, place, kind, text, number)
    }

    /// The rows of a value.
    package static func rows(_ name: String, _ value: SearchAttribute) -> [AttributeRow] {
        switch value {
        case .text(let text): return [AttributeRow(name: name, kind: .text, text: text)]
        case .int(let number): return [AttributeRow(name: name, kind: .number, number: .int(number))]
        case .number(let number): return [AttributeRow(name: name, kind: .number, number: .double(number))]
        case .bool(let truth): return [AttributeRow(name: name, kind: .bool, number: .int(truth ? 1 : 0))]
        case .date(let date):
            guard let moment = MomentText.microseconds(date), let text = MomentText.text(moment) else { return [] }
            return [AttributeRow(name: name, kind: .moment, text: text, number: .int(moment))]
        case .list(let texts):
            // Each once: a search by one of them finds the workflow once.
            var seen: Set<[UInt8]> = []
            return texts.filter { seen.insert(Array($0.utf8)).inserted }.enumerated().map { place, text in
                AttributeRow(name: name, place: Int16(clamping: place), kind: .text, text: text)
            }
        }
    }
}

extension WorkflowRecord {
    /// Its attributes, where they are the JSON that starts write.
    package var searchAttributes: [String: SearchAttribute] {
        guard let attributes, attributes.codec == 1 else { return [:] }
        return AttributeJSON.read(attributes.bytes) ?? [:]
    }

    /// What its attributes are found by.
    ///
    /// Of what is no JSON object, by nothing. What no start would have taken (it was written by hand, or by an older program) is left out, so that
    /// it cannot stand in the way of the row.
    package var attributeRows: [AttributeRow] {
        if attributes == nil { return [] }
        return searchAttributes.filter { SearchAttribute.fault(of: $0.key, $0.value) == nil }.sorted { $0.key < $1.key }.prefix(
            SearchAttribute.countLimit
        )
        .flatMap { AttributeRow.rows($0.key, $0.value) }
    }
}
