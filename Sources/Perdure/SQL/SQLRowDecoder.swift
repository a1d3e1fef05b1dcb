internal import FoundationEssentials

/// Decodes rows by the names of their columns.
struct SQLRowDecoder {
    private let index: [String: Int]
    private let columns: [String]

    init(columns: [String]) {
        self.columns = columns
        index = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func decode<Row: Decodable>(_ type: Row.Type, from rows: [[SQLValue]]) throws -> [Row] {
        try rows.map { values in
            if type == SQLValue.self, let value = values.first as? Row { return value }
            if let leaf = try SQLLeaf.decode(type, from: values.first ?? .null, at: []) { return leaf }
            return try Row(from: RowDecoder(row: SQLRow(index: index, columns: columns, values: values)))
        }
    }
}

private struct SQLRow {
    let index: [String: Int]
    let columns: [String]
    let values: [SQLValue]
}

private struct RowDecoder: Decoder {
    let row: SQLRow
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RowContainer<Key>(row: row))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw DecodingError.typeMismatch(
            [Any].self, .init(codingPath: [], debugDescription: "a row is decoded by the names of its columns"))
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        ValueContainer(value: row.values.first ?? .null, codingPath: [])
    }
}

private struct RowContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: SQLRow
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { row.columns.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { row.index[key.stringValue] != nil }

    private func value(_ key: Key) throws -> SQLValue {
        guard let column = row.index[key.stringValue] else {
            let names = row.columns.joined(separator: ", ")
            throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "no column '\(key.stringValue)' among: \(names)"))
        }
        return row.values[column]
    }

    func decodeNil(forKey key: Key) throws -> Bool { try value(key) == .null }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let value = try value(key)
        if let leaf = try SQLLeaf.decode(type, from: value, at: [key]) { return leaf }
        return try Value(from: ValueDecoder(value: value, codingPath: [key]))
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        throw mismatch(key)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw mismatch(key) }
    func superDecoder() throws -> any Decoder { RowDecoder(row: row) }
    func superDecoder(forKey key: Key) throws -> any Decoder { ValueDecoder(value: try value(key), codingPath: [key]) }

    private func mismatch(_ key: Key) -> DecodingError {
        DecodingError.typeMismatch([Any].self, .init(codingPath: [key], debugDescription: "a column holds one value"))
    }
}

private struct ValueDecoder: Decoder {
    let value: SQLValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> { throw mismatch }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw mismatch }
    func singleValueContainer() -> any SingleValueDecodingContainer { ValueContainer(value: value, codingPath: codingPath) }

    private var mismatch: DecodingError {
        DecodingError.typeMismatch([Any].self, .init(codingPath: codingPath, debugDescription: "a column holds one value"))
    }
}

private struct ValueContainer: SingleValueDecodingContainer {
    let value: SQLValue
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { value == .null }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let leaf = try SQLLeaf.decode(type, from: value, at: codingPath) { return leaf }
        return try Value(from: ValueDecoder(value: value, codingPath: codingPath))
    }
}

/// The types that a column can hold by themselves.
private enum SQLLeaf {
    /// nil if the type is not one of them.
    static func decode<Value: Decodable>(_ type: Value.Type, from value: SQLValue, at path: [any CodingKey]) throws -> Value? {
        let result: Any??
        switch type {
        case is String.Type: result = .some(text(value))
        case is Bool.Type: result = .some(bool(value))
        case is Double.Type: result = .some(double(value))
        case is Float.Type: result = .some(double(value).map { Float($0) })
        case is Date.Type: result = .some(date(value))
        case is UUID.Type: result = .some(text(value).flatMap { UUID(uuidString: $0) })
        case is [UInt8].Type: result = .some(bytes(value))
        case is Data.Type: result = .some(bytes(value).map { Data($0) })
        case let integer as any FixedWidthInteger.Type: result = .some(self.integer(integer, value))
        default: result = .none
        }
        guard let result else { return nil }
        guard let decoded = result as? Value else {
            throw DecodingError.typeMismatch(
                type, .init(codingPath: path, debugDescription: "the column holds \(value), which is no \(type)"))
        }
        return decoded
    }

    private static func text(_ value: SQLValue) -> String? {
        switch value {
        case .text(let text): text
        case .int(let int): String(int)
        default: nil
        }
    }

    private static func bool(_ value: SQLValue) -> Bool? {
        switch value {
        case .bool(let bool): bool
        case .int(let int) where int == 0 || int == 1: int == 1
        default: nil
        }
    }

    private static func double(_ value: SQLValue) -> Double? {
        switch value {
        case .double(let double): double
        case .int(let int): Double(int)
        case .text(let text): Double(text)
        default: nil
        }
    }

    private static func integer<Integer: FixedWidthInteger>(_ type: Integer.Type, _ value: SQLValue) -> Any? {
        let result: Integer? =
            switch value {
            case .int(let int): Integer(exactly: int)
            case .bool(let bool): bool ? 1 : 0
            case .text(let text): Integer(text)
            default: nil
            }
        return result.map { $0 as Any }
    }

    private static func date(_ value: SQLValue) -> Date? {
        switch value {
        case .text(let text): SQLDate.parse(text)
        case .int(let seconds): Date(timeIntervalSince1970: Double(seconds))
        case .double(let seconds): Date(timeIntervalSince1970: seconds)
        default: nil
        }
    }

    private static func bytes(_ value: SQLValue) -> [UInt8]? {
        switch value {
        case .bytes(let bytes): bytes
        case .text(let text): Array(text.utf8)
        default: nil
        }
    }
}
