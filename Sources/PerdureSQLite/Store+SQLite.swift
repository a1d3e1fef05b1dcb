public import Perdure

extension Store {
    /// An SQLite file, which is made if it does not exist.
    ///
    /// ```swift
    /// let engine = try await Engine(store: .sqlite("shop.db")) { … }
    /// ```
    ///
    /// The tables of Perdure are prefixed `perdure_`, so the file can hold the application's own tables as well: the SQL of a `transaction`
    /// and its checkpoint are then one commit. Several engines and processes on one machine may share the file; a network file system is
    /// refused.
    ///
    /// - Parameters:
    ///   - path: The file, or a `file:` URL as SQLite takes it.
    ///   - transactionLimit: How long a transaction may take from its first statement to its commit. It holds the only write lock of the
    ///     file meanwhile, heartbeats included, so this must stay below a third of the lease. A longer one is rolled back.
    ///   - busyTimeout: How long to wait for another process that writes.
    public static func sqlite(
        _ path: String, transactionLimit: Duration = .seconds(3), busyTimeout: Duration = .seconds(5)
    ) -> Store {
        sqlite(path, options: SQLiteOptions(transactionLimit: transactionLimit, busyTimeout: busyTimeout))
    }

    /// With what only tests set.
    package static func sqlite(_ path: String, options: SQLiteOptions) -> Store {
        Store(description: "SQLite file \(path)") { settings in try await SQLiteStore.open(path, options: options, settings: settings) }
    }
}
