/// What was asked for on the command line.
enum Request: Equatable {
    case help
    case version(StoreAddress?)
    case migrate(StoreAddress)

    static let usage = """
        usage: perdure migrate URL [--schema NAME]   creates the tables, or brings them up to date
               perdure version [URL [--schema NAME]] prints the version of this library, and of the tables there
               perdure help                          prints this

        URL is postgresql://user@host/database (with all that libpq knows), sqlite:PATH, or a path that ends in .db or .sqlite.
        --schema is the Postgres schema that holds the tables; "perdure" if it is not given.

        """

    /// What cannot be understood.
    struct UsageError: Error, Equatable { var message: String }

    init(_ arguments: [String]) throws(UsageError) {
        var words: [String] = []
        var schema: String?
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--schema" || word.hasPrefix("--schema=") {
                schema = word == "--schema" ? rest.popFirst() : String(word.dropFirst("--schema=".count))
                guard schema?.isEmpty == false else { throw UsageError(message: "--schema needs the name of a schema") }
            } else if word == "--help" || word == "-h" {
                words = ["help"]
                break
            } else if word.hasPrefix("-") {
                throw UsageError(message: "unknown option '\(word)'")
            } else {
                words.append(word)
            }
        }
        switch (words.first, words.count) {
        case (nil, _), ("help", _): self = .help
        case ("version", 1): self = .version(nil)
        case ("version", 2): self = .version(try StoreAddress(words[1], schema: schema))
        case ("migrate", 2): self = .migrate(try StoreAddress(words[1], schema: schema))
        case ("migrate", 1): throw UsageError(message: "migrate needs the URL of a database")
        case ("migrate", _), ("version", _): throw UsageError(message: "there is one URL at most")
        case (let command?, _): throw UsageError(message: "unknown command '\(command)'")
        }
    }
}
