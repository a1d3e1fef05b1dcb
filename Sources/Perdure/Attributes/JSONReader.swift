/// Reads one flat JSON object; pure, and never fails but by saying so.
struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0
    /// Deeper than anybody writes: what is not read is only passed over.
    private static let depth = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// What stands in the place of a value.
    private enum Found {
        case attribute(SearchAttribute)
        /// An object, a null, a list of other things: no attribute.
        case other
        case malformed

        var isMalformed: Bool {
            if case .malformed = self { true } else { false }
        }
    }

    mutating func attributes() -> [String: SearchAttribute]? {
        var all: [String: SearchAttribute] = [:]
        guard skip("{") else { return nil }
        if !skip("}") {
            repeat {
                guard let name = string(), skip(":") else { return nil }
                switch value(Self.depth) {
                case .attribute(let value): all[name] = value
                case .other: all[name] = nil
                case .malformed: return nil
                }
            } while skip(",")
            guard skip("}") else { return nil }
        }
        space()
        return index == bytes.count ? all : nil
    }

    private mutating func value(_ depth: Int) -> Found {
        space()
        guard depth > 0, index < bytes.count else { return .malformed }
        switch bytes[index] {
        case UInt8(ascii: "\""): return string().map { .attribute(SearchAttribute(stored: $0)) } ?? .malformed
        case UInt8(ascii: "["): return list(depth)
        case UInt8(ascii: "{"): return object(depth) ? .other : .malformed
        case UInt8(ascii: "t"): return word("true") ? .attribute(.bool(true)) : .malformed
        case UInt8(ascii: "f"): return word("false") ? .attribute(.bool(false)) : .malformed
        case UInt8(ascii: "n"): return word("null") ? .other : .malformed
        default: return number()
        }
    }

    private mutating func list(_ depth: Int) -> Found {
        guard skip("[") else { return .malformed }
        var texts: [String]? = []
        if !skip("]") {
            repeat {
                space()
                if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                    guard let text = string() else { return .malformed }
                    texts?.append(text)
                } else {
                    if value(depth - 1).isMalformed { return .malformed }
                    texts = nil
                }
            } while skip(",")
            guard skip("]") else { return .malformed }
        }
        return texts.map { .attribute(.list($0)) } ?? .other
    }

    private mutating func object(_ depth: Int) -> Bool {
        guard skip("{") else { return false }
        if skip("}") { return true }
        repeat {
            guard string() != nil, skip(":"), !value(depth - 1).isMalformed else { return false }
        } while skip(",")
        return skip("}")
    }

    private mutating func number() -> Found {
        let start = index
        while index < bytes.count, isNumeric(bytes[index]) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if let whole = Int64(text) { return .attribute(.int(whole)) }
        guard let number = Double(text) else { return .malformed }
        return number.isFinite ? .attribute(.number(number)) : .other
    }

    private func isNumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
            UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private mutating func string() -> String? {
        guard skip("\"") else { return nil }
        var text: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                text += Array(String(scalar).utf8)
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escaped() -> Unicode.Scalar? {
        guard index < bytes.count else { return nil }
        defer { index += 1 }
        switch bytes[index] {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(bytes[index])
        case UInt8(ascii: "u"): return unicode()
        default: return nil
        }
    }

    /// Ends on the last digit, for `escaped` goes one further.
    private mutating func unicode() -> Unicode.Scalar? {
        guard let unit = hexadecimal(at: index + 1) else { return nil }
        index += 4
        guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
        guard index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "\\"), bytes[index + 2] == UInt8(ascii: "u"),
            let low = hexadecimal(at: index + 3), (0xDC00..<0xE000).contains(low)
        else { return nil }
        index += 6
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }

    private func hexadecimal(at start: Int) -> UInt32? {
        guard start + 4 <= bytes.count else { return nil }
        let digits = bytes[start..<start + 4]
        guard digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func space() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func skip(_ character: Character) -> Bool {
        space()
        guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
        index += 1
        return true
    }

    private mutating func word(_ word: StaticString) -> Bool {
        let text = Array(word.description.utf8)
        guard bytes[index...].starts(with: text) else { return false }
        index += text.count
        return true
    }
}
