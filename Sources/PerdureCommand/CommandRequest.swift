internal import Foundation
internal import Perdure

/// What was asked for on the command line.
enum CommandRequest: Equatable {
    case help
    case run
    case check(CheckOptions)
    case replay(ReplayOptions)

    static let usage = """
        usage: run                  runs the workflows until SIGTERM or SIGINT; the same without a command
               check-deploy         replays every open workflow against this build, and writes nothing
                 [--workflow NAME]    those of one type
                 [--where FILTER]     those of which it is true: 'customer = "acme" and started > -7d'
                 [--since WHEN]       those started since then: 2026-01-31, 2026-01-31T12:00:00Z, or 30m, 12h, 7d ago
                 [--limit N]          so many at most, the oldest first
                 [--all-versions]     also those of versions that this build is not configured to run
                 [--strict]           workflows of types that this build does not have are an error, too
                 [--from FILE]        those in a file of exported histories, without a database
                 [--export FILE]      writes the histories that are checked into a file
                 [--time-limit TIME]  how long one may take: 10s if it is not given, 500ms, none
                 [--json]             a line of JSON for each that would not go on, and one for the sum
               replay FILE|ID       replays one workflow, or those in a file, and shows the history
                 [--time-limit TIME]
               help                 prints this

        check-deploy ends with 0 if this build would go on with all of them, 1 if not, 2 if that could not be found out.

        """

    /// What cannot be understood.
    typealias UsageError = ArgumentWords.UsageError

    init(_ arguments: [String], now: Date) throws(UsageError) {
        let words = try ArgumentWords(ofCommand: arguments)
        if words.flags.contains("--help") { self = .help } else { self = try Self.request(words, now) }
    }

    private static func request(_ words: ArgumentWords, _ now: Date) throws(UsageError) -> CommandRequest {
        switch words.words.first ?? "run" {
        case "help": return .help
        case "run":
            try words.allow([], count: 1)
            return .run
        case "check-deploy":
            try words.allow(
                [
                    "--workflow", "--where", "--since", "--limit", "--all-versions", "--strict", "--from", "--export", "--time-limit",
                    "--json",
                ], count: 1)
            return .check(try CheckOptions(words, now))
        case "replay":
            try words.allow(["--time-limit"], count: 2)
            guard words.words.count == 2 else { throw UsageError(message: "replay needs the id of a workflow, or a file") }
            return .replay(ReplayOptions(target: words.words[1], timeLimit: try words.timeLimit()))
        case let command: throw UsageError(message: "unknown command '\(command)'")
        }
    }
}

/// What `check-deploy` is to look at, and how.
struct CheckOptions: Equatable {
    var workflow: String?
    var filter: WorkflowFilter?
    var since: Date?
    var limit: Int?
    var allVersions = false
    var isStrict = false
    var source: String?
    var export: String?
    var timeLimit: Duration? = .seconds(10)
    var isJSON = false

    init() {}

    init(_ words: ArgumentWords, _ now: Date) throws(CommandRequest.UsageError) {
        workflow = words.values["--workflow"]
        filter = try words.filter("--where")
        since = try words.moment("--since", now)
        limit = try words.number("--limit")
        allVersions = words.flags.contains("--all-versions")
        isStrict = words.flags.contains("--strict")
        source = words.values["--from"]
        if source != nil, filter != nil {
            throw CommandRequest.UsageError(message: "--where asks the database, and --from does without one: choose when you --export")
        }
        export = words.values["--export"]
        timeLimit = try words.timeLimit()
        isJSON = words.flags.contains("--json")
    }
}

/// What `replay` is to look at.
struct ReplayOptions: Equatable {
    /// A file, or the id of a workflow.
    var target: String
    var timeLimit: Duration?
}
