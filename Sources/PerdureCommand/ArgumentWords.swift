package import Perdure

/// A command line, taken apart.
package struct ArgumentWords {
    package private(set) var words: [String] = []
    package private(set) var flags: Set<String> = []
    package private(set) var values: [String: String] = [:]

    /// What cannot be understood.
    package struct UsageError: Error, Equatable {
        package var message: String

        package init(message: String) { self.message = message }
    }

    /// - Parameters:
    ///   - flagNames: Options that stand alone.
    ///   - valueNames: Options that have a value, behind them or behind `=`.
    package init(_ arguments: [String], flags flagNames: Set<String>, values valueNames: Set<String>) throws(UsageError) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if word == "-h" {
                flags.insert("--help")
            } else if flagNames.contains(word) {
                flags.insert(word)
            } else if let name = parts.first, valueNames.contains(name) {
                let value = parts.count == 2 ? parts[1] : rest.popFirst()
                guard let value, !value.isEmpty else { throw UsageError(message: "\(name) needs a value") }
                guard values.updateValue(value, forKey: name) == nil else { throw UsageError(message: "\(name) is there twice") }
            } else if word.hasPrefix("-") {
                throw UsageError(message: "unknown option '\(word)'")
            } else {
                words.append(word)
            }
        }
    }

    /// Refuses options that mean nothing to the command.
    package func allow(_ options: Set<String>, orElse command: String = "") throws(UsageError) {
        if let other = flags.union(values.keys).subtracting(options).sorted().first {
            throw UsageError(message: "'\(words.first ?? command)' has no option \(other)")
        }
    }

    package func number(_ option: String) throws(UsageError) -> Int? {
        guard let text = values[option] else { return nil }
        guard let number = Int(text), number > 0, number < .max else {
            throw UsageError(message: "\(option) needs a number from 1 up, not '\(text)'")
        }
        return number
    }
}

extension WorkflowFilter {
    /// - Parameter option: Where it stands, for the error; empty if it stands for itself.
    package init(word: String, of option: String = "") throws(ArgumentWords.UsageError) {
        do throws(FilterError) {
            try self.init(parsing: word)
        } catch {
            throw ArgumentWords.UsageError(message: option.isEmpty ? "\(error)" : "\(option): \(error)")
        }
    }
}
