/// A field of a cron expression, and how it is read.
struct CronField {
    let name: String
    let values: ClosedRange<Int>
    /// Of the values, beginning with the lowest; in capitals.
    var names: [String] = []
    let allowed: String
    var isDay = false

    static let second = CronField(name: "second", values: 0...59, allowed: "0 to 59")
    static let minute = CronField(name: "minute", values: 0...59, allowed: "0 to 59")
    static let hour = CronField(name: "hour", values: 0...23, allowed: "0 to 23")
    static let dayOfMonth = CronField(name: "day of the month", values: 1...31, allowed: "1 to 31, or L for the last one", isDay: true)
    static let month = CronField(
        name: "month", values: 1...12,
        names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        allowed: "1 to 12 or JAN to DEC")
    /// 7 is Sunday, too.
    static let dayOfWeek = CronField(
        name: "day of the week", values: 0...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        allowed: "0 to 7 (0 and 7 are Sunday) or SUN to SAT", isDay: true)

    /// What a field holds.
    struct Content {
        var values: UInt64 = 0
        var hasLast = false
        var ordinals: UInt64 = 0
        /// It begins with `*` or `?`.
        var isOpen = false
    }

    private var isDayOfWeek: Bool { isDay && values.lowerBound == 0 }
    private var count: Int { isDayOfWeek ? 7 : values.count }

    func read(_ text: Substring) throws(WorkflowError) -> Content {
        var content = Content(isOpen: text.hasPrefix("*") || text.hasPrefix("?"))
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard !item.isEmpty else { throw complaint("`\(text)` has a comma too many") }
            try read(item, into: &content)
        }
        return content
    }

    private func read(_ item: Substring, into content: inout Content) throws(WorkflowError) {
        if isDay, try readSpecial(item, into: &content) { return }
        let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let step = parts.count == 2 ? try self.step(parts[1]) : nil
        let range = parts[0]
        let first: Int
        var last: Int
        if range == "*" || (range == "?" && isDay) {
            (first, last) = (values.lowerBound, isDayOfWeek ? 6 : values.upperBound)
        } else if range == "?" {
            throw complaint("`?` stands for a day only; write `*`")
        } else {
            let ends = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            // A step without an end goes on to the end of the field, and from Sunday that is a week.
            first = ends.count == 1 && isDayOfWeek ? try value(ends[0]) % 7 : try value(ends[0])
            last = ends.count == 2 ? try value(ends[1]) : step == nil ? first : isDayOfWeek ? 6 : values.upperBound
            if last < first {
                // Of names anyone sees what is meant; numbers the wrong way round are more often a slip.
                guard !names.isEmpty, ends.contains(where: isName) else {
                    let meant = "\(first)-\(values.upperBound),\(values.lowerBound)-\(last)"
                    throw complaint("the range `\(range)` runs backwards; write `\(meant)` if that is meant")
                }
                last += count
            }
        }
        for value in stride(from: first, through: last, by: step ?? 1) {
            let wrapped = values.lowerBound + (value - values.lowerBound) % count
            content.values |= 1 << UInt64(wrapped)
        }
    }

    /// `L`, `5L` and `5#2`.
    private func readSpecial(_ item: Substring, into content: inout Content) throws(WorkflowError) -> Bool {
        if !isDayOfWeek {
            if item == "L" || item == "l" {
                content.hasLast = true
                return true
            }
            guard !item.uppercased().contains(where: { $0 == "L" || $0 == "W" }) else {
                throw complaint("`\(item)` is not supported; \(allowed) are allowed")
            }
            return false
        }
        if item == "L" || item == "l" { throw complaint("`L` needs its day before it: `5L` is the last Friday of the month") }
        if item.hasSuffix("L") || item.hasSuffix("l") {
            content.ordinals |= DayRule.lastBit(weekday: try value(item.dropLast()) % 7)
            return true
        }
        guard let sign = item.firstIndex(of: "#") else { return false }
        let weekday = try value(item[..<sign]) % 7
        guard let ordinal = number(item[item.index(after: sign)...]), (1...5).contains(ordinal) else {
            throw complaint("`\(item)` must have a number from 1 to 5 after the `#`: `5#2` is the second Friday of the month")
        }
        content.ordinals |= DayRule.ordinalBit(weekday: weekday, ordinal: ordinal)
        return true
    }

    private func value(_ text: Substring) throws(WorkflowError) -> Int {
        if let index = names.firstIndex(of: text.uppercased()) { return values.lowerBound + index }
        guard let value = number(text) else {
            throw complaint(text.isEmpty ? "a value is missing; \(allowed) are allowed" : "`\(text)` is none; \(allowed) are allowed")
        }
        guard values.contains(value) else { throw complaint("`\(text)` is out of range; \(allowed) are allowed") }
        return value
    }

    private func step(_ text: Substring) throws(WorkflowError) -> Int {
        guard let step = number(text), step >= 1 else { throw complaint("the step `\(text)` must be a number of at least 1") }
        // `*/90` would be every hour, which nobody means.
        guard step <= count else {
            throw complaint("the step `\(text)` is longer than the field, which has \(count) values; use an interval (`@every`, `.every`)")
        }
        return step
    }

    private func isName(_ text: Substring) -> Bool { names.contains(text.uppercased()) }

    /// Digits alone; `Int` would take a sign.
    private func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? Int(text) : nil
    }

    private func complaint(_ text: String) -> WorkflowError { WorkflowError(.invalidDeclaration, "in the field \(name), \(text)") }
}
