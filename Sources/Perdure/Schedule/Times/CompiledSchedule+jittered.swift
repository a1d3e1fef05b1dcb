package import FoundationEssentials

extension CompiledSchedule {
    /// The nominal moment, put off by its share of the jitter.
    ///
    /// The share comes from the name and the moment alone, so that all processes find the same, and it ends before the next moment.
    package func jittered(_ nominal: Date, name: String) -> Date {
        guard jitter > 0, let moment = nominal.microseconds else { return nominal }
        let gap = next(after: moment).map { $0 - moment } ?? .max
        let delay = Self.hash(name, moment) % UInt64(min(jitter, gap))
        let (delayed, overflow) = moment.addingReportingOverflow(Microseconds(delay))
        return overflow ? nominal : Date(microseconds: delayed)
    }

    /// FNV-1a of 64 bits over the name and the moment, low byte first, and mixed once more: its lowest bits alone are too regular.
    private static func hash(_ name: String, _ moment: Microseconds) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        for shift in stride(from: 0, to: 64, by: 8) {
            hash = (hash ^ (UInt64(bitPattern: moment) >> UInt64(shift) & 0xFF)) &* 0x0000_0100_0000_01B3
        }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        return hash ^ hash >> 32
    }
}
