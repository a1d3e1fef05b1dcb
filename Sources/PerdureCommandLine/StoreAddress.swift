internal import Perdure
internal import PerdureCommand
internal import PerdurePostgres
internal import PerdureSQLite

/// Where a store is, as it is written on the command line.
enum StoreAddress: Equatable {
    case postgres(url: String, schema: String)
    case sqlite(path: String)

    init(_ text: String, schema: String?) throws(Request.UsageError) {
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .postgres(url: text, schema: schema ?? "perdure")
            return
        }
        let path: String
        if text.hasPrefix("sqlite:") {
            // `sqlite:///tmp/x.db` and `sqlite:/tmp/x.db` are the same.
            let rest = text.dropFirst("sqlite:".count)
            path = String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest)
        } else if text.hasSuffix(".db") || text.hasSuffix(".sqlite"), !text.contains("://") {
            path = text
        } else {
            throw Request.UsageError(
                message:
                    "'\(Self.scheme(of: text))' is no address of a store: postgresql://…, sqlite:PATH, or a path that ends in .db or .sqlite"
            )
        }
        guard !path.isEmpty else { throw Request.UsageError(message: "'\(text)' has no path") }
        guard schema == nil else { throw Request.UsageError(message: "--schema is for Postgres; an SQLite file has none") }
        self = .sqlite(path: path)
    }

    /// Not all of a URL, which may hold a password.
    private static func scheme(of text: String) -> String {
        guard let end = text.firstIndex(of: ":") else { return text }
        return String(text[...end]) + "…"
    }

    var store: Store {
        switch self {
        case .postgres(let url, let schema): .postgres(url, schema: schema)
        case .sqlite(let path): .sqlite(path)
        }
    }
}
