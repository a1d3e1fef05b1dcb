internal import CSQLite
internal import Perdure

/// A prepared statement of one connection, used by whoever holds the connection.
@safe struct Statement {
    let handle: OpaquePointer
    let file: String

    init(handle: OpaquePointer, file: String) {
        unsafe self.handle = unsafe handle
        self.file = file
    }

    func error(_ code: Int32) -> StoreError {
        unsafe StoreError.sqlite(code, on: sqlite3_db_handle(handle), file: file)
    }

    /// True for a row, false at the end.
    func step() throws(StoreError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        throw error(code)
    }

    /// Ready to be bound again.
    func reset() { unsafe sqlite3_reset(handle) }

    /// To the end, without looking at rows.
    func run() throws(StoreError) {
        defer { reset() }
        while try step() {}
    }

    func first<Value>(_ read: (Statement) throws(StoreError) -> Value) throws(StoreError) -> Value? {
        defer { reset() }
        return try step() ? try read(self) : nil
    }

    func all<Value>(_ read: (Statement) throws(StoreError) -> Value) throws(StoreError) -> [Value] {
        defer { reset() }
        var values: [Value] = []
        while try step() { values.append(try read(self)) }
        return values
    }
}

// MARK: - Binding

extension Statement {
    @inline(__always)
    func bind(_ index: Int32, _ value: Int64) { unsafe sqlite3_bind_int64(handle, index, value) }

    @inline(__always)
    func bind(_ index: Int32, _ value: Int64?) {
        if let value { unsafe sqlite3_bind_int64(handle, index, value) } else { unsafe sqlite3_bind_null(handle, index) }
    }

    func bind(_ index: Int32, number value: Double) { unsafe sqlite3_bind_double(handle, index, value) }

    func bind(_ index: Int32, _ text: String?) throws(StoreError) {
        guard var text else {
            unsafe sqlite3_bind_null(handle, index)
            return
        }
        let code: Int32 = text.withUTF8 { utf8 in unsafe bind(index, text: utf8, copying: true) }
        if code != SQLITE_OK { throw error(code) }
    }

    /// Bytes and, in the place behind them, their codec.
    func bind(_ index: Int32, _ payload: EncodedPayload?) throws(StoreError) {
        guard let payload else {
            unsafe sqlite3_bind_null(handle, index)
            unsafe sqlite3_bind_null(handle, index + 1)
            return
        }
        try bind(index, bytes: payload.bytes)
        bind(index + 1, Int64(payload.codec))
    }

    func bind(_ index: Int32, bytes: [UInt8]) throws(StoreError) {
        let code: Int32 = unsafe bytes.withUnsafeBufferPointer { bytes in unsafe bind(index, bytes: bytes, copying: true) }
        if code != SQLITE_OK { throw error(code) }
    }

    /// As `bind(_:_:)`, but SQLite reads the bytes where they are, so `body` has to step the statement.
    ///
    /// Returns SQLite's code.
    @inline(__always)
    func lending(_ payload: EncodedPayload?, at index: Int32, _ body: () -> Int32) -> Int32 {
        guard let payload else {
            unsafe sqlite3_bind_null(handle, index)
            unsafe sqlite3_bind_null(handle, index + 1)
            return body()
        }
        bind(index + 1, Int64(payload.codec))
        return unsafe payload.bytes.withUnsafeBufferPointer { bytes in
            let code = unsafe bind(index, bytes: bytes, copying: false)
            return code == SQLITE_OK ? body() : code
        }
    }

    @inline(__always)
    func bind(_ index: Int32, text utf8: UnsafeBufferPointer<UInt8>, copying: Bool) -> Int32 {
        guard let base = utf8.baseAddress else { return unsafe sqlite3_bind_text(handle, index, "", 0, nil) }
        return unsafe base.withMemoryRebound(to: CChar.self, capacity: utf8.count) { start in
            unsafe sqlite3_bind_text64(
                handle, index, start, UInt64(utf8.count), copying ? sqliteTransient : nil, UInt8(SQLITE_UTF8))
        }
    }

    @inline(__always)
    func bind(_ index: Int32, bytes: UnsafeBufferPointer<UInt8>, copying: Bool) -> Int32 {
        // No address would be NULL, and no bytes are not NULL.
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(handle, index, 0) }
        return unsafe sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), copying ? sqliteTransient : nil)
    }
}

/// SQLite's "copy it": a function pointer that is no function.
private var sqliteTransient: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

// MARK: - Reading

/// SQLite turns every value into the type that is asked for, so that a row edited by hand never stops the process.
extension Statement {
    func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

    func int(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    func optionalInt(_ column: Int32) -> Int64? { isNull(column) ? nil : int(column) }

    func text(_ column: Int32) -> String {
        guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Bytes and, in the column behind them, their codec; whether there is a codec decides whether there is a payload.
    func payload(_ column: Int32) -> EncodedPayload? {
        isNull(column + 1) ? nil : EncodedPayload(codec: Int16(clamping: int(column + 1)), bytes: bytes(column))
    }
}
