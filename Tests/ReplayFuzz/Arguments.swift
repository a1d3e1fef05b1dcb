internal import Perdure
internal import ReplayPrograms

/// What was asked on the command line.
struct Arguments: Sendable {
    var command = "help"
    var file: String?
    var programs = 1_000
    var seed: UInt64 = 1
    var crashes = 0
    var maximumInMemory = 20_000
    var hopProfile: UInt64 = 0
    var rules: FlowRules = .all
    var fault: String?

    init(_ words: [String]) {
        var words = words[...]
        command = words.popFirst() ?? "help"
        while let word = words.popFirst() {
            guard word.hasPrefix("--") else {
                file = word
                continue
            }
            guard let value = words.popFirst() else {
                fault = "\(word) needs a value"
                return
            }
            take(word, value)
        }
    }

    private mutating func take(_ option: String, _ value: String) {
        switch (option, Int(value)) {
        case ("--programs", let number?): programs = number
        case ("--seed", let number?): seed = UInt64(bitPattern: Int64(number))
        case ("--crashes", let number?): crashes = number
        case ("--memory", let number?): maximumInMemory = number
        case ("--hops", let number?): hopProfile = UInt64(bitPattern: Int64(number))
        case ("--without", _):
            guard let rule = FlowRules.named(value) else { return fault = "no rule is named '\(value)'" }
            rules.remove(rule)
        default: fault = "'\(option) \(value)' is not understood"
        }
    }
}
