internal import CLibPQ
internal import Perdure

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// One libpq connection, used by one thread at a time.
///
/// It blocks; it connects when it is first used, and again when it was lost.
@safe final class Session {
    struct Settings: Sendable {
        var address: ServerAddress
        var allowAsynchronousCommit = false
        /// Parses every statement anew, also where no pooler is noticed.
        var unnamedStatements = false
        /// Whether a connection has ever come about, and where.
        let reached = Reached()
        /// The sockets of all connections that have these settings.
        let wires = Wires()
        var log: @Sendable (LogLevel, String) -> Void
    }

    let settings: Settings
    /// Raised by every connection that is made: what was known of the server before is to be asked again.
    private(set) var generation = 0
    /// A transaction without an explicit BEGIN is READ COMMITTED.
    private(set) var defaultsToReadCommitted = true
    /// Somebody stands between: the process at the other end is not the one that was promised when the connection was made.
    ///
    /// Then nothing is relied on that outlives a transaction, for poolers share server connections out.
    private(set) var isPooled = false
    /// Where in the last pipeline the error was.
    var failedIndex: Int?
    private var handle: OpaquePointer?
    /// Executors for which this connection's server was compared with the one that they were registered with.
    private var verified: Set<ExecutorID> = []
    /// Executors whose advisory lock this connection holds, and whether the database has been told.
    var guards: [ExecutorID: Bool] = [:]
    private var prepared: Set<String> = []
    private var failures = 0
    private let notices: NoticeSink
    /// This connection's place among `Settings.wires`.
    private var wire: Int32?

    init(_ settings: Settings) {
        self.settings = settings
        notices = NoticeSink(log: settings.log)
    }

    deinit {
        if let wire { settings.wires.remove(wire) }
        unsafe PQfinish(handle)
    }

    var isConnected: Bool { unsafe handle != nil && PQstatus(handle) == CONNECTION_OK }

    /// The socket, for the one connection that waits on it.
    var socket: Int32 { unsafe PQsocket(handle) }

    var transactionStatus: PGTransactionStatusType { unsafe PQtransactionStatus(handle) }

    /// In a transaction in which statements still go.
    var isInOpenTransaction: Bool { isConnected && transactionStatus == PQTRANS_INTRANS }

    /// For calls into libpq by extensions of this class; nil when there is no connection.
    var raw: OpaquePointer? { unsafe handle }

    func disconnect() {
        if let wire { settings.wires.remove(wire) }
        wire = nil
        unsafe PQfinish(handle)
        unsafe handle = nil
        prepared = []
        verified = []
        guards = [:]
    }

    /// Connected, and to the server that `executor` was registered with.
    func ready(for executor: ExecutorID, _ registry: ExecutorRegistry) throws(StoreError) {
        try ready()
        if verified.contains(executor) { return }
        // The end of the log is asked for now: that of a connection made before the registration says nothing.
        let acknowledged = registry.acknowledged(executor)
        let identity = try identify()
        try registry.check(executor, identity, acknowledged: acknowledged)
        verified.insert(executor)
    }

    /// A connection that works, after a pause if the last attempts failed.
    func ready() throws(StoreError) {
        if isConnected { return }
        let isReconnection = generation > 0
        disconnect()
        // Who waits for a server that does not answer is not to begin again.
        if settings.wires.isCut { throw cutOff }
        if failures > 0 { usleep(Self.pause(after: failures)) }
        do throws(StoreError) {
            try connect()
            failures = 0
            settings.reached.becomeTrue(host: settings.address.index(ofHost: host, port: port))
            if isReconnection { settings.log(.info, "connected to \(settings.address.description) again") }
        } catch {
            disconnect()
            failures += 1
            // In the middle of a failover the server that answers may be a standby still: that is not for a person to mend.
            if settings.reached.isTrue, error.code == .misconfigured, error.nativeCode == "25006" {
                throw StoreError(.unavailable, error.message, nativeCode: error.nativeCode)
            }
            throw error
        }
    }

    /// Full jitter: anything up to 50 ms, doubled with each failure, at most 2 s.
    ///
    /// In microseconds.
    static func pause(after failures: Int) -> UInt32 { .random(in: 0...min(2_000_000, 50_000 << UInt32(min(failures, 6) - 1))) }

    private func connect() throws(StoreError) {
        if let problem = settings.address.problem { throw StoreError(.misconfigured, problem) }
        let attempt = ConnectAttempt(settings.address.parameters(beginningWith: settings.reached.host))
        guard let made = settings.wires.wait(for: attempt) else { throw cutOff }
        let connection = unsafe OpaquePointer(bitPattern: made)
        unsafe handle = connection
        guard let connection = unsafe connection else { throw StoreError(.full, "out of memory") }
        unsafe PQsetNoticeReceiver(
            connection,
            { argument, result in
                guard let argument = unsafe argument, let result = unsafe result else { return }
                let sink = unsafe Unmanaged<NoticeSink>.fromOpaque(argument).takeUnretainedValue()
                unsafe sink.receive(PQresultErrorField(result, 77).map { unsafe String(cString: $0) } ?? "")
            }, Unmanaged.passUnretained(notices).toOpaque())
        guard unsafe PQstatus(connection) == CONNECTION_OK else {
            throw ConnectFailure.error(unsafe String(cString: PQerrorMessage(connection)), at: settings.address)
        }
        wire = settings.wires.add(unsafe PQsocket(connection))
        guard wire != nil else { throw cutOff }
        generation += 1
        unsafe try examine(connection)
    }

    private var cutOff: StoreError { StoreError(.unavailable, "Postgres at \(settings.address.description) does not answer") }

    /// Which of several hosts it is.
    private var host: String { unsafe PQhost(handle).map { unsafe String(cString: $0) } ?? "" }
    private var port: String { unsafe PQport(handle).map { unsafe String(cString: $0) } ?? "" }

    /// What must hold of a server before anything is entrusted to it.
    private func examine(_ connection: OpaquePointer) throws(StoreError) {
        let place = settings.address.description
        let version = unsafe PQserverVersion(connection)
        if version < 140_000 {
            throw StoreError(.misconfigured, "Postgres at \(place) is version \(version / 10_000): 14 or newer is needed")
        }
        let encoding = unsafe PQparameterStatus(connection, "server_encoding").map { unsafe String(cString: $0) } ?? "unknown"
        if encoding != "UTF8" {
            throw StoreError(
                .misconfigured, "the database of \(place) is encoded in \(encoding): create it with ENCODING 'UTF8'", nativeCode: "22021")
        }
        let about = try query(Self.about)
        if about.bool(0, 0) || about.text(0, 3) == "on" {
            let kind = about.bool(0, 0) ? "is a standby" : "accepts no writes (default_transaction_read_only)"
            throw StoreError(.misconfigured, "Postgres at \(place) \(kind): point the URL at the primary", nativeCode: "25006")
        }
        if about.text(0, 1) == "off", !settings.allowAsynchronousCommit {
            throw StoreError(
                .misconfigured,
                "synchronous_commit is off for this user or database of \(place), so a crash of the server forgets what it had confirmed: set it to on (ALTER ROLE … SET synchronous_commit = on), or accept the loss with allowAsynchronousCommit: true"
            )
        }
        defaultsToReadCommitted = about.text(0, 2) == "read committed"
        isPooled = unsafe Int64(PQbackendPID(connection)) != about.int(0, 4)
    }

    private static let about = Statement(
        "perdure_about", isPrepared: false,
        """
        SELECT pg_is_in_recovery(), current_setting('synchronous_commit'), current_setting('default_transaction_isolation'),
            current_setting('transaction_read_only'), pg_backend_pid()
        """)
    // MARK: Statements

    /// Prepares a statement on this connection, once.
    func prepare(_ statement: Statement) throws(StoreError) {
        guard isNamed(statement), !prepared.contains(statement.name) else { return }
        _ = unsafe try check(unsafe PQprepare(handle, statement.name, statement.text, 0, nil))
        prepared.insert(statement.name)
    }

    func isNamed(_ statement: Statement) -> Bool { statement.isPrepared && !settings.unnamedStatements && !isPooled }

    /// One statement, one round trip, results in binary.
    @discardableResult
    func query(_ statement: Statement, _ parameters: [ParameterBuffer?] = []) throws(StoreError) -> Rows {
        if unsafe handle == nil { try ready() }
        try prepare(statement)
        let arguments = Arguments(parameters)
        let named = isNamed(statement)
        let result = unsafe arguments.use { count, values, lengths, formats in
            named
                ? unsafe PQexecPrepared(handle, statement.name, count, values, lengths, formats, 1)
                : unsafe PQexecParams(handle, statement.text, count, nil, values, lengths, formats, 1)
        }
        return unsafe try check(result)
    }

    /// Statements without parameters, several if need be (then in one implicit transaction).
    @discardableResult
    func simple(_ text: String) throws(StoreError) -> Rows {
        if unsafe handle == nil { try ready() }
        return unsafe try check(unsafe PQexec(handle, text))
    }

    /// Turns a failed result into an error, and a lost connection into none.
    @discardableResult
    func check(_ result: OpaquePointer?) throws(StoreError) -> Rows {
        guard let result = unsafe result else { throw lost() }
        let rows = unsafe Rows(result)
        guard let failure = rows.failure else { return rows }
        throw error(failure)
    }

    /// The error of a statement; a connection that it ended is closed.
    func error(_ failure: ServerFailure) -> StoreError {
        if !isConnected {
            let error = StoreError(failure)
            disconnect()
            // Whatever the server gave as its reason, the connection is gone.
            return error.code == .misconfigured || error.code == .unavailable
                ? error : StoreError(.unavailable, error.message, nativeCode: error.nativeCode)
        }
        if failure.state == "0A000", failure.message.contains("cached plan") {
            // The tables were changed under a prepared statement: a new connection prepares it anew.
            disconnect()
            return StoreError(.transient, failure.message, nativeCode: failure.state)
        }
        if failure.state == "25006" { disconnect() }
        if failure.state == "0A000", failure.message.contains("during recovery") {
            // BEGIN … READ WRITE on a standby, which a pooler has led us to: the next connection finds the new primary.
            disconnect()
            return StoreError(.unavailable, failure.message, nativeCode: failure.state)
        }
        return StoreError(failure)
    }

    func lost() -> StoreError {
        let reason = unsafe handle.map { unsafe String(cString: PQerrorMessage($0)).firstLine } ?? ""
        disconnect()
        return StoreError(.unavailable, "the connection to Postgres was lost: \(reason)")
    }

    /// Ends a transaction that is not to be committed.
    ///
    /// A connection on which even that fails is closed, which comes to the same.
    func rollback() {
        guard isConnected else { return disconnect() }
        if transactionStatus == PQTRANS_IDLE { return }
        let result = unsafe PQexec(handle, "ROLLBACK")
        let ended = unsafe PQresultStatus(result) == PGRES_COMMAND_OK
        unsafe PQclear(result)
        if !ended { disconnect() }
    }
}

/// Where notices go instead of standard error.
private final class NoticeSink: Sendable {
    private let log: @Sendable (LogLevel, String) -> Void

    init(log: @escaping @Sendable (LogLevel, String) -> Void) { self.log = log }

    func receive(_ message: String) { log(.debug, "Postgres: \(message)") }
}

/// Once true, always true; shared by the connections of a store.
final class Reached: Sendable {
    private let state = Lock<(isTrue: Bool, host: Int)>((false, 0))

    var isTrue: Bool { state.withLock { $0.isTrue } }
    /// The place in the address of the host that worked last: the others may take seconds to say nothing.
    var host: Int { state.withLock { $0.host } }
    func becomeTrue(host: Int) { state.withLock { $0 = (true, host) } }
}
