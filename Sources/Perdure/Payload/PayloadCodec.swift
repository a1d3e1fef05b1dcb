internal import FoundationEssentials

/// What can be checkpointed: inputs, results, errors, progress.
public typealias Payload = Codable & Sendable

/// Turns values into the bytes that are stored, and back.
///
/// The number is stored beside the bytes, so that old rows stay readable when the codec is changed, and so that a row never chooses
/// what code decodes it: an unknown number is an error.
public protocol PayloadCodec: Sendable {
    /// Stored with each payload; 0 to 99 are the library's own.
    var number: Int16 { get }
    /// The bytes of a value.
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8]
    /// The value of the bytes.
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value
}

extension PayloadCodec where Self == JSONPayloadCodec {
    /// Foundation's JSON with its default strategies, which give back exactly what went in.
    public static var json: JSONPayloadCodec { JSONPayloadCodec() }
}

/// The default codec: JSON, so that views and `psql` can show what is stored.
public struct JSONPayloadCodec: PayloadCodec {
    /// Makes the codec.
    public init() {}

    /// 1.
    public var number: Int16 { 1 }

    /// As UTF-8 text, keys in order, so that one value is always the same bytes.
    ///
    /// A number that is not finite throws.
    public func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        Array(try Self.encoder.encode(value))
    }

    /// From UTF-8 text.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try unsafe bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return try Self.decoder.decode(type, from: Data()) }
            // Foundation reads the bytes only during the call, so they need not be copied for it.
            let data = unsafe Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: buffer.count, deallocator: .none)
            return try Self.decoder.decode(type, from: data)
        }
    }

    // Never changed after this, and safe to use from many threads: to make one for each step is a tenth of the step's JSON.
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return encoder
    }()
    private static let decoder = JSONDecoder()
}

/// The codec in use, and the limit that applies after encoding.
package struct PayloadCoder: Sendable {
    package var codec: any PayloadCodec
    package var limit: Int

    package init(codec: any PayloadCodec = .json, limit: Int = 2 << 20) {
        self.codec = codec
        self.limit = limit
    }

    var isJSON: Bool { codec is JSONPayloadCodec }

    package func encode<Value: Encodable>(_ value: Value, what: @autoclosure () -> String) throws(WorkflowError) -> EncodedPayload {
        let bytes: [UInt8]
        do {
            bytes = try codec.encode(value)
        } catch {
            throw WorkflowError(.unencodable, "\(what()) cannot be encoded: \(error)")
        }
        guard bytes.count <= limit else {
            throw WorkflowError(
                .payloadTooLarge,
                "\(what()) is \(bytes.count) bytes, and the limit is \(limit): store it elsewhere and pass a reference, or raise `payloadLimit`"
            )
        }
        return EncodedPayload(codec: codec.number, bytes: bytes)
    }

    package func decode<Value: Decodable>(
        _ type: Value.Type, from payload: EncodedPayload?, what: @autoclosure () -> String
    ) throws(WorkflowError) -> Value {
        guard let payload, payload.codec != 0 else {
            throw WorkflowError(.undecodable, "\(what()) holds nothing, where \(type) was expected")
        }
        do {
            if payload.codec == codec.number { return try codec.decode(type, from: payload.bytes) }
            if payload.codec == 1 { return try JSONPayloadCodec().decode(type, from: payload.bytes) }
        } catch {
            throw WorkflowError(.undecodable, "\(what()) cannot be decoded as \(type): \(error)")
        }
        throw WorkflowError(.undecodable, "\(what()) was encoded by codec \(payload.codec), which this process does not have")
    }
}
