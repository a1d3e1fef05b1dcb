public import Perdure

extension Database {
    /// Another PostgreSQL database in which `context.transaction(…, on:)` runs.
    ///
    /// The checkpoint of each transaction is kept in a table `checkpoints` there, in a schema of its own that is made when it is first needed, so
    /// that the user's writes and the checkpoint commit together. That a transaction is done once rests on the primary key of that table, not on
    /// a fence: the leases are in the database that keeps the workflows.
    ///
    /// - Parameters:
    ///   - url: As for ``Store/postgres(_:schema:allowAsynchronousCommit:)``. Nothing is connected before the first transaction.
    ///   - schema: The schema of the table of checkpoints.
    /// - Throws: ``StoreError`` if the schema's name cannot be one.
    public static func postgres(_ url: String, schema: String = "perdure_checkpoints") throws -> Database {
        let database = try CheckpointDatabase(url: url, schema: schema)
        return Database { isolation, store throws(StoreError) in try await database.begin(isolation, for: store) }
    }
}
