internal import CLibPQ
internal import Perdure

extension Session {
    /// A statement of the user's, inside the open transaction.
    ///
    /// Results come as text, which every type has.
    func user(_ sql: SQL) throws(StoreError) -> Rows {
        let text = sql.text { "$\($0)" }
        if text.utf8.contains(0) { throw StoreError.nul(in: text) }
        try Self.refuseTransactionControl(text)
        var parameters: [ParameterBuffer?] = []
        var types: [UInt32] = []
        for value in sql.values {
            let (parameter, type) = try Self.parameter(value)
            parameters.append(parameter)
            types.append(type)
        }
        let arguments = Arguments(parameters)
        let result = unsafe arguments.use { count, values, lengths, formats in
            unsafe types.withUnsafeBufferPointer { types in
                unsafe PQexecParams(raw, text, count, types.baseAddress, values, lengths, formats, 0)
            }
        }
        let rows: Rows
        do throws(StoreError) {
            rows = unsafe try check(result)
        } catch {
            if error.nativeCode == "42601", error.message.contains("multiple commands") {
                throw StoreError(.rejected, "one statement for each call: send several one after the other", nativeCode: "42601")
            }
            throw error
        }
        if rows.status == PGRES_COPY_IN || rows.status == PGRES_COPY_OUT || rows.status == PGRES_COPY_BOTH {
            disconnect()
            throw StoreError(.rejected, "COPY is not possible through a transaction of a workflow: use INSERT and SELECT")
        }
        if transactionStatus != PQTRANS_INTRANS {
            throw StoreError(.rejected, "the statement ended the transaction, which is for Perdure to do: \(Self.shown(text))")
        }
        return rows
    }

    /// The type is the server's to infer, so that `\(count)` fits an int2 and a `\(date)` a timestamp; bytes say what they are.
    private static func parameter(_ value: SQLValue) throws(StoreError) -> (ParameterBuffer?, UInt32) {
        switch value {
        case .null: return (nil, 0)
        case .bytes(let bytes): return (.bytes(bytes), PostgresType.bytea)
        case .int(let number): return (try .cString(String(number)), 0)
        case .double(let number):
            return (try .cString(number.isNaN ? "NaN" : number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : String(number)), 0)
        case .bool(let truth): return (try .cString(truth ? "true" : "false"), 0)
        case .text(let text): return (try .cString(text), 0)
        }
    }

    /// The body's end is the checkpoint's commit.
    ///
    /// What would end it earlier is refused before it is sent: a COMMIT of the user's would separate their writes from the checkpoint.
    private static func refuseTransactionControl(_ text: String) throws(StoreError) {
        let words = firstWords(text)
        guard let first = words.first else { return }
        let refused: Bool
        switch first {
        case "begin", "commit", "end", "abort": refused = true
        case "start", "prepare": refused = words.dropFirst().first == "transaction"
        // ROLLBACK TO a savepoint is theirs.
        case "rollback": refused = !words.dropFirst().prefix(2).contains("to")
        default: refused = false
        }
        if refused {
            throw StoreError(
                .rejected, "the body of a transaction neither begins nor ends it; Perdure commits when the body returns: \(shown(text))")
        }
    }

    /// The first three words in lower case, behind white space and comments.
    private static func firstWords(_ text: String) -> [String] {
        var rest = text[...]
        while true {
            rest = rest.drop { $0.isWhitespace || $0 == ";" }
            if rest.hasPrefix("--") {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*"), let end = rest.firstRange(of: "*/") {
                rest = rest[end.upperBound...]
            } else {
                break
            }
        }
        return rest.prefix(60).split(whereSeparator: { !$0.isLetter }).prefix(3).map { $0.lowercased() }
    }

    private static func shown(_ text: String) -> String { String(text.prefix(60)) }
}

extension ParameterBuffer {
    /// In libpq's text format, which ends with a zero byte.
    static func cString(_ text: String) throws(StoreError) -> ParameterBuffer {
        let buffer = ParameterBuffer(isText: true)
        try buffer.append(text: text)
        buffer.append(UInt8(0))
        return buffer
    }
}

extension Rows {
    /// The rows of a statement of the user's (in text format), decoded by the type of each column.
    func decoded() -> SQLRows {
        let types = (0..<columns).map { type(of: $0) }
        let rows = (0..<count).map { row in
            types.indices.map { column in isNull(row, column) ? SQLValue.null : value(row, column, types[column]) }
        }
        return SQLRows(columns: (0..<columns).map { name(of: $0) }, rows: rows)
    }

    private func value(_ row: Int, _ column: Int, _ type: UInt32) -> SQLValue {
        let text = text(row, column)
        switch type {
        case PostgresType.bool: return .bool(text == "t")
        case PostgresType.int2, PostgresType.int4, PostgresType.int8: return Int64(text).map(SQLValue.int) ?? .text(text)
        case PostgresType.float4, PostgresType.float8: return Double(text).map(SQLValue.double) ?? .text(text)
        case PostgresType.bytea: return .bytes(Self.unescape(text))
        default: return .text(text)
        }
    }

    /// `\x` and two digits for each byte, or (with `bytea_output = escape`) the bytes with octal escapes.
    private static func unescape(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        let source = Array(text.utf8)
        if text.hasPrefix("\\x") {
            bytes.reserveCapacity(source.count / 2)
            for index in stride(from: 2, to: source.count - 1, by: 2) { bytes.append(digit(source[index]) << 4 | digit(source[index + 1])) }
            return bytes
        }
        var index = 0
        while index < source.count {
            if source[index] != UInt8(ascii: "\\") {
                bytes.append(source[index])
                index += 1
            } else if index + 1 < source.count, source[index + 1] == UInt8(ascii: "\\") {
                bytes.append(source[index])
                index += 2
            } else if index + 3 < source.count {
                bytes.append((source[index + 1] & 3) << 6 | (source[index + 2] & 7) << 3 | (source[index + 3] & 7))
                index += 4
            } else {
                break
            }
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt8 {
        character <= UInt8(ascii: "9") ? character - UInt8(ascii: "0") : (character | 32) - UInt8(ascii: "a") + 10
    }
}
