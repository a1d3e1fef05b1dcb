internal import Foundation
internal import Perdure

/// A command line, taken apart.
struct CommandWords {
    private static let flagNames: Set = ["--all-versions", "--strict", "--json", "--help"]
    private static let valueNames: Set = ["--workflow", "--where", "--since", "--limit", "--from", "--export", "--time-limit"]

    private(set) var words: [String] = []
    private(set) var flags: Set<String> = []
    private(set) var values: [String: String] = [:]

    init(_ arguments: [String]) throws(CommandRequest.UsageError) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if word == "-h" {
                flags.insert("--help")
            } else if Self.flagNames.contains(word) {
                flags.insert(word)
            } else if let name = parts.first, Self.valueNames.contains(name) {
                let value = parts.count == 2 ? parts[1] : rest.popFirst()
                guard let value, !value.isEmpty else { throw CommandRequest.UsageError(message: "\(name) needs a value") }
                guard values.updateValue(value, forKey: name) == nil else {
                    throw CommandRequest.UsageError(message: "\(name) is there twice")
                }
            } else if word.hasPrefix("-") {
                throw CommandRequest.UsageError(message: "unknown option '\(word)'")
            } else {
                words.append(word)
            }
        }
    }

    /// Refuses options that mean nothing to the command.
    func allow(_ options: Set<String>, count: Int) throws(CommandRequest.UsageError) {
        if let other = (flags.union(values.keys)).subtracting(options).sorted().first {
            throw CommandRequest.UsageError(message: "'\(words.first ?? "run")' has no option \(other)")
        }
        if words.count > count { throw CommandRequest.UsageError(message: "'\(words[count])' is a word too many") }
    }

    func number(_ option: String) throws(CommandRequest.UsageError) -> Int? {
        guard let text = values[option] else { return nil }
        guard let number = Int(text), number > 0 else {
            throw CommandRequest.UsageError(message: "\(option) needs a number from 1 up, not '\(text)'")
        }
        return number
    }

    /// In the language of filters.
    func filter(_ option: String) throws(CommandRequest.UsageError) -> WorkflowFilter? {
        guard let text = values[option] else { return nil }
        do throws(FilterError) {
            return try WorkflowFilter(parsing: text)
        } catch {
            throw CommandRequest.UsageError(message: "\(option): \(error)")
        }
    }

    func timeLimit() throws(CommandRequest.UsageError) -> Duration? {
        guard let text = values["--time-limit"] else { return .seconds(10) }
        if text == "none" { return nil }
        guard let limit = Self.duration(text) else {
            throw CommandRequest.UsageError(message: "--time-limit needs a time as 500ms, 30s, 2m, or none, not '\(text)'")
        }
        return limit
    }

    /// A day, a moment, or so long before now.
    func moment(_ option: String, _ now: Date) throws(CommandRequest.UsageError) -> Date? {
        guard let text = values[option] else { return nil }
        if let ago = Self.duration(text) { return now.addingTimeInterval(-(ago / .seconds(1))) }
        if let moment = try? Date(text, strategy: .iso8601) { return moment }
        if let day = try? Date(text, strategy: .iso8601.year().month().day()) { return day }
        throw CommandRequest.UsageError(
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
