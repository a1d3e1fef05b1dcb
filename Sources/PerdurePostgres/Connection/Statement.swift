/// A statement of ours: written once for a schema, prepared once on each connection.
struct Statement: Sendable {
    let name: String
    let text: String
    /// False for reads of partitioned tables: a plan made for the values prunes partitions, a generic one locks them all.
    let isPrepared: Bool

    init(_ name: String, isPrepared: Bool = true, _ text: String) {
        self.name = name
        self.text = text
        self.isPrepared = isPrepared
    }

    static let begin = Statement("perdure_begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    static let commit = Statement("perdure_commit", "COMMIT")
    /// For the rest of the transaction: a plan that was made while a table was tiny must not scan it when it is large.
    ///
    /// What is switched off counts as very expensive, which would have every such statement compiled: a second instead of a millisecond. And as
    /// there is one way only, it need not be looked for each time: that would take longer than to go it.
    static let byIndex = Statement(
        "perdure_by_index",
        """
        SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
            set_config('enable_sort', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)
        """)
    /// For the rest of the transaction: looking rows up by key is never worth compiling, whatever is estimated.
    static let uncompiled = Statement("perdure_uncompiled", "SET LOCAL jit = off")
}

/// A statement with its parameters, on its way in a pipeline.
///
/// NULL is nil.
struct Request {
    let statement: Statement
    let parameters: [ParameterBuffer?]

    init(_ statement: Statement, _ parameters: [ParameterBuffer?] = []) {
        self.statement = statement
        self.parameters = parameters
    }
}

/// The history of the cluster, of which a promotion begins a new one.
let serverTimeline = "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
/// The end of the log, in bytes.
let serverPosition = "(pg_current_wal_insert_lsn() - '0/0')::int8"
/// Microseconds since 1970 by the server's clock.
let serverMicroseconds = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8"
