internal import Perdure
internal import PerdureCommand

/// What was asked for on the command line.
enum Request: Equatable {
    case help
    case version(StoreAddress?)
    case migrate(StoreAddress)
    case list(StoreAddress, ListOptions)
    case bulk(StoreAddress, BulkOptions)

    static let usage = """
        usage: perdure migrate URL            creates the tables, or brings them up to date
               perdure version [URL]          prints the version of this library, and of the tables there
               perdure list URL [FILTER]      lists workflows, the newest first, and writes nothing
                 [--limit N]                    so many at most: 50 if it is not given
                 [--json]                       a line of JSON for each
               perdure bulk URL ACTION FILTER does something to all workflows that match, and shows how far it is
                 --because REASON               recorded with each workflow
                 [--by NAME]                    who does it: the user of this machine if it is not given
                 [--rate N]                     so many in each second at most: 100 if it is not given
                 [--id ID]                      the same work under it again is the one that is there
                 [--dry-run]                    counts them and shows some, and writes nothing
                 [--detach]                     does not wait for the end
               perdure help                   prints this

        URL is postgresql://user@host/database (with all that libpq knows), sqlite:PATH, or a path that ends in .db or .sqlite.
        [--schema NAME] is the Postgres schema that holds the tables; "perdure" if it is not given.

        FILTER is 'status = failed and started > -1h and customer = "acme"', say; for every workflow 'all'.
        ACTION is cancel, terminate, pause, resume, retry-now, rewind, restart,
          fork --step KEY [--version V], skip --step KEY, complete --step KEY [--value JSON], or fail --step KEY --message TEXT.
        Bulk work is done by the engines, of which one must be alive; it goes on when this command is stopped.

        It ends with 0; with 1 when the database says no, or bulk work has failures; with 2 when it was not understood.

        """

    /// What cannot be understood.
    typealias UsageError = ArgumentWords.UsageError

    init(_ arguments: [String]) throws(UsageError) {
        let words = try ArgumentWords(ofPerdure: arguments)
        if words.flags.contains("--help") { self = .help } else { self = try Self.request(words) }
    }

    private static func request(_ words: ArgumentWords) throws(UsageError) -> Request {
        let (command, rest) = (words.words.first ?? "help", Array(words.words.dropFirst()))
        switch command {
        case "help": return .help
        case "version":
            try words.allow(["--schema"])
            guard rest.count < 2 else { throw UsageError(message: "there is one URL at most") }
            return .version(try rest.first.map { url throws(UsageError) in try words.address(url) })
        case "migrate":
            try words.allow(["--schema"])
            guard rest.count < 2 else { throw UsageError(message: "there is one URL at most") }
            return .migrate(try words.address(rest.first))
        case "list":
            try words.allow(["--schema", "--limit", "--json"])
            guard rest.count < 3 else { throw UsageError(message: "'\(rest[2])' is a word too many: put the filter into quotes") }
            return .list(try words.address(rest.first), try ListOptions(rest.dropFirst().first, words))
        case "bulk":
            try words.allow(BulkOptions.names)
            guard rest.count < 4 else { throw UsageError(message: "'\(rest[3])' is a word too many: put the filter into quotes") }
            return .bulk(try words.address(rest.first), try BulkOptions(Array(rest.dropFirst()), words))
        default: throw UsageError(message: "unknown command '\(command)'")
        }
    }
}
