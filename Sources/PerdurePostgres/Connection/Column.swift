internal import Perdure

/// The types of Postgres that are sent in binary, by their fixed object identifiers.
enum PostgresType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let xid8: UInt32 = 5069
}

/// One column of many rows: an array parameter in Postgres' binary form, which `unnest` turns into rows again.
final class Column {
    let buffer = ParameterBuffer(capacity: 256)
    private let element: UInt32
    private(set) var count = 0

    init(_ element: UInt32) {
        self.element = element
        clear()
    }

    func clear() {
        buffer.clear()
        count = 0
        // One dimension, may hold NULLs, the type, the number of elements (patched by `sealed`), the lower bound.
        buffer.append(Int32(1))
        buffer.append(Int32(1))
        buffer.append(element)
        buffer.append(Int32(0))
        buffer.append(Int32(1))
    }

    /// The parameter, complete.
    var sealed: ParameterBuffer {
        buffer.patch(Int32(count), at: 12)
        return buffer
    }

    @inline(__always)
    func append(_ value: some FixedWidthInteger) {
        buffer.append(element: value)
        count += 1
    }

    @inline(__always)
    func append(_ value: (some FixedWidthInteger)?) {
        if let value { append(value) } else { appendNull() }
    }

    @inline(__always)
    func append(_ value: Bool) {
        buffer.append(element: UInt8(value ? 1 : 0))
        count += 1
    }

    @inline(__always)
    func append(_ text: String) throws(StoreError) {
        try buffer.append(text: text, withLength: true)
        count += 1
    }

    func append(_ text: String?) throws(StoreError) {
        if let text { try append(text) } else { appendNull() }
    }

    @inline(__always)
    func append(_ bytes: [UInt8]) {
        buffer.append(bytes: bytes, withLength: true)
        count += 1
    }

    @inline(__always)
    func appendNull() {
        buffer.append(Int32(-1))
        count += 1
    }
}

/// The two columns of an encoded payload: its bytes and its codec, both NULL where there is none.
struct PayloadColumns {
    let bytes = Column(PostgresType.bytea)
    let codec = Column(PostgresType.int2)

    @inline(__always)
    func append(_ payload: EncodedPayload?) {
        if let payload {
            bytes.append(payload.bytes)
            codec.append(payload.codec)
        } else {
            bytes.appendNull()
            codec.appendNull()
        }
    }

    func clear() {
        bytes.clear()
        codec.clear()
    }
}

/// Parameters of statements that are not on a hot path.
extension ParameterBuffer {
    static func int8(_ value: Int64) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(value)
        return buffer
    }

    static func int8(_ value: Int64?) -> ParameterBuffer? {
        guard let value else { return nil }
        return .int8(value)
    }

    static func int4(_ value: Int32) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(value)
        return buffer
    }

    static func xid8(_ value: UInt64) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(value)
        return buffer
    }

    static func bool(_ value: Bool) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(UInt8(value ? 1 : 0))
        return buffer
    }

    static func bytes(_ value: [UInt8]) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        buffer.append(bytes: value)
        return buffer
    }

    static func text(_ value: String) throws(StoreError) -> ParameterBuffer {
        let buffer = ParameterBuffer()
        try buffer.append(text: value)
        return buffer
    }

    static func int8s(_ values: some Sequence<Int64>) -> ParameterBuffer {
        let column = Column(PostgresType.int8)
        for value in values { column.append(value) }
        return column.sealed
    }

    static func xid8s(_ values: some Sequence<UInt64>) -> ParameterBuffer {
        let column = Column(PostgresType.xid8)
        for value in values { column.append(value) }
        return column.sealed
    }

    static func texts(_ values: some Sequence<String>) throws(StoreError) -> ParameterBuffer {
        let column = Column(PostgresType.text)
        for value in values { try column.append(value) }
        return column.sealed
    }
}
