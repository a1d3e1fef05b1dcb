internal import CSQLite
internal import Perdure

/// The user's values, of any type.
extension Statement {
    func bind(_ values: [SQLValue]) throws(StoreError) {
        let expected = unsafe Int(sqlite3_bind_parameter_count(handle))
        guard expected == values.count else {
            throw StoreError(
                .rejected, "the statement has \(expected) placeholders and \(values.count) values: write values as \\(value), not as '?'")
        }
        for (index, value) in zip(Int32(1)..., values) {
            switch value {
            case .null: bind(index, Int64?.none)
            case .int(let value): bind(index, value)
            case .bool(let value): bind(index, value ? 1 : 0)
            case .double(let value): bind(index, number: value)
            case .text(let value): try bind(index, value)
            case .bytes(let value): try bind(index, bytes: value)
            }
        }
    }

    private var columnCount: Int32 { unsafe sqlite3_column_count(handle) }

    var columns: [String] {
        (0..<columnCount).map { column in
            unsafe sqlite3_column_name(handle, column).map { unsafe String(cString: $0) } ?? ""
        }
    }

    /// The row, each value as the type that it has.
    func values() -> [SQLValue] {
        (0..<columnCount).map { column in
            switch unsafe sqlite3_column_type(handle, column) {
            case SQLITE_INTEGER: .int(int(column))
            case SQLITE_FLOAT: .double(unsafe sqlite3_column_double(handle, column))
            case SQLITE_TEXT: .text(text(column))
            case SQLITE_BLOB: .bytes(bytes(column))
            default: .null
            }
        }
    }
}
