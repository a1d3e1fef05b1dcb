/// What names and ids may be, and how they become keys.
package enum Names {
    package static let limit = 512
    /// What the names of the library's own workflows begin with.
    package static let reserved = "perdure."

    /// Names and ids are 1 to 512 bytes of UTF-8 without control characters.
    package static func check(_ name: String, _ what: String) throws(WorkflowError) {
        let count = name.utf8.count
        guard count > 0 else { throw WorkflowError(.invalidName, "\(what) is empty") }
        guard count <= limit else {
            throw WorkflowError(
                .invalidName, "\(what) is \(count) bytes long, and the limit is \(limit): use a digest of it ('\(shown(name))…')")
        }
        for scalar in name.unicodeScalars where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
            throw WorkflowError(
                .invalidName, "\(what) has the control character U+\(String(scalar.value, radix: 16, uppercase: true)): '\(shown(name))'")
        }
    }

    private static func shown(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.unicodeScalars.prefix(40).map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }))
    }

    /// The key of a step of the user's: its name, or `name[id]`.
    ///
    /// `#`, `[` and a leading `@` mean something in a key, so a backslash goes before them where they stand in a name: keys never collide.
    package static func key(_ name: String, id: String?) -> String {
        var key = escaped(name)
        if let id { key += "[" + id + "]" }
        return key
    }

    private static func escaped(_ name: String) -> String {
        guard name.utf8.first == UInt8(ascii: "@") || name.utf8.contains(where: isSpecial) else { return name }
        var result: [UInt8] = name.utf8.first == UInt8(ascii: "@") ? [UInt8(ascii: "\\")] : []
        for byte in name.utf8 {
            if isSpecial(byte) { result.append(UInt8(ascii: "\\")) }
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "#") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "\\")
    }

    /// The second and later occurrences of a key.
    package static func occurrence(_ key: String, _ count: Int) -> String {
        count == 1 ? key : "\(key)#\(count)"
    }

    /// The id that people see where the user gave none.
    package static func publicID(_ number: WorkflowNumber) -> String {
        let digits = String(number, radix: 16)
        return "w" + String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }

    /// The number in an id of ours; nil for any other text.
    package static func number(fromPublicID id: String) -> WorkflowNumber? {
        guard id.utf8.count == 17, id.utf8.first == UInt8(ascii: "w") else { return nil }
        let digits = id.dropFirst()
        guard digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        return WorkflowNumber(digits, radix: 16)
    }
}
