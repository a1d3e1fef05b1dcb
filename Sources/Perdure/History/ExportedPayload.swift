internal import FoundationEssentials

/// A payload in an export: `{"json": …}`, where these very bytes come of it again; otherwise their text or base64.
struct ExportedPayload: Codable {
    /// Of the codec that made the bytes; left out where it is JSON.
    var codec: Int16?
    var json: JSONValue?
    /// JSON that would lose something by being read and written: numbers of many digits, keys that are there twice, spaces.
    var text: String?
    var base64: String?

    init?(_ payload: EncodedPayload?) {
        guard let payload else { return nil }
        self.init(payload)
    }

    init(_ payload: EncodedPayload) {
        if payload.codec == 1, let value = Self.value(of: payload.bytes) {
            json = value
        } else if payload.codec == 1, let text = String(validating: payload.bytes, as: UTF8.self) {
            self.text = text
        } else {
            codec = payload.codec
            base64 = payload.bytes.isEmpty ? nil : Data(payload.bytes).base64EncodedString()
        }
    }

    /// Nil if the bytes would not come back as they are.
    private static func value(of bytes: [UInt8]) -> JSONValue? {
        let codec = JSONPayloadCodec()
        guard let value = try? codec.decode(JSONValue.self, from: bytes), value != .null, let again = try? codec.encode(value),
            again == bytes
        else { return nil }
        return value
    }

    func payload() throws -> EncodedPayload {
        if let codec {
            guard let base64 else { return EncodedPayload(codec: codec, bytes: []) }
            guard let data = Data(base64Encoded: base64) else { throw HistoryFormatError("a payload is not base64") }
            return EncodedPayload(codec: codec, bytes: Array(data))
        }
        if let text { return EncodedPayload(codec: 1, bytes: Array(text.utf8)) }
        guard let json else { throw HistoryFormatError("a payload has neither `json`, `text` nor `codec`") }
        return EncodedPayload(codec: 1, bytes: try JSONPayloadCodec().encode(json))
    }
}

/// A text that is no export of a history, or one of a newer library.
struct HistoryFormatError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
