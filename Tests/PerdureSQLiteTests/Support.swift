internal import CSQLite
internal import Perdure
internal import PerdureSQLite
internal import Synchronization
internal import Testing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A directory of one test's own, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/perdure-sqlite-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw StoreError(.misconfigured, "no temporary directory") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unsafe unlink("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    var file: String { "\(path)/test.db" }

    var names: [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = unsafe fopen("\(path)/\(name)", "w")
        guard let file = unsafe file else { throw StoreError(.misconfigured, "cannot write") }
        defer { unsafe fclose(file) }
        _ = unsafe bytes.withUnsafeBufferPointer { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
    }
}

/// Opens a store on a fresh file, and closes it.
func withStore<Value>(
    _ options: SQLiteOptions = SQLiteOptions(), _ body: (SQLiteStore, Scratch) async throws -> Value
) async throws -> Value {
    let scratch = try Scratch()
    let store = try await SQLiteStore.open(scratch.file, options: options, settings: StoreSettings())
    do {
        let value = try await body(store, scratch)
        await store.close()
        return value
    } catch {
        await store.close()
        throw error
    }
}

/// The error that opening a path gives.
func openingError(
    _ path: String, options: SQLiteOptions = SQLiteOptions(), settings: StoreSettings = StoreSettings()
) async -> StoreError? {
    do {
        let store = try await SQLiteStore.open(path, options: options, settings: settings)
        await store.close()
        return nil
    } catch {
        return error
    }
}

/// A plain connection, as another program has it.
@safe final class Stranger {
    private var handle: OpaquePointer?

    init(_ path: String) throws {
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK else { throw StoreError(.misconfigured, "cannot open \(path)") }
        unsafe sqlite3_busy_timeout(handle, 5000)
    }

    deinit { unsafe sqlite3_close(handle) }

    func run(_ sql: String) throws {
        guard unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw StoreError(.rejected, unsafe String(cString: sqlite3_errmsg(handle)))
        }
    }

    /// The columns of all rows, NULL as nil.
    func rows(_ sql: String) throws -> [[String?]] {
        var statement: OpaquePointer?
        guard unsafe sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw StoreError(.rejected, unsafe String(cString: sqlite3_errmsg(handle)))
        }
        defer { unsafe sqlite3_finalize(statement) }
        var rows: [[String?]] = []
        while true {
            let code = unsafe sqlite3_step(statement)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw StoreError(.rejected, unsafe String(cString: sqlite3_errmsg(handle))) }
            let columns = unsafe 0..<sqlite3_column_count(statement)
            rows.append(
                columns.map { column in
                    guard let text = unsafe sqlite3_column_text(statement, column) else { return nil }
                    let count = unsafe Int(sqlite3_column_bytes(statement, column))
                    return unsafe String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
                })
        }
    }

    func value(_ sql: String) throws -> String? { try rows(sql).first?.first ?? nil }
}

func json(_ text: String) -> EncodedPayload { EncodedPayload(codec: 1, bytes: Array(text.utf8)) }

func workflow(
    _ number: WorkflowNumber, id: String? = nil, name: String = "Checkout", due: Microseconds? = nil
) -> WorkflowRecord {
    WorkflowRecord(
        number: number, id: id, lane: Lane(workflow: name, version: "1"), input: json("{}"), created: 1_700_000_000_000_000, due: due)
}

func step(_ workflow: WorkflowNumber, _ key: String, order: Int64?, output: String = "1") -> StepRecord {
    StepRecord(
        workflow: workflow, key: key, order: order, kind: .step, output: json(output), started: 1_700_000_000_000_000,
        finished: 1_700_000_000_250_000)
}

extension SQLiteStore {
    /// A registered executor with a writer.
    func registered(_ executor: ExecutorID, lease: Duration = .seconds(10)) async throws -> any JournalWriter {
        try await register(executor, label: "test", lease: lease)
        return try await writer(0, for: executor)
    }
}

/// Waits for something that another thread reports.
final class Signal: Sendable {
    private let state = Lock<(count: Int, waiting: CheckedContinuation<Void, Never>?)>((0, nil))

    func fire() {
        let waiting = state.withLock { state in
            state.count += 1
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    var count: Int { state.withLock { $0.count } }

    /// Until it has fired once.
    func wait() async {
        await withCheckedContinuation { continuation in
            let fired = state.withLock { state in
                if state.count > 0 { return true }
                state.waiting = continuation
                return false
            }
            if fired { continuation.resume() }
        }
    }
}
