internal import CSQLite
internal import Perdure

/// One connection to the file, with the statements that it has prepared.
///
/// Not tied to a thread by SQLite; what ties it is who may use it. The writing one belongs to whoever holds the `WriteGate`, a reading one
/// to the thread of its actor.
@safe final class Connection: @unchecked Sendable {
    private let handle: OpaquePointer
    let file: String
    private var statements: [UInt: Statement] = [:]
    /// By the bytes of the text: Swift takes two spellings of "é" for the same.
    private var userStatements: [[UInt8]: Statement] = [:]
    private let authorizer: Authorizer
    private(set) var isClosed = false

    /// Forgotten after a rollback, which may have taken the rows with it.
    var lanes = LaneCache()
    /// Workflows that came back from a dead executor, whose next new step clears their count of crashes.
    var crashed: Set<WorkflowNumber> = []
    /// Those of them for which the open transaction has done so.
    var recovered: [WorkflowNumber] = []
    /// Turns that the open transaction may give to what becomes ready in it.
    var turns: Range<Int64> = 0..<0
    /// The `data_version` that this connection saw last: it changes when another one has written.
    var seenDataVersion: Int64 = 0

    /// Opens `file` (a path, or a `file:` URL).
    init(opening file: String, name: String, create: Bool, isReadOnly: Bool = false, busyTimeout: Duration) throws(StoreError) {
        var opened: OpaquePointer?
        let access = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0)
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI
        let code = unsafe sqlite3_open_v2(file, &opened, flags, nil)
        guard code == SQLITE_OK, let opened = unsafe opened else {
            let error = unsafe StoreError.sqlite(code, on: opened, file: name)
            unsafe sqlite3_close(opened)
            throw error
        }
        unsafe handle = unsafe opened
        self.file = name
        authorizer = Authorizer()
        unsafe sqlite3_extended_result_codes(handle, 1)
        unsafe sqlite3_busy_timeout(handle, Int32(clamping: busyTimeout.microseconds / 1000))
        unsafe authorizer.install(on: handle)
    }

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        for statement in statements.values { unsafe sqlite3_finalize(statement.handle) }
        for statement in userStatements.values { unsafe sqlite3_finalize(statement.handle) }
        statements = [:]
        userStatements = [:]
        unsafe sqlite3_close(handle)
    }

    var isInTransaction: Bool { unsafe !isClosed && sqlite3_get_autocommit(handle) == 0 }
    var isReadOnly: Bool { unsafe sqlite3_db_readonly(handle, "main") != 0 }
    /// The file's absolute path: the process may change its directory later.
    var path: String? { unsafe sqlite3_db_filename(handle, "main").map { unsafe String(cString: $0) } }
    /// The key of the row that was inserted last.
    var lastRow: Int64 { unsafe sqlite3_last_insert_rowid(handle) }
    /// Rows that the last INSERT, UPDATE or DELETE changed itself.
    var changes: Int { unsafe Int(sqlite3_changes64(handle)) }
    /// Rows that were changed since the connection was opened.
    var totalChanges: Int { unsafe Int(sqlite3_total_changes64(handle)) }

    /// Stops the statement that is running; from any thread, while the connection is open.
    func interrupt() { unsafe sqlite3_interrupt(handle) }

    // MARK: - Statements

    /// The store's own statement, prepared once.
    func prepared(_ query: Query) throws(StoreError) -> Statement {
        if let statement = statements[query.identity] { return statement }
        if isClosed { throw StoreError(.unavailable, "the store '\(file)' is closed") }
        let (statement, _) = try prepare(query.sql)
        guard let statement else { throw StoreError(.rejected, "an empty statement") }
        statements[query.identity] = statement
        return statement
    }

    /// Prepares the first statement of `sql`, and says how many bytes of it that was; no statement if it is only space or a comment.
    private func prepare(_ sql: String) throws(StoreError) -> (Statement?, used: Int) {
        var prepared: OpaquePointer?
        var used = 0
        var sql = sql
        let code: Int32 = sql.withUTF8 { utf8 in
            guard let base = utf8.baseAddress else { return SQLITE_OK }
            return unsafe base.withMemoryRebound(to: CChar.self, capacity: utf8.count) { start in
                var tail: UnsafePointer<CChar>?
                let code = unsafe sqlite3_prepare_v3(
                    handle, start, Int32(clamping: utf8.count), UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, &tail)
                used = unsafe tail.map { unsafe $0 - start } ?? utf8.count
                return code
            }
        }
        guard code == SQLITE_OK else { throw unsafe StoreError.sqlite(code, on: handle, file: file) }
        guard let prepared = unsafe prepared else { return (nil, used) }
        return (unsafe Statement(handle: prepared, file: file), used)
    }

    /// Statements of the store's own that are not worth keeping: pragmas and the schema.
    func script(_ sql: String) throws(StoreError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw unsafe StoreError.sqlite(code, on: handle, file: file) }
    }

    /// The first column of the first row, as text.
    func value(_ sql: String) throws(StoreError) -> String? {
        guard let statement = try prepare(sql).0 else { return nil }
        defer { unsafe sqlite3_finalize(statement.handle) }
        return try statement.step() ? statement.optionalText(0) : nil
    }

    // MARK: - Statements of the user's

    /// The user's statement: one only, and none that ends the transaction or changes the connection.
    func userStatement(_ sql: String) throws(StoreError) -> Statement {
        let bytes = Array(sql.utf8)
        if let statement = userStatements[bytes] { return statement }
        let (statement, used) = try prepare(sql)
        guard let statement else { throw StoreError(.rejected, "the statement is empty") }
        if !isBlank(bytes.dropFirst(used)) {
            unsafe sqlite3_finalize(statement.handle)
            throw StoreError(.rejected, "one statement at a time: there is more text behind the first one")
        }
        if userStatements.count >= 64 {
            for statement in userStatements.values { unsafe sqlite3_finalize(statement.handle) }
            userStatements = [:]
        }
        userStatements[bytes] = statement
        return statement
    }

    /// Nothing but space, semicolons and comments.
    private func isBlank(_ tail: ArraySlice<UInt8>) -> Bool {
        var rest = String(decoding: tail, as: UTF8.self)
        while !rest.utf8.isEmpty {
            guard let (statement, used) = try? prepare(rest) else { return false }
            if let statement {
                unsafe sqlite3_finalize(statement.handle)
                return false
            }
            if used == 0 { return true }
            rest = String(decoding: rest.utf8.dropFirst(used), as: UTF8.self)
        }
        return true
    }

    /// Runs `body` with the limits on what a user's statement may do.
    func asUser<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        authorizer.isUser = true
        authorizer.refused = nil
        defer { authorizer.isUser = false }
        do {
            return try body()
        } catch {
            guard let refused = authorizer.refused else { throw error }
            throw StoreError(.rejected, refused, nativeCode: String(SQLITE_AUTH))
        }
    }
}
