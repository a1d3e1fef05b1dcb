package import Perdure

/// What a store on Postgres is opened with, besides its address.
package struct PostgresOptions: Sendable {
    /// Connections that commit batches side by side.
    package var writers = 2
    /// Connections for the user's transactions, opened when they are needed.
    package var transactionConnections = 4
    /// Accept that a crash of the server forgets what it had confirmed.
    package var allowAsynchronousCommit = false
    /// Parse every statement anew, as is done by itself where a pooler is noticed.
    package var unnamedStatements = false
    /// Send notifications and listen to them; without them what other processes have done is found by the poll.
    package var notifications = true
    /// Hold an advisory lock in the session of the heartbeat, so that others see at once when the process has gone.
    ///
    /// Without effect, and without harm, through a pooler that shares sessions out.
    package var advisoryLocks = true
    /// How long the reaper waits for a write that has passed its fence, before it ends that session; milliseconds.
    package var reaperPatience = 1_000

    package init() {}
}

/// All roles of a store, on one database: each role in a file of its own.
package final class PostgresStore: StoreBackend {
    /// The connections that are shared by their callers.
    enum Role: Hashable { case reads, starts, searches, lease, reaper, tidier, notify }

    package let writers: Int
    package let pollInterval: Duration = .seconds(5)
    let schema: SchemaName
    let settings: Session.Settings
    let patience: Int
    let threads = ThreadShelf()
    let registry = ExecutorRegistry()
    let crashes = CrashMarks()
    let stubborn = StubbornExecutors()
    let lanes: LaneDirectory
    let slots: FenceSlots
    let journal: JournalStatements
    let journalAgain: JournalStatements
    let starting: StartStatements
    let access: AccessStatements
    let leasing: LeaseStatements
    let hasAdvisoryLocks: Bool
    let transactions: TransactionPool
    let wakeups: WakeupHub
    /// Set once, when the tables are there.
    private let found = Lock("")
    private let connections = Lock<[Role: PostgresConnection]>([:])

    /// Connects, checks the server and the version of the tables, and migrates them.
    package static func open(
        _ url: String, schema: String, options: PostgresOptions, settings: StoreSettings
    ) async throws(StoreError) -> PostgresStore {
        let name = try SchemaName(schema)
        let address = ServerAddress(url)
        let session = Session.Settings(
            address: address, allowAsynchronousCommit: options.allowAsynchronousCommit, unnamedStatements: options.unnamedStatements,
            log: settings.log)
        let store = PostgresStore(name, session, options)
        do throws(StoreError) {
            let migrations = Migrations(schema: name, place: address.description)
            try await store.connection(.reads).run { session throws(StoreError) in
                try migrations.prepare(session, migrate: settings.migrate)
                let identity = try migrations.identity(session)
                store.found.withLock { $0 = identity }
            }
        } catch {
            await store.close()
            throw error
        }
        return store
    }

    private init(_ schema: SchemaName, _ settings: Session.Settings, _ options: PostgresOptions) {
        self.schema = schema
        self.settings = settings
        writers = options.writers
        patience = options.reaperPatience
        lanes = LaneDirectory(schema)
        journal = JournalStatements(schema, .fail)
        journalAgain = JournalStatements(schema, .keepFirst)
        starting = StartStatements(schema)
        access = AccessStatements(schema)
        leasing = LeaseStatements(schema)
        hasAdvisoryLocks = options.advisoryLocks
        slots = FenceSlots(writers: options.writers, transactions: options.transactionConnections)
        let threads = self.threads
        transactions = TransactionPool(size: options.transactionConnections) { PostgresConnection(settings, thread: threads.take()) }
        wakeups = WakeupHub(settings, schema, isSilent: !options.notifications)
    }

    package var identity: String { found.withLock { $0 } }

    /// The connection of a role, made when it is first asked for.
    func connection(_ role: Role) -> PostgresConnection {
        connections.withLock { connections in
            if let connection = connections[role] { return connection }
            let connection = PostgresConnection(settings, thread: threads.take())
            connections[role] = connection
            return connection
        }
    }

    package func schemaVersion() async throws(StoreError) -> SchemaVersion {
        let migrations = Migrations(schema: schema, place: settings.address.description)
        return try await connection(.reads).run { session throws(StoreError) in
            guard let version = try migrations.version(session) else {
                throw StoreError(.misconfigured, "the tables of Perdure do not exist in schema \(migrations.schema): run `perdure migrate`")
            }
            return version
        }
    }

    package var hasServer: Bool { true }
    package func cut() { settings.wires.cut() }
    package func mend() { settings.wires.mend() }

    package func close() async {
        settings.wires.endAttempts()
        await wakeups.close()
        await transactions.close()
        let open = connections.withLock { connections in Array(connections.values) }
        for connection in open { await connection.close() }
        threads.stop()
    }
}

/// Which fence row a connection locks: each its own, or many lockers of one row would make a multixact of every commit.
struct FenceSlots: Sendable {
    let writers: Int
    let transactions: Int

    func writer(_ index: Int) -> Int32 { Int32(index) }
    var starts: Int32 { Int32(writers) }
    var claims: Int32 { Int32(writers + 1) }
    func transaction(_ index: Int) -> Int32 { Int32(writers + 2 + index) }
    var count: Int { writers + 2 + transactions }
}
