public import FoundationEssentials

/// A value that goes into a statement or comes out of a row.
public enum SQLValue: Sendable, Hashable {
    /// SQL's NULL.
    case null
    /// Any integer.
    case int(Int64)
    /// A floating-point number.
    case double(Double)
    /// Text; also how Postgres types without a case of their own (numeric, uuid, timestamps, json) come and go.
    case text(String)
    /// A truth value; SQLite has 0 and 1.
    case bool(Bool)
    /// Bytes: `bytea`, or a blob.
    case bytes([UInt8])
}

/// A type whose values can be put into a statement.
public protocol SQLBindable: Sendable {
    /// The value as the database takes it.
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLBindable {
    /// Itself.
    public var sqlValue: SQLValue { self }
}

extension Bool: SQLBindable {
    /// A truth value.
    public var sqlValue: SQLValue { .bool(self) }
}

extension String: SQLBindable {
    /// Text.
    public var sqlValue: SQLValue { .text(self) }
}

extension Double: SQLBindable {
    /// A floating-point number.
    public var sqlValue: SQLValue { .double(self) }
}

extension Float: SQLBindable {
    /// A floating-point number.
    public var sqlValue: SQLValue { .double(Double(self)) }
}

extension FixedWidthInteger where Self: SQLBindable {
    /// An integer; one above `Int64.max` goes as text, which the database turns into its own numeric type.
    public var sqlValue: SQLValue { Int64(exactly: self).map(SQLValue.int) ?? .text(String(self)) }
}

extension Int: SQLBindable {}
extension Int8: SQLBindable {}
extension Int16: SQLBindable {}
extension Int32: SQLBindable {}
extension Int64: SQLBindable {}
extension UInt: SQLBindable {}
extension UInt8: SQLBindable {}
extension UInt16: SQLBindable {}
extension UInt32: SQLBindable {}
extension UInt64: SQLBindable {}

extension Array: SQLBindable where Element == UInt8 {
    /// Bytes.
    public var sqlValue: SQLValue { .bytes(self) }
}

extension Data: SQLBindable {
    /// Bytes.
    public var sqlValue: SQLValue { .bytes(Array(self)) }
}

extension UUID: SQLBindable {
    /// Text in lower case, as Postgres writes it.
    public var sqlValue: SQLValue { .text(uuidString.lowercased()) }
}

extension Date: SQLBindable {
    /// Text in ISO 8601, UTC, with microseconds.
    public var sqlValue: SQLValue { .text(SQLDate.format(self)) }
}

/// Rows as a store returns them.
package struct SQLRows: Sendable {
    package var columns: [String]
    package var rows: [[SQLValue]]

    package init(columns: [String], rows: [[SQLValue]]) {
        self.columns = columns
        self.rows = rows
    }
}

/// How the transaction sees the others; as SQL's own levels.
///
/// SQLite is always serializable.
public enum IsolationLevel: String, Sendable, Hashable {
    /// Each statement sees what was committed before it.
    case readCommitted
    /// All statements see what was committed before the first.
    case repeatableRead
    /// As if transactions ran one after the other. The default.
    case serializable
}
