public import Perdure

extension Store {
    /// Workflows in a PostgreSQL database, version 14 or newer.
    ///
    /// The address is a libpq URL (`postgresql://user@host/database`) or connection string, with all that libpq knows: several hosts,
    /// `sslmode`, service files, `PGPASSWORD` and `~/.pgpass`. The tables are made in `schema` when the store is first opened.
    ///
    /// - Parameters:
    ///   - url: Where the database is.
    ///   - schema: The schema that holds the tables; one for each namespace.
    ///   - allowAsynchronousCommit: Accepts a role or database with `synchronous_commit = off`, where a crash of the server forgets what it
    ///     had confirmed last. Without it such a database is refused.
    public static func postgres(_ url: String, schema: String = "perdure", allowAsynchronousCommit: Bool = false) -> Store {
        var options = PostgresOptions()
        options.allowAsynchronousCommit = allowAsynchronousCommit
        return .postgres(url, schema: schema, options: options)
    }

    /// The same with what only this package sets.
    package static func postgres(_ url: String, schema: String = "perdure", options: PostgresOptions) -> Store {
        let place = ServerAddress(url).description
        return Store(description: schema == "perdure" ? place : "\(place) (schema \(schema))") { settings in
            try await PostgresStore.open(url, schema: schema, options: options, settings: settings)
        }
    }
}
