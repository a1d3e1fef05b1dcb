internal import Perdure

/// Creates the tables and brings them up to date; any number of processes may do it at once.
struct Migrations: Sendable {
    /// What this library writes.
    static let version = 3
    /// The oldest library that may use the tables as this one leaves them.
    static let minimumReader = 3

    let schema: SchemaName
    let place: String

    /// The last version of tables that were made before the first release; nothing leads on from it.
    private static let unreleased = 2

    /// Each brings the tables from the version before to its own, in one transaction.
    private func steps() -> [(version: Int, sql: String)] {
        [
            (
                3,
                [
                    tables(schema), runTables(schema), queueTables(schema), scheduleTables(schema), messagingTables(schema),
                    controlTables(schema), pauseTables(schema), searchTables(schema),
                    firstPartitions(schema), viewFunctions(schema),
                    waitFunction(schema), views(schema),
                    internalFunctions(schema), continueFunctions(schema), glanceFunction(schema), nameFunctions(schema),
                    attributeFunctions(schema),
                    startFunction(schema),
                    requestFunctions(schema), queueFunctions(schema), queueViews(schema), deduplicationFunction(schema),
                    scheduleViews(schema), scheduleFunctions(schema), messagingViews(schema), messageFunctions(schema),
                    controlViews(schema), controlFunctions(schema), pauseViews(schema), typePauseFunctions(schema), runFunctions(schema),
                    versionViews(schema), runViews(schema), grants(schema),
                ].joined(
                    separator: "\n")
            )
        ]
    }

    /// Checks the version, and migrates if it may.
    func prepare(_ session: Session, migrate: Bool) throws(StoreError) {
        if let found = try version(session) {
            try refuseNewer(found)
            if found.version >= Self.version { return }
            if found.version <= Self.unreleased {
                throw StoreError(
                    .misconfigured,
                    "the tables in schema \(schema) of \(place) were made before the first release of Perdure: use another schema, or drop this one"
                )
            }
            if !migrate { throw unprepared("are of version \(found.version), and version \(Self.version) is needed") }
        } else if !migrate {
            throw unprepared("do not exist")
        }
        for step in steps() { try run(step.version, step.sql, session) }
    }

    /// What tells this schema from others.
    func identity(_ session: Session) throws(StoreError) -> String {
        let rows = try session.query(
            Statement("perdure_identity", isPrepared: false, "SELECT value FROM \(schema).meta WHERE key = 'store'"))
        guard rows.count == 1 else {
            throw StoreError(
                .misconfigured, "table meta in schema \(schema) of \(place) has no row 'store': restore it, or use another schema")
        }
        return rows.text(0, 0)
    }

    /// nil if there are no tables.
    ///
    /// Asked of the catalogue itself: `to_regclass` may answer from a cache that does not know yet what the last holder of the lock made.
    func version(_ session: Session) throws(StoreError) -> SchemaVersion? {
        let table = try session.query(
            Statement(
                "perdure_has_meta", isPrepared: false,
                """
                SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = $1::text AND c.relname = 'meta')
                """), [.text(schema.name)])
        guard table.bool(0, 0) else { return nil }
        let rows = try session.query(
            Statement("perdure_meta", isPrepared: false, "SELECT key, value FROM \(schema).meta WHERE key IN ('version', 'minimum_reader')")
        )
        var found = SchemaVersion(version: 0, minimumReader: 0)
        for row in 0..<rows.count {
            let value = Int(rows.text(row, 1)) ?? 0
            if rows.text(row, 0) == "version" { found.version = value } else { found.minimumReader = value }
        }
        return found
    }

    private func run(_ version: Int, _ sql: String, _ session: Session) throws(StoreError) {
        do throws(StoreError) {
            try session.transaction { () throws(StoreError) in
                // Others that start at the same moment wait here, and find the work done.
                let key = Int64(bitPattern: schema.hash)
                try session.query(Statement("perdure_lock", isPrepared: false, "SELECT pg_advisory_xact_lock($1::int8)"), [.int8(key)])
                if let found = try self.version(session) {
                    try refuseNewer(found)
                    if found.version >= version { return }
                } else {
                    try createMeta(session)
                }
                try session.simple(sql)
                try session.simple(
                    """
                    INSERT INTO \(schema).meta (key, value) VALUES ('version', '\(version)'), ('minimum_reader', '\(Self.minimumReader)')
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value
                    """)
            }
        } catch {
            guard error.nativeCode == "42501" else { throw error }
            throw StoreError(
                .misconfigured,
                "the user of \(place) may not create what Perdure needs in schema \(schema): run `perdure migrate` as a user who may, or GRANT CREATE (\(error.message))",
                nativeCode: error.nativeCode)
        }
    }

    private func createMeta(_ session: Session) throws(StoreError) {
        let there = try session.query(
            Statement("perdure_has_schema", isPrepared: false, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text)"),
            [.text(schema.name)])
        // Only if it is missing: even IF NOT EXISTS asks for the right to create.
        if !there.bool(0, 0) { try session.simple("CREATE SCHEMA \(schema)") }
        try session.simple("CREATE TABLE \(schema).meta (key text PRIMARY KEY, value text NOT NULL)")
        // 64 random bits: the first half of a random UUID has four that are not.
        try session.simple(
            "INSERT INTO \(schema).meta VALUES ('store', right(replace(gen_random_uuid()::text, '-', ''), 12) || left(gen_random_uuid()::text, 4))"
        )
    }

    private func refuseNewer(_ found: SchemaVersion) throws(StoreError) {
        if found.minimumReader > Self.version {
            throw StoreError(
                .newerSchema,
                "the tables in schema \(schema) of \(place) are of version \(found.version), which needs a newer version of Perdure than this one"
            )
        }
    }

    private func unprepared(_ what: String) -> StoreError {
        StoreError(.misconfigured, "the tables of Perdure in schema \(schema) of \(place) \(what): run `perdure migrate`")
    }
}
