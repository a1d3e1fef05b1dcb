/// What a store could not do, sorted by what is to be done about it.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kinds of store errors; more may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        package enum Kind: String { case fenced, unavailable, transient, rejected, full, misconfigured, newerSchema, conflict }
        package let kind: Kind

        /// The executor's lease is gone: it may not write one more row.
        ///
        /// The engine registers anew.
        public static let fenced = Code(kind: .fenced)
        /// No connection, or it was lost; whether the last commit landed is unknown.
        ///
        /// Sent again after reconnecting.
        public static let unavailable = Code(kind: .unavailable)
        /// A serialization failure, a deadlock, a lock timeout: nothing was written, the same again will do.
        public static let transient = Code(kind: .transient)
        /// The database refuses this data or this statement; sending it again changes nothing.
        public static let rejected = Code(kind: .rejected)
        /// Out of disk, memory or connections: waits and sends again.
        public static let full = Code(kind: .full)
        /// The address, the password, the rights or the settings are wrong: a person must act.
        public static let misconfigured = Code(kind: .misconfigured)
        /// The tables are of a newer version that this library may not touch.
        public static let newerSchema = Code(kind: .newerSchema)
        /// A row was there already where this one had to be the first.
        public static let conflict = Code(kind: .conflict)

        /// The code's name.
        public var description: String { kind.rawValue }
    }

    /// What is to be done about it.
    public var code: Code
    /// What happened and what to do, for people.
    public var message: String
    /// The database's own code (a SQLSTATE, or SQLite's extended result code), where there is one.
    public var nativeCode: String?

    /// Makes an error of a store.
    public init(_ code: Code, _ message: String, nativeCode: String? = nil) {
        self.code = code
        self.message = message
        self.nativeCode = nativeCode
    }

    /// The code, the message and the database's own code.
    public var description: String {
        nativeCode.map { "\(message) [\(code), \($0)]" } ?? "\(message) [\(code)]"
    }
}
