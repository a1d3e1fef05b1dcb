package import FoundationEssentials

/// Moments as text in ISO 8601.
package enum MomentText {
    /// As it is stored, `2026-01-31T02:00:00Z`, with a fraction where there is one; nil for what has no place in four digits of a year.
    package static func text(_ date: Date) -> String? { microseconds(date).flatMap(text) }

    package static func text(_ moment: Microseconds) -> String? {
        // Years 1 to 9999.
        guard (-62_135_596_800_000_000..<253_402_300_800_000_000).contains(moment) else { return nil }
        return ScheduledID.time(moment)
    }

    /// To the nearest microsecond.
    package static func microseconds(_ date: Date) -> Microseconds? {
        Microseconds(exactly: (date.timeIntervalSince1970 * 1_000_000).rounded())
    }

    /// What has no place among microseconds is at the end of time.
    package static func clamped(_ date: Date) -> Microseconds {
        let seconds = date.timeIntervalSince1970
        return microseconds(date) ?? (seconds < 0 ? .min : .max)
    }

    package static func date(_ moment: Microseconds) -> Date { Date(timeIntervalSince1970: Double(moment) / 1_000_000) }

    /// The moment of text that is one as it is stored, whoever wrote it: `2026-01-31T02:00:00Z`, with at most six digits of a fraction.
    package static func microseconds(_ text: String) -> Microseconds? {
        guard (20...27).contains(text.utf8.count), text.utf8.last == UInt8(ascii: "Z") else { return nil }
        return parse(text)
    }

    /// What people write: a day, or a day and a time with or without seconds, a fraction and a zone; without a zone it is UTC.
    package static func parse(_ text: String) -> Microseconds? {
        var scanner = Scanner(rest: Array(text.utf8)[...])
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2), scanner.skip("-"),
            let day = scanner.number(2),
            year >= 1, let days = days(year, month, day)
        else { return nil }
        let midnight = Microseconds(days) * 86_400_000_000
        if scanner.rest.isEmpty { return midnight }
        guard scanner.skip("T") || scanner.skip(" "), let time = scanner.time(), let offset = scanner.zone(), scanner.rest.isEmpty else {
            return nil
        }
        return midnight + time - offset
    }

    /// nil for a day that is in no calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        let number = CivilDay.number(year: year, month: month, day: day)
        return CivilDay.date(ofNumber: number) == (year, month, day) ? number : nil
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ character: Character) -> Bool {
            guard let first = rest.first, first == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ digits: Int) -> Int? {
            guard rest.count >= digits else { return nil }
            var value = 0
            for byte in rest.prefix(digits) {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            rest.removeFirst(digits)
            return value
        }

        mutating func time() -> Microseconds? {
            guard let hour = number(2), hour < 24, skip(":"), let minute = number(2), minute < 60 else { return nil }
            var time = Microseconds(hour * 3600 + minute * 60) * 1_000_000
            guard skip(":") else { return time }
            guard let second = number(2), second < 60 else { return nil }
            time += Microseconds(second) * 1_000_000
            guard skip(".") else { return time }
            var scale: Microseconds = 1_000_000
            while let digit = number(1) {
                guard scale > 1 else { return nil }
                scale /= 10
                time += Microseconds(digit) * scale
            }
            return scale == 1_000_000 ? nil : time
        }

        mutating func zone() -> Microseconds? {
            if rest.isEmpty || skip("Z") { return 0 }
            let sign: Microseconds = skip("-") ? -1 : skip("+") ? 1 : 0
            guard sign != 0, let hours = number(2), hours < 24 else { return nil }
            if rest.isEmpty { return sign * Microseconds(hours) * 3_600_000_000 }
            _ = skip(":")
            guard let minutes = number(2), minutes < 60 else { return nil }
            return sign * Microseconds(hours * 60 + minutes) * 60_000_000
        }
    }
}
