/// Where workflows are kept: made by `.postgres(…)`, `.sqlite(…)` or `.memory()` of the module of that name.
///
/// A `Store` is only an address. Opening it, by an ``Engine`` or a ``Client``, connects, checks the version of the tables and migrates them.
public struct Store: Sendable, CustomStringConvertible {
    /// The address without its password.
    public let description: String
    package let open: @Sendable (StoreSettings) async throws -> any StoreBackend

    package init(description: String, open: @escaping @Sendable (StoreSettings) async throws -> any StoreBackend) {
        self.description = description
        self.open = open
    }
}

/// What the opener of a store asks of it.
package struct StoreSettings: Sendable {
    /// Create or migrate the tables; without it, tables that are missing or too old are an error that names `perdure migrate`.
    package var migrate: Bool
    /// Nothing is to be written, not even beside the tables: what cannot be written can be read all the same.
    package var readsOnly: Bool
    /// Receives what people should know: a reconnection, a full disk, a notice of the server.
    ///
    /// Never the hot path.
    package var log: @Sendable (_ level: LogLevel, _ message: String) -> Void

    package init(
        migrate: Bool = true, readsOnly: Bool = false, log: @escaping @Sendable (LogLevel, String) -> Void = { _, _ in }
    ) {
        self.migrate = migrate && !readsOnly
        self.readsOnly = readsOnly
        self.log = log
    }
}

/// How much a message matters.
public enum LogLevel: Int, Sendable, Comparable {
    /// For those who look for a fault.
    case debug
    /// What happened in the normal course.
    case info
    /// Something works, but not as it should.
    case warning
    /// Something does not work, and a person should look.
    case error

    /// By rising importance.
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// An opened store: the roles that an engine and a client need, each a protocol of its own.
package protocol StoreBackend: JournalStore, HistoryReader, ArchiveStore, LeaseStore, ClaimStore, ClientStore, QueueStore, ScheduleStore,
    MessagingStore, ControlStore, PauseStore, SearchStore, TransactionStore, WakeupStore
{
    /// How many writers commit side by side: 1 on SQLite.
    var writers: Int { get }
    /// Random, made with the tables: what tells the workflows of this database from those of any other, whose numbers may be the same.
    var identity: String { get }
    /// How often a wait looks for itself where no wake-up came.
    var pollInterval: Duration { get }
    /// The version of the tables and the lowest version of the library that may use them.
    func schemaVersion() async throws(StoreError) -> SchemaVersion
    /// Whether there is a server, which may fail to answer for ever: then a lease in which it did is the end of an incarnation.
    var hasServer: Bool { get }
    /// Ends every wait for the server at once; no connection is made until `mend()`.
    ///
    /// Nothing is cancelled there: what was on its way may have been committed, or may be yet.
    func cut()
    /// Connections may be made again.
    func mend()
    /// Ends every connection; nothing may be called afterwards.
    func close() async
}

extension StoreBackend {
    package var hasServer: Bool { false }
    package func cut() {}
    package func mend() {}

    /// What takes longer than `limit` ends in an error, as it does if there is no server any more.
    func cutting<Result: Sendable>(
        after limit: Duration, _ clock: any EngineClock, _ body: () async throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let timer = hasServer ? clock.schedule(after: limit) { self.cut() } : nil
        defer { if let timer { clock.cancel(timer) } }
        return try await body()
    }
}

/// What is written in the database about its own tables.
package struct SchemaVersion: Sendable, Equatable {
    package var version: Int
    package var minimumReader: Int

    package init(version: Int, minimumReader: Int) {
        self.version = version
        self.minimumReader = minimumReader
    }
}
