internal import Perdure

/// The tables of Perdure in this file: their version, and how they get there.
enum Schema {
    /// The first version that was released; what is older was made before, and cannot be brought up to date.
    static let first = 3
    /// The version that this library makes and knows.
    static let version = first - 1 + migrations.count
    /// The oldest version of the library that can use the tables as this one leaves them.
    static let minimumReader = 3

    /// In order, from the first version on; each is one transaction, and never changed once it was released.
    static let migrations: [String] = [
        tables + queueTables + scheduleTables + messagingTables + controlTables + pauseTables + searchTables + runTables + views
            + queueViews + scheduleViews + messagingViews + controlViews + pauseViews + versionViews + runViews
    ]
}

extension Connection {
    /// Nil if there are no tables of Perdure.
    func schemaVersion() throws(StoreError) -> SchemaVersion? {
        let exists = try value("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'perdure_meta'") != nil
        guard exists else { return nil }
        return SchemaVersion(version: try metaNumber("version"), minimumReader: try metaNumber("minimum_reader"))
    }

    /// What tells this file from others.
    func storeIdentity() throws(StoreError) -> String {
        guard let identity = try value("SELECT value FROM perdure_meta WHERE key = 'store'") else {
            throw StoreError(.misconfigured, "'\(file)' has a table perdure_meta without a row 'store': restore it, or use another file")
        }
        return identity
    }

    private func metaNumber(_ key: String) throws(StoreError) -> Int {
        let text = try value("SELECT value FROM perdure_meta WHERE key = '\(key)'")
        guard let number = text.flatMap({ Int($0) }) else {
            throw StoreError(
                .misconfigured,
                "'\(file)' has a table perdure_meta, but its '\(key)' is \(text.map { "'\($0)'" } ?? "missing"): restore it, or use another file"
            )
        }
        return number
    }

    /// Makes the tables what this library needs, or says why not.
    ///
    /// Many may do this at once.
    func migrate(_ settings: StoreSettings) throws(StoreError) {
        while true {
            let found = try schemaVersion()
            if let found, found.minimumReader > Schema.version {
                throw StoreError(
                    .newerSchema,
                    "the tables in '\(file)' are of version \(found.version) and need a library that knows version \(found.minimumReader) or "
                        + "newer; this one knows \(Schema.version). Update Perdure in this program, or give it another file")
            }
            let version = found?.version ?? Schema.first - 1
            if version >= Schema.version { return }
            guard found == nil || version >= Schema.first else {
                throw StoreError(
                    .misconfigured,
                    "the tables in '\(file)' were made by a version of Perdure before its first release: use another file, or delete the "
                        + "tables that begin with perdure_")
            }
            guard settings.migrate else {
                throw StoreError(
                    .misconfigured,
                    "'\(file)' has \(found == nil ? "no tables of Perdure" : "tables of version \(version), older than \(Schema.version)"): "
                        + "run `perdure migrate`, or let the program do it (migrate: true)")
            }
            try transaction { connection throws(StoreError) in
                // Somebody else may have been faster.
                guard try connection.schemaVersion()?.version ?? Schema.first - 1 == version else { return }
                try connection.script(Schema.migrations[version + 1 - Schema.first])
                try connection.script(
                    """
                    INSERT INTO perdure_meta (key, value)
                    VALUES ('version', '\(version + 1)'), ('minimum_reader', '\(Schema.minimumReader)')
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value
                    """)
            }
        }
    }
}
