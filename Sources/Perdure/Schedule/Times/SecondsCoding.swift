internal import FoundationEssentials

/// Durations and moments as plain numbers of seconds, which any language can write.
///
/// They are read to the microsecond, the library's unit: 0.1 must come back as the duration that it was.
extension KeyedDecodingContainer {
    func decodeSecondsIfPresent(forKey key: Key) throws -> Duration? {
        try decodeMicrosecondsIfPresent(forKey: key).map { .microseconds($0) }
    }

    func decodeMomentIfPresent(forKey key: Key) throws -> Date? {
        try decodeMicrosecondsIfPresent(forKey: key).map { Date(microseconds: $0) }
    }

    private func decodeMicrosecondsIfPresent(forKey key: Key) throws -> Microseconds? {
        guard let seconds = try decodeIfPresent(Double.self, forKey: key) else { return nil }
        guard let exact = Microseconds(exactly: (seconds * 1_000_000).rounded()) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "\(seconds) seconds are too many")
        }
        return exact
    }
}
