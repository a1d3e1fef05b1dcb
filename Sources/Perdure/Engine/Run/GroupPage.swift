internal import FoundationEssentials

/// How one of the children that were started together has ended, as its parent's history holds it.
struct GroupMember: Sendable, Equatable {
    /// Its place in the group.
    var index: Int
    var status: OutcomeStatus
    /// The output, or the error.
    var payload: EncodedPayload?
}

/// The output of a row that records ends.
///
/// It is JSON, for people and exports: `[[place, status, codec, length, payload], …]`, where a payload that is JSON stands as it is, any other in base64, and
/// the length is that of the text: so it is read without looking into the payloads.
enum GroupPage {
    static func encoded(_ members: [GroupMember]) -> EncodedPayload {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        for member in members {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += "[\(member.index),\(member.status.rawValue)".utf8
            if let payload = member.payload {
                let text = payload.codec == 1 ? payload.bytes : Array("\"\(Data(payload.bytes).base64EncodedString())\"".utf8)
                bytes += ",\(payload.codec),\(text.count),".utf8
                bytes += text
            }
            bytes.append(UInt8(ascii: "]"))
        }
        bytes.append(UInt8(ascii: "]"))
        return EncodedPayload(codec: 1, bytes: bytes)
    }

    /// nil if it is not what `encoded` makes.
    static func members(_ payload: EncodedPayload) -> [GroupMember]? {
        guard payload.codec == 1 else { return nil }
        var reader = Reader(bytes: payload.bytes)
        return reader.members()
    }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0

        mutating func members() -> [GroupMember]? {
            guard skip("[") else { return nil }
            var members: [GroupMember] = []
            repeat {
                guard skip("["), let member = member(), skip("]") else { return nil }
                members.append(member)
            } while skip(",")
            return skip("]") && index == bytes.count ? members : nil
        }

        private mutating func member() -> GroupMember? {
            guard let place = number(), skip(","),
                let status = number().flatMap({ Int16(exactly: $0) }).flatMap(OutcomeStatus.init(rawValue:))
            else { return nil }
            guard skip(",") else { return GroupMember(index: place, status: status) }
            guard let codec = number().flatMap({ Int16(exactly: $0) }), skip(","), let length = number(), skip(","),
                let text = take(length), let bytes = codec == 1 ? text : decoded(text)
            else { return nil }
            return GroupMember(index: place, status: status, payload: EncodedPayload(codec: codec, bytes: bytes))
        }

        private func decoded(_ text: [UInt8]) -> [UInt8]? {
            guard text.count >= 2 else { return nil }
            return Data(base64Encoded: Data(text.dropFirst().dropLast())).map(Array.init)
        }

        private mutating func take(_ length: Int) -> [UInt8]? {
            guard length >= 0, length <= bytes.count - index else { return nil }
            defer { index += length }
            return Array(bytes[index..<index + length])
        }

        private mutating func number() -> Int? {
            let start = index
            while index < bytes.count, bytes[index] == UInt8(ascii: "-") || (48...57).contains(bytes[index]) { index += 1 }
            return Int(String(decoding: bytes[start..<index], as: UTF8.self))
        }

        private mutating func skip(_ character: Character) -> Bool {
            guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
            index += 1
            return true
        }
    }
}
