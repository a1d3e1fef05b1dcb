internal import CLibPQ
internal import Perdure

/// Where a server is and how it is spoken to: a libpq URL or connection string, and defaults for what it does not say.
struct ServerAddress: Sendable {
    /// As it was given; may hold the password.
    private let url: String
    /// What the URL sets, by libpq's keywords.
    private let settings: [String: String]
    /// Pieces of text that no message may show.
    private let secrets: [String]
    /// Why the URL cannot be used.
    let problem: String?

    init(_ url: String) {
        self.url = url
        secrets = Self.secrets(in: url)
        if let separator = url.range(ofText: "://"), !["postgresql", "postgres"].contains(String(url[..<separator.lowerBound])) {
            settings = [:]
            problem =
                "\"\(url[..<separator.lowerBound])://\" is not an address of Postgres: it begins with postgresql://, as in postgresql://user@host/database"
            return
        }
        switch Self.parse(url) {
        case .success(let parsed):
            settings = parsed
            problem = nil
        case .failure(let failure):
            settings = [:]
            problem =
                "the address of Postgres cannot be read: \(Self.hide(secrets, in: failure.message.firstLine)); it looks like postgresql://user@host/database"
        }
    }

    /// Without password, for people.
    var description: String {
        guard problem == nil else { return "postgresql://?" }
        var text = "postgresql://"
        if let user = settings["user"] { text += user + "@" }
        text += settings["host"] ?? settings["hostaddr"] ?? ""
        if let port = settings["port"] { text += ":" + port }
        // A password that was not escaped ends up in other parts.
        return Self.hide(secrets, in: text + "/" + (settings["dbname"] ?? ""))
    }

    /// Takes whatever could be a password out of a message.
    func hiding(_ message: String) -> String { Self.hide(secrets, in: message) }

    /// The keywords and values that libpq connects with.
    var parameters: [(keyword: String, value: String)] {
        // The URL goes in as the first `dbname`, which libpq expands; what follows writes over it, so only what it does not set.
        var list = [(keyword: "dbname", value: url)]
        func set(_ keyword: String, _ value: String) {
            if settings[keyword] == nil { list.append((keyword, value)) }
        }
        set("connect_timeout", "10")
        // A peer that is gone without a word is noticed in about ten seconds, not in two hours.
        set("keepalives", "1")
        set("keepalives_idle", "5")
        set("keepalives_interval", "2")
        set("keepalives_count", "3")
        set("tcp_user_timeout", "10000")
        set("fallback_application_name", "perdure")
        if settings["host"]?.contains(",") == true { set("target_session_attrs", "read-write") }
        list.append(("client_encoding", "UTF8"))
        return list
    }

    private struct Failure: Error { let message: String }

    private static func parse(_ url: String) -> Result<[String: String], Failure> {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(url, &message) else {
            defer { unsafe PQfreemem(message) }
            return .failure(Failure(message: unsafe message.map { unsafe String(cString: $0) } ?? "out of memory"))
        }
        defer { unsafe PQconninfoFree(options) }
        var settings: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val { unsafe settings[String(cString: keyword)] = unsafe String(cString: value) }
            unsafe option += 1
        }
        return .success(settings)
    }

    /// The password, decoded and not, and what libpq may take for something else when it holds characters that should have been escaped.
    private static func secrets(in url: String) -> [String] {
        var secrets: Set<String> = []
        if case .success(let settings) = parse(url), let password = settings["password"] { secrets.insert(password) }
        if let scheme = url.range(ofText: "://") {
            let rest = url[scheme.upperBound...]
            if let at = rest.lastIndex(of: "@"), let colon = rest[..<at].firstIndex(of: ":") {
                let password = rest[rest.index(after: colon)..<at]
                secrets.insert(String(password))
                for part in password.split(whereSeparator: { "@/:?#".contains($0) }) where part.count > 2 { secrets.insert(String(part)) }
            }
        }
        if let key = url.range(ofText: "password=") {
            secrets.insert(String(url[key.upperBound...].prefix { $0 != "&" && !$0.isWhitespace }))
        }
        return secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
    }

    private static func hide(_ secrets: [String], in message: String) -> String {
        var message = message
        for secret in secrets { message = message.replacing(secret, with: "***") }
        return message
    }
}

extension String {
    /// The first place of `text`, without Foundation.
    func range(ofText text: String) -> Range<String.Index>? { firstRange(of: text) }
}
