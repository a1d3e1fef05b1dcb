package import Perdure

/// Another database on Postgres in which `transaction` steps run: their checkpoints are in a table of its own there.
///
/// No fence protects it, for the leases are elsewhere: that a transaction is done once rests on the primary key of its checkpoint.
package final class CheckpointDatabase: Sendable {
    private let pool: TransactionPool
    private let threads: ThreadShelf
    private let schema: SchemaName
    private let isPrepared = Lock(false)

    package init(
        url: String, schema: String = "perdure_checkpoints", options: PostgresOptions = PostgresOptions(),
        log: @escaping @Sendable (LogLevel, String) -> Void = { _, _ in }
    ) throws(StoreError) {
        self.schema = try SchemaName(schema)
        let settings = Session.Settings(
            address: ServerAddress(url), allowAsynchronousCommit: options.allowAsynchronousCommit,
            unnamedStatements: options.unnamedStatements, log: log)
        let threads = ThreadShelf()
        self.threads = threads
        pool = TransactionPool(size: options.transactionConnections) { PostgresConnection(settings, thread: threads.take()) }
    }

    /// Begins a transaction for a workflow of the store with this identity; `commit` writes its checkpoint, `recorded` reads one.
    package func begin(_ isolation: IsolationLevel, for store: String) async throws(StoreError) -> any OpenTransaction {
        let (s, isPrepared) = (schema, isPrepared)
        return try await PostgresTransaction.begin(isolation, in: pool, table: .checkpoints(s, of: store)) { session throws(StoreError) in
            if isPrepared.withLock({ $0 }) { return }
            try Self.prepare(session, s)
            isPrepared.withLock { $0 = true }
        }
    }

    package func close() async {
        await pool.close()
        threads.stop()
    }

    /// Makes the table when it is first needed; who else does so at the same moment waits.
    private static func prepare(_ session: Session, _ s: SchemaName) throws(StoreError) {
        let there = Statement("perdure_has_checkpoints", isPrepared: false, "SELECT to_regclass($1::text) IS NOT NULL")
        if try session.query(there, [.text("\(s).checkpoints")]).bool(0, 0) { return }
        do throws(StoreError) {
            try session.transaction { () throws(StoreError) in
                try session.query(
                    Statement("perdure_lock", isPrepared: false, "SELECT pg_advisory_xact_lock($1::int8)"),
                    [.int8(Int64(bitPattern: s.hash))])
                let schema = Statement(
                    "perdure_has_schema", isPrepared: false, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text)")
                if try !session.query(schema, [.text(s.name)]).bool(0, 0) { try session.simple("CREATE SCHEMA \(s)") }
                try session.simple(
                    """
                    CREATE TABLE IF NOT EXISTS \(s).checkpoints (store text NOT NULL, workflow int8 NOT NULL, key text NOT NULL, ord int8, kind int2 NOT NULL,
                        output bytea, output_codec int2, error bytea, error_codec int2, started int8 NOT NULL, finished int8 NOT NULL,
                        attempts int4 NOT NULL, PRIMARY KEY (store, workflow, key))
                    """)
            }
        } catch {
            guard error.nativeCode == "42501" else { throw error }
            throw StoreError(
                .misconfigured,
                "this user may not create the table of checkpoints: GRANT CREATE on the database, or create schema \(s) for it (\(error.message))",
                nativeCode: error.nativeCode)
        }
    }
}
