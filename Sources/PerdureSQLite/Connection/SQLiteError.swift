internal import CSQLite
internal import Perdure

extension StoreError {
    /// The last error of a connection, sorted by what is to be done about it.
    static func sqlite(_ code: Int32, on handle: OpaquePointer?, file: String) -> StoreError {
        let message: String
        if let handle = unsafe handle, let text = unsafe sqlite3_errmsg(handle) {
            message = unsafe String(cString: text)
        } else if let text = unsafe sqlite3_errstr(code) {
            message = unsafe String(cString: text)
        } else {
            message = "unknown error"
        }
        return sqlite(code, message: message, file: file)
    }

    static func sqlite(_ code: Int32, message: String, file: String) -> StoreError {
        let native = String(code)
        switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
            return StoreError(
                .transient, "\(message): another process holds the write lock of '\(file)' for too long", nativeCode: native)
        case SQLITE_SCHEMA, SQLITE_INTERRUPT, SQLITE_ABORT:
            return StoreError(.transient, message, nativeCode: native)
        case SQLITE_FULL:
            return StoreError(.full, "no space left for '\(file)': \(message). Free some; what waits is written then", nativeCode: native)
        case SQLITE_NOMEM:
            return StoreError(.full, "out of memory in SQLite (\(message))", nativeCode: native)
        case SQLITE_IOERR:
            return StoreError(.unavailable, "'\(file)' cannot be read or written: \(message)", nativeCode: native)
        case SQLITE_NOTADB:
            return StoreError(
                .misconfigured, "'\(file)' is not an SQLite database (or is encrypted): \(message). Give another path", nativeCode: native)
        case SQLITE_CORRUPT:
            return StoreError(
                .misconfigured,
                "'\(file)' is damaged: \(message). Stop every process that uses it, then restore a backup or try `sqlite3 … .recover`",
                nativeCode: native)
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_NOLFS:
            return StoreError(
                .misconfigured,
                "'\(file)' cannot be opened for writing: \(message). The process needs to write the file and its directory "
                    + "(SQLite keeps '-wal' and '-shm' beside it)", nativeCode: native)
        default:
            return StoreError(.rejected, message, nativeCode: native)
        }
    }
}
