/// A message of the protocol between client and server, version 3.
struct Message {
    /// 0 for the first message of a client, which has no type.
    let type: UInt8
    /// With type and length.
    let bytes: ArraySlice<UInt8>

    var body: ArraySlice<UInt8> { bytes.dropFirst(type == 0 ? 4 : 5) }

    /// The texts at the beginning of the body, each ended by a zero byte.
    func texts(_ count: Int) -> [String] {
        body.split(separator: 0, maxSplits: count, omittingEmptySubsequences: false).prefix(count).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The SQLSTATE of an ErrorResponse.
    var state: String {
        for field in body.split(separator: 0) where field.first == UInt8(ascii: "C") {
            return String(decoding: field.dropFirst(), as: UTF8.self)
        }
        return ""
    }
}

/// Cuts a stream into messages.
struct MessageReader {
    private var buffer: [UInt8] = []
    private var start = 0
    private var isFirst: Bool

    init(fromClient: Bool) { isFirst = fromClient }

    mutating func append(_ bytes: [UInt8]) {
        buffer.removeFirst(start)
        start = 0
        buffer += bytes
    }

    mutating func next() -> Message? {
        let head = start + (isFirst ? 0 : 1)
        guard buffer.count >= head + 4 else { return nil }
        let end = head + buffer[head..<head + 4].reduce(0) { $0 << 8 | Int($1) }
        guard buffer.count >= end else { return nil }
        defer { (start, isFirst) = (end, false) }
        return Message(type: isFirst ? 0 : buffer[start], bytes: buffer[start..<end])
    }
}
