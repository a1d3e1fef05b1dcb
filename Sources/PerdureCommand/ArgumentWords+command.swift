internal import Foundation
internal import Perdure

// The options of an application's own command.
extension ArgumentWords {
    init(ofCommand arguments: [String]) throws(UsageError) {
        try self.init(
            arguments, flags: ["--all-versions", "--strict", "--json", "--help"],
            values: ["--workflow", "--where", "--since", "--limit", "--from", "--export", "--time-limit"])
    }

    /// Also refuses more words than the command has.
    func allow(_ options: Set<String>, count: Int) throws(UsageError) {
        try allow(options, orElse: "run")
        if words.count > count { throw UsageError(message: "'\(words[count])' is a word too many") }
    }

    /// In the language of filters.
    func filter(_ option: String) throws(UsageError) -> WorkflowFilter? {
        try values[option].map { text throws(UsageError) in try WorkflowFilter(word: text, of: option) }
    }

    func timeLimit() throws(UsageError) -> Duration? {
        guard let text = values["--time-limit"] else { return .seconds(10) }
        if text == "none" { return nil }
        guard let limit = Self.duration(text) else {
            throw UsageError(message: "--time-limit needs a time as 500ms, 30s, 2m, or none, not '\(text)'")
        }
        return limit
    }

    /// A day, a moment, or so long before now.
    func moment(_ option: String, _ now: Date) throws(UsageError) -> Date? {
        guard let text = values[option] else { return nil }
        if let ago = Self.duration(text) { return now.addingTimeInterval(-(ago / .seconds(1))) }
        if let moment = try? Date(text, strategy: .iso8601) { return moment }
        if let day = try? Date(text, strategy: .iso8601.year().month().day()) { return day }
        throw UsageError(
            message: "\(option) needs a day as 2026-01-31, a moment as 2026-01-31T12:00:00Z, or 7d, not '\(text)'")
    }

    private static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits), count < 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(count)
        case "s": return .seconds(count)
        case "m": return .seconds(count * 60)
        case "h": return .seconds(count * 3_600)
        case "d": return .seconds(count * 86_400)
        default: return nil
        }
    }
}
