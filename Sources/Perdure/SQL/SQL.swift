/// A statement of SQL whose interpolated values are always bound, never spliced.
///
/// ```swift
/// try await db.execute("UPDATE stock SET left = left - \(count) WHERE sku = \(sku)")
/// ```
///
/// A `String` is not a statement, so text from outside cannot become one. Names are quoted by `\(identifier:)`; text of your own that
/// cannot be bound (a direction of sorting, say) goes through `\(unsafeRaw:)`.
public struct SQL: Sendable, Hashable, ExpressibleByStringInterpolation {
    /// The text between the values: one more than there are values.
    package private(set) var parts: [String]
    /// The values, in order.
    package private(set) var values: [SQLValue]

    /// A statement without values.
    public init(stringLiteral text: String) {
        parts = [text]
        values = []
    }

    /// A statement with values.
    public init(stringInterpolation interpolation: Interpolation) {
        parts = interpolation.parts
        values = interpolation.values
    }

    /// The text with the placeholders of a dialect: `placeholder(1)` for the first value.
    package func text(placeholder: (Int) -> String) -> String {
        var text = parts[0]
        for index in values.indices {
            text += placeholder(index + 1)
            text += parts[index + 1]
        }
        return text
    }

    /// Collects the text and the values of a statement.
    public struct Interpolation: StringInterpolationProtocol, Sendable {
        var parts: [String] = [""]
        var values: [SQLValue] = []

        /// Called by the compiler.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Called by the compiler.
        public mutating func appendLiteral(_ literal: String) { parts[parts.count - 1] += literal }

        /// Binds a value.
        public mutating func appendInterpolation(_ value: some SQLBindable) {
            values.append(value.sqlValue)
            parts.append("")
        }

        /// Binds a value, or NULL.
        public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) {
            values.append(value?.sqlValue ?? .null)
            parts.append("")
        }

        /// Puts in a name, quoted.
        public mutating func appendInterpolation(identifier name: String) {
            parts[parts.count - 1] += "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }

        /// Puts in text as it is.
        ///
        /// Never from outside the program.
        public mutating func appendInterpolation(unsafeRaw text: String) { parts[parts.count - 1] += text }
    }
}
