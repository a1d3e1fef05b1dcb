internal import CSQLite
internal import Perdure

/// What a user's statement may not do inside a Perdure transaction.
///
/// Installed once for each connection: installing it anew makes SQLite prepare every statement again. It is asked when a statement is
/// prepared, never for each row.
final class Authorizer {
    var isUser = false
    /// Why the last statement was refused.
    var refused: String?

    /// Pragmas that only look, whatever they are given.
    private static let looks: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_info", "index_xinfo", "index_list", "foreign_key_list", "foreign_key_check",
        "integrity_check", "quick_check", "user_version", "application_id", "function_list", "compile_options",
    ]
    /// Those that only look when they are given nothing.
    private static let settings: Set<String> = [
        "synchronous", "foreign_keys", "busy_timeout", "journal_mode", "page_count", "page_size", "max_page_count", "freelist_count",
        "cache_size", "encoding", "secure_delete", "wal_autocheckpoint", "temp_store",
    ]

    func install(on handle: OpaquePointer) {
        // The connection keeps the authorizer for longer than SQLite calls it.
        unsafe sqlite3_set_authorizer(
            handle,
            { context, action, first, second, _, _ in
                guard let context = unsafe context else { return SQLITE_OK }
                let authorizer = unsafe Unmanaged<Authorizer>.fromOpaque(context).takeUnretainedValue()
                guard authorizer.isUser else { return SQLITE_OK }
                let name = unsafe first.map { unsafe String(cString: $0) } ?? ""
                return authorizer.judge(action, name, hasArgument: unsafe second != nil)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private static func isHarmless(_ pragma: String, hasArgument: Bool) -> Bool {
        looks.contains(pragma) || !hasArgument && settings.contains(pragma)
    }

    private func judge(_ action: Int32, _ name: String, hasArgument: Bool) -> Int32 {
        switch action {
        case SQLITE_TRANSACTION:
            refused = "\(name) inside a transaction of Perdure: it is committed when its body returns, and rolled back when it throws"
        case SQLITE_ATTACH, SQLITE_DETACH:
            refused = "ATTACH and DETACH are not possible inside a transaction: its writes and its checkpoint share one file"
        case SQLITE_PRAGMA where !Self.isHarmless(name.lowercased(), hasArgument: hasArgument):
            refused = "PRAGMA \(name) inside a transaction would change the connection that Perdure itself uses"
        default:
            return SQLITE_OK
        }
        return SQLITE_DENY
    }
}
