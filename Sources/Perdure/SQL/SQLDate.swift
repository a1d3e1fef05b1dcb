package import FoundationEssentials

/// Dates as SQL text, both ways: `2026-11-20 09:30:00.123456+00`.
package enum SQLDate {
    /// What has no place in the calendar becomes a word, which Postgres knows (`infinity`) or refuses (`nan`).
    package static func format(_ date: Date) -> String {
        let exact = (date.timeIntervalSince1970 * 1_000_000).rounded()
        guard let micros = Int64(exactly: exact) else { return exact.isNaN ? "nan" : exact < 0 ? "-infinity" : "infinity" }
        let (days, time) = micros.dividedDown(by: 86_400_000_000)
        let (year, month, day) = CivilDay.date(ofNumber: Int(days))
        let seconds = time / 1_000_000
        return pad(Int64(year), 4) + "-" + pad(Int64(month), 2) + "-" + pad(Int64(day), 2) + " " + pad(seconds / 3600, 2) + ":"
            + pad(seconds / 60 % 60, 2) + ":" + pad(seconds % 60, 2) + "." + pad(time % 1_000_000, 6) + "+00"
    }

    /// Accepts a space or a `T`, a fraction or none, and `Z`, `+hh`, `+hh:mm` or no zone (then UTC).
    package static func parse(_ text: String) -> Date? {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.number(digits: 4), scanner.skip("-"), let month = scanner.number(digits: 2), scanner.skip("-"),
            let day = scanner.number(digits: 2)
        else { return nil }
        var micros = Int64(CivilDay.number(year: Int(year), month: Int(month), day: Int(day))) * 86_400_000_000
        if scanner.skip(" ") || scanner.skip("T") {
            guard let hour = scanner.number(digits: 2), scanner.skip(":"), let minute = scanner.number(digits: 2) else { return nil }
            micros += (hour * 3600 + minute * 60) * 1_000_000
            if scanner.skip(":") {
                guard let second = scanner.number(digits: 2) else { return nil }
                micros += second * 1_000_000
            }
            if scanner.skip(".") { micros += scanner.fraction() }
            guard let offset = scanner.zone() else { return nil }
            micros -= offset * 1_000_000
        }
        guard scanner.isAtEnd else { return nil }
        return Date(timeIntervalSince1970: Double(micros) / 1_000_000)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        var isAtEnd: Bool { index == bytes.count }

        mutating func skip(_ character: Character) -> Bool {
            guard index < bytes.count, bytes[index] == character.asciiValue else { return false }
            index += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard index < bytes.count, bytes[index] >= 48, bytes[index] <= 57 else { return nil }
            defer { index += 1 }
            return Int64(bytes[index] - 48)
        }

        mutating func number(digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// Microseconds; further digits are dropped.
        mutating func fraction() -> Int64 {
            var value: Int64 = 0
            var count = 0
            while let digit = digit() {
                if count < 6 { value = value * 10 + digit }
                count += 1
            }
            while count < 6 {
                value *= 10
                count += 1
            }
            return value
        }

        /// Seconds east of UTC.
        mutating func zone() -> Int64? {
            if isAtEnd || skip("Z") { return 0 }
            let sign: Int64 = skip("-") ? -1 : skip("+") ? 1 : 0
            guard sign != 0, let hours = number(digits: 2) else { return nil }
            guard !isAtEnd else { return sign * hours * 3600 }
            _ = skip(":")
            guard let minutes = number(digits: 2) else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }
}
