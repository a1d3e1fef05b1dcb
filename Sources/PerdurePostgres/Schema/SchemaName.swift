internal import Perdure

/// The schema that holds the tables; put into a statement it is quoted, and this is the only place that quotes.
struct SchemaName: Sendable, Hashable, CustomStringConvertible {
    let name: String

    init(_ name: String) throws(StoreError) {
        if name.isEmpty { throw StoreError(.misconfigured, "the name of the schema is empty: leave it out for \"perdure\"") }
        if name.utf8.contains(0) { throw StoreError(.misconfigured, "the name of the schema has a NUL character in it") }
        if name.utf8.count > 63 {
            throw StoreError(.misconfigured, "the name of the schema is longer than the 63 bytes that Postgres allows: \(name)")
        }
        if name.hasPrefix("pg_") { throw StoreError(.misconfigured, "Postgres keeps names that begin with pg_ for itself: \(name)") }
        self.name = name
    }

    /// Quoted as an identifier.
    var description: String { Self.quote(name) }

    /// Quoted as a string.
    var literal: String { "'" + name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'" }

    /// Tells schemas of one database apart in the names of channels and locks: 64 bits of FNV-1a.
    var hash: UInt64 { name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 } }

    /// The first half of the names of the locks of queues.
    var queueLockClass: Int32 { Int32(truncatingIfNeeded: hash) }
    /// Of the locks that let one at a time make workflows of a queue's items.
    var batchLockClass: Int32 { ~queueLockClass }

    static func quote(_ identifier: String) -> String {
        "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

extension SchemaName {
    /// Quoted as an identifier, inside single quotes.
    var inLiteral: String { description.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") }

    /// The qualified name of a relation as text inside single quotes, for functions that take a `regclass`.
    func forRegclass(_ relation: String) -> String { inLiteral + "." + relation }
}
