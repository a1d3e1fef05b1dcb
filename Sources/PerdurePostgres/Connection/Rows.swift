internal import CLibPQ
internal import Perdure

/// The result of one statement, in binary unless it is said otherwise; cleared when the last reference goes.
@safe final class Rows {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) {
        unsafe self.result = unsafe result
    }

    deinit { unsafe PQclear(result) }

    var status: ExecStatusType { unsafe PQresultStatus(result) }
    var count: Int { Int(unsafe PQntuples(result)) }
    var columns: Int { Int(unsafe PQnfields(result)) }

    /// What was done: "INSERT 0 3", "COMMIT".
    var tag: String { unsafe String(cString: PQcmdStatus(result)) }

    /// How many rows the statement touched.
    ///
    /// Never asked for statements of our own.
    var touched: Int { unsafe Int(String(cString: PQcmdTuples(result))) ?? 0 }

    func name(of column: Int) -> String { unsafe PQfname(result, Int32(column)).map { unsafe String(cString: $0) } ?? "" }
    func type(of column: Int) -> UInt32 { unsafe PQftype(result, Int32(column)) }

    func isNull(_ row: Int, _ column: Int) -> Bool { unsafe PQgetisnull(result, Int32(row), Int32(column)) == 1 }

    /// The bytes of a value, as the server sent them.
    func withBytes<Result>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = unsafe PQgetvalue(result, Int32(row), Int32(column))
        let length = unsafe PQgetlength(result, Int32(row), Int32(column))
        return unsafe body(UnsafeRawBufferPointer(start: start, count: Int(length)))
    }

    /// An integer of two, four or eight bytes.
    func int(_ row: Int, _ column: Int) -> Int64 {
        unsafe withBytes(row, column) { bytes in
            switch bytes.count {
            case 8: unsafe Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
            case 4: unsafe Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
            case 2: unsafe Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
            default: 0
            }
        }
    }

    func optionalInt(_ row: Int, _ column: Int) -> Int64? { isNull(row, column) ? nil : int(row, column) }

    func uint(_ row: Int, _ column: Int) -> UInt64 { UInt64(bitPattern: int(row, column)) }

    func int16(_ row: Int, _ column: Int) -> Int16 { Int16(truncatingIfNeeded: int(row, column)) }

    func bool(_ row: Int, _ column: Int) -> Bool { unsafe withBytes(row, column) { unsafe $0.first == 1 } }

    /// Text; what is not UTF-8 is repaired.
    func text(_ row: Int, _ column: Int) -> String { unsafe withBytes(row, column) { unsafe String(decoding: $0, as: UTF8.self) } }

    func optionalText(_ row: Int, _ column: Int) -> String? { isNull(row, column) ? nil : text(row, column) }

    func bytes(_ row: Int, _ column: Int) -> [UInt8] { unsafe withBytes(row, column) { unsafe Array($0) } }

    /// A payload in two columns, bytes and codec; nil where both are NULL.
    func payload(_ row: Int, _ column: Int) -> EncodedPayload? {
        if isNull(row, column), isNull(row, column + 1) { return nil }
        return EncodedPayload(codec: int16(row, column + 1), bytes: isNull(row, column) ? [] : bytes(row, column))
    }

    /// The server's error in this result, if it is one.
    var failure: ServerFailure? {
        switch status {
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR: break
        default: return nil
        }
        return ServerFailure(
            state: field("C"), message: field("M") ?? (unsafe String(cString: PQresultErrorMessage(result))), detail: field("D"),
            hint: field("H"))
    }

    /// A field of the error, by the letter that the protocol gives it.
    private func field(_ letter: Unicode.Scalar) -> String? {
        unsafe PQresultErrorField(result, Int32(letter.value)).map { unsafe String(cString: $0) }
    }
}

/// An error as the server reports it.
struct ServerFailure {
    var state: String?
    var message: String
    var detail: String?
    var hint: String?
}
