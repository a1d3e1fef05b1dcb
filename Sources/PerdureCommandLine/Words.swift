internal import Perdure

/// A command line, taken apart.
struct Words {
    private static let flagNames: Set = ["--json", "--dry-run", "--detach", "--help"]
    private static let valueNames: Set = [
        "--schema", "--limit", "--because", "--by", "--rate", "--id", "--step", "--version", "--value", "--message",
    ]

    private(set) var words: [String] = []
    private(set) var flags: Set<String> = []
    private(set) var values: [String: String] = [:]

    init(_ arguments: [String]) throws(Request.UsageError) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if word == "-h" {
                flags.insert("--help")
            } else if Self.flagNames.contains(word) {
                flags.insert(word)
            } else if let name = parts.first, Self.valueNames.contains(name) {
                let value = parts.count == 2 ? parts[1] : rest.popFirst()
                guard let value, !value.isEmpty else {
                    throw Request.UsageError(message: name == "--schema" ? "--schema needs the name of a schema" : "\(name) needs a value")
                }
                values[name] = value
            } else if word.hasPrefix("-") {
                throw Request.UsageError(message: "unknown option '\(word)'")
            } else {
                words.append(word)
            }
        }
    }

    /// Refuses options that mean nothing to the command.
    func allow(_ options: Set<String>) throws(Request.UsageError) {
        if let other = flags.union(values.keys).subtracting(options).subtracting(["--schema"]).sorted().first {
            throw Request.UsageError(message: "'\(words.first ?? "")' has no option \(other)")
        }
    }

    func address(_ url: String?) throws(Request.UsageError) -> StoreAddress {
        guard let url else { throw Request.UsageError(message: "\(words.first ?? "") needs the URL of a database") }
        return try StoreAddress(url, schema: values["--schema"])
    }

    func count(_ option: String) throws(Request.UsageError) -> Int? {
        guard let text = values[option] else { return nil }
        guard let number = Int(text), number > 0, number < .max else {
            throw Request.UsageError(message: "\(option) needs a number from 1 up, not '\(text)'")
        }
        return number
    }

    func rate(_ option: String) throws(Request.UsageError) -> Double? {
        guard let text = values[option] else { return nil }
        guard let rate = Double(text), rate > 0, rate.isFinite else {
            throw Request.UsageError(message: "\(option) needs a number above zero, 0.1 for one in ten seconds, not '\(text)'")
        }
        return rate
    }
}

extension WorkflowFilter {
    /// Of a command line: `all` is every workflow.
    init(word: String) throws(Request.UsageError) {
        if word.lowercased() == "all" {
            self = .all
            return
        }
        do throws(FilterError) {
            try self.init(parsing: word)
        } catch {
            throw Request.UsageError(message: "\(error)")
        }
    }
}
