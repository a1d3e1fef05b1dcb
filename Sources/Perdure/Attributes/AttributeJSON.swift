/// Attributes as they are stored: a flat JSON object, with its keys in order.
///
/// Written and read here and not by a coder: so 12 and 12.0 stay two things, and a start pays for nothing general.
package enum AttributeJSON {
    package static func write(_ attributes: [String: SearchAttribute]) -> String {
        var text = "{"
        for (name, value) in attributes.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            if text.utf8.count > 1 { text += "," }
            append(name, to: &text)
            text += ":"
            append(value, to: &text)
        }
        return text + "}"
    }

    private static func append(_ value: SearchAttribute, to text: inout String) {
        switch value {
        case .text(let value): append(value, to: &text)
        case .int(let value): text += String(value)
        case .number(let value): text += value.description
        case .bool(let value): text += value ? "true" : "false"
        case .date(let value): append(MomentText.text(value) ?? "", to: &text)
        case .list(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                append(value, to: &text)
            }
            text += "]"
        }
    }

    static func quoted(_ value: String) -> String {
        var text = ""
        append(value, to: &text)
        return text
    }

    private static func append(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// nil if it is no JSON object; what is in it that is no attribute (an object, a null) is left out.
    ///
    /// Of a name that is there twice the last counts, as in most languages.
    package static func read(_ bytes: [UInt8]) -> [String: SearchAttribute]? {
        var reader = JSONReader(bytes)
        return reader.attributes()
    }
}
