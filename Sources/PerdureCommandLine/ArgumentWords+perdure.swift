internal import Perdure
internal import PerdureCommand

// The options of `perdure`.
extension ArgumentWords {
    init(ofPerdure arguments: [String]) throws(UsageError) {
        try self.init(
            arguments, flags: ["--json", "--dry-run", "--detach", "--help"],
            values: [
                "--schema", "--limit", "--because", "--by", "--rate", "--id", "--step", "--version", "--value", "--message",
            ])
    }

    func address(_ url: String?) throws(UsageError) -> StoreAddress {
        guard let url else { throw UsageError(message: "\(words.first ?? "") needs the URL of a database") }
        return try StoreAddress(url, schema: values["--schema"])
    }

    func rate(_ option: String) throws(UsageError) -> Double? {
        guard let text = values[option] else { return nil }
        guard let rate = Double(text), rate > 0, rate.isFinite else {
            throw UsageError(message: "\(option) needs a number above zero, 0.1 for one in ten seconds, not '\(text)'")
        }
        return rate
    }
}

extension WorkflowFilter {
    /// Of a command line: `all` is every workflow.
    init(orAll word: String) throws(Request.UsageError) {
        if word.lowercased() == "all" { self = .all } else { try self.init(word: word) }
    }
}
