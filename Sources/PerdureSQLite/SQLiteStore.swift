package import Perdure

/// An open SQLite file: one connection that writes, one that reads, and one that watches while somebody listens.
package final class SQLiteStore: StoreBackend {
    let options: SQLiteOptions
    let location: FileLocation
    let file: SharedFile
    let writer: WriteConnection
    let reader: ReadConnection
    let watcher: ChangeWatcher
    let searching = Lock(Searching())
    let watchdog = Watchdog()
    let leases = LeaseTable()

    /// All writes go through the one connection that may.
    package let writers = 1
    package let identity: String
    package let pollInterval: Duration = .seconds(5)

    private init(
        options: SQLiteOptions, location: FileLocation, identity: String, file: SharedFile, writing: Connection, reading: Connection,
        writeThread: ThreadExecutor, readThread: ThreadExecutor
    ) {
        self.options = options
        self.location = location
        self.identity = identity
        self.file = file
        let watcher = ChangeWatcher(interval: options.watchInterval) { () throws(StoreError) in
            try Connection.open(location, for: .watch, options: options, create: false)
        }
        self.watcher = watcher
        writer = WriteConnection(connection: writing, gate: file.gate, thread: writeThread, changed: { watcher.report() })
        reader = ReadConnection(connection: reading, thread: readThread, at: location)
    }

    /// Checks the place, connects, and makes the tables or brings them up to date.
    package static func open(_ path: String, options: SQLiteOptions, settings: StoreSettings) async throws(StoreError) -> SQLiteStore {
        let location = try FileLocation(path)
        let writeThread = ThreadExecutor(name: "perdure-sql-w")
        do {
            return try await Opener(thread: writeThread).open(location, options: options, settings: settings)
        } catch {
            writeThread.stop()
            throw error
        }
    }

    /// Opening waits for locks and disks, so it has the thread of the connection that it opens.
    private actor Opener {
        nonisolated let thread: ThreadExecutor

        init(thread: ThreadExecutor) { self.thread = thread }

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

        func open(_ location: FileLocation, options: SQLiteOptions, settings: StoreSettings) throws(StoreError) -> SQLiteStore {
            try location.check(settings, fileSystemType: options.fileSystemType)
            var location = settings.readsOnly ? location.reading() : location
            let writing = try Connection.open(location, for: .write, options: options, create: settings.migrate)
            try writing.migrate(settings)
            if let path = writing.path, path.hasPrefix("/") { location.settle(at: path) }
            let reading = try Connection.open(location, for: .read, options: options, create: false)
            return SQLiteStore(
                options: options, location: location, identity: try writing.storeIdentity(), file: SharedFile.of(location.path),
                writing: writing, reading: reading, writeThread: thread, readThread: ThreadExecutor(name: "perdure-sql-r"))
        }
    }

    package func schemaVersion() async throws(StoreError) -> SchemaVersion {
        let version = try await reader.read { connection throws(StoreError) in try connection.schemaVersion() }
        guard let version else {
            throw StoreError(.misconfigured, "the tables of Perdure in '\(location.path)' are gone: run `perdure migrate`")
        }
        return version
    }

    package func writer(_ index: Int, for executor: ExecutorID) async throws(StoreError) -> any JournalWriter {
        guard index == 0 else { throw StoreError(.misconfigured, "SQLite has one writer, number 0; there is no number \(index)") }
        return SQLiteWriter(self, for: executor)
    }

    package func claimer(for executor: ExecutorID) async throws(StoreError) -> any Claimer {
        SQLiteClaimer(self, for: executor)
    }

    package func close() async {
        watcher.stop()
        await writer.close()
        watchdog.stop()
        await closeSearcher()
        await reader.close()
        writer.thread.stop()
        reader.thread.stop()
    }
}
