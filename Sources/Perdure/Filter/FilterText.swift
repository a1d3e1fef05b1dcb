/// Prefixes as ranges, for what has an index in the order of its bytes.
package enum FilterText {
    /// The least text that is greater than all that begin with this one; nil: there is none.
    package static func successor(of prefix: String) -> String? {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            // Surrogates are no characters.
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = Unicode.Scalar(next) else { continue }
            scalars.append(scalar)
            return String(String.UnicodeScalarView(scalars))
        }
        return nil
    }

    /// Whether an id of ours can begin so.
    package static func beginsPublicID(_ prefix: String) -> Bool {
        let bytes = Array(prefix.utf8)
        guard let first = bytes.first else { return true }
        return first == UInt8(ascii: "w") && bytes.count <= 17
            && bytes.dropFirst().allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}

extension FilterTest {
    /// The texts that it is to equal; nil for another test.
    package var texts: [String]? {
        guard case .oneOf(let values) = self else { return nil }
        return values.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }
}
