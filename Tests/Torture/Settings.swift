import Foundation

/// What the command line says.
struct Settings: Sendable {
    static let usage = """
        usage: Torture [--minutes N] [--only SCENARIO,…] [--seed S] [--share] [--match TEXT] [--folder PATH] [--port N]

          --minutes  stop after so long; what is complete before that goes on with other chances (default: each scenario once, in full)
          --only     of \(Torture.names.joined(separator: ", "))
          --seed     for what is left to chance (default: another each time, and printed)
          --share    the short version of everything that fits each commit
          --match    of the boundaries only those whose description holds this text
          --folder   where servers and diaries are kept, empty or not there yet (default: a temporary folder that is removed in the end)
          --port     the first of twenty ports for the servers (default: any that are free)
        """

    struct UsageError: Error { var message: String }

    var minutes: Double?
    var only: Set<String> = []
    var seed: UInt64
    var isShare = false
    var match = ""
    var folder: String?
    var port: Int?

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        var seed: UInt64?
        while let option = rest.popFirst() {
            if option == "--share" {
                isShare = true
                continue
            }
            guard ["--minutes", "--only", "--seed", "--match", "--folder", "--port"].contains(option) else {
                throw UsageError(message: "unknown option '\(option)'")
            }
            guard let value = rest.popFirst() else { throw UsageError(message: "\(option) needs a value") }
            switch option {
            case "--minutes": minutes = try Self.number(value)
            case "--only": only = Set(value.split(separator: ",").map(String.init))
            case "--seed": seed = try Self.number(value)
            case "--match": match = value
            case "--port": port = try Self.number(value)
            default: folder = value
            }
        }
        if let unknown = only.subtracting(Torture.names).first { throw UsageError(message: "unknown scenario '\(unknown)'") }
        self.seed = seed ?? .random(in: 1...999_999)
    }

    private static func number<Number: LosslessStringConvertible>(_ text: String) throws(UsageError) -> Number {
        guard let number = Number(text) else { throw UsageError(message: "'\(text)' is not a number") }
        return number
    }
}
