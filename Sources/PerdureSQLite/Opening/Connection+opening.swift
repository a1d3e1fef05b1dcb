internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Connection {
    enum Purpose { case write, read, watch }

    /// A connection with the settings that Perdure needs.
    static func open(_ location: FileLocation, for purpose: Purpose, options: SQLiteOptions, create: Bool) throws(StoreError) -> Connection
    {
        let connection = try Connection(
            opening: location.name, name: location.path, create: create, isReadOnly: location.access != .write,
            busyTimeout: options.busyTimeout)
        if purpose == .write, location.access == .write {
            // Says "not a database" and "damaged" before anything else is tried.
            _ = try connection.value("SELECT count(*) FROM sqlite_schema")
            guard !connection.isReadOnly else {
                throw StoreError(
                    .misconfigured,
                    "'\(location.path)' was opened read-only: the process needs the right to write it, without 'mode=ro' or "
                        + "'immutable=1'")
            }
            try connection.useWriteAheadLog(patience: options.busyTimeout)
        }
        // FULL: a commit that was reported survives a power cut. User's foreign keys are not Perdure's to enforce: SQLite's default is off.
        try connection.script("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY")
        switch purpose {
        case .write where location.access != .write:
            // Says the same of what is no database.
            _ = try connection.value("SELECT count(*) FROM sqlite_schema")
            try connection.script("PRAGMA query_only = ON")
        case .write:
            // Fewer, larger checkpoints: hot pages are written back once, not after each thousand frames.
            try connection.script(
                "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 10000; PRAGMA secure_delete = OFF; "
                    + "PRAGMA journal_size_limit = 67108864")
            if let pages = options.maxPageCount { try connection.script("PRAGMA max_page_count = \(pages)") }
            _ = try connection.othersHaveWritten()
        case .read:
            try connection.script("PRAGMA cache_size = -16384; PRAGMA query_only = ON")
        case .watch:
            try connection.script("PRAGMA cache_size = -64; PRAGMA query_only = ON")
            _ = try connection.othersHaveWritten()
        }
        return connection
    }

    /// Turning it on needs the file for itself for a moment, and SQLite says "busy" at once if somebody else is there, without waiting.
    private func useWriteAheadLog(patience: Duration) throws(StoreError) {
        let start = ContinuousClock.now
        while true {
            do throws(StoreError) {
                let mode = try value("PRAGMA journal_mode = WAL")
                guard mode == "wal" else {
                    throw StoreError(
                        .misconfigured,
                        "'\(file)' cannot use SQLite's write-ahead log (journal mode '\(mode ?? "")'): its file system has no shared memory. "
                            + "Put it on a local disk")
                }
                return
            } catch {
                guard error.code == .transient, ContinuousClock.now - start < patience else { throw error }
                usleep(5000)
            }
        }
    }
}
