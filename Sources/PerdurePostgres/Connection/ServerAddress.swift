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

    /// Of each host its name, its address and its port, as far as they are given.
    private var hosts: [(host: String?, address: String?, port: String?)] {
        func list(_ keyword: String) -> [String] {
            settings[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
        }
        let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        func item(_ list: [String], _ index: Int) -> String? { list.indices.contains(index) ? list[index] : nil }
        return (0..<max(names.count, addresses.count)).map { index in
            (item(names, index), item(addresses, index), ports.count == 1 ? ports[0] : item(ports, index))
        }
    }

    /// The place of the host at which a connection came about; 0 if it is not known.
    func index(ofHost host: String, port: String) -> Int {
        hosts.firstIndex { ($0.host ?? $0.address) == host && (($0.port?.isEmpty ?? true) || $0.port == port) } ?? 0
    }

    /// The same hosts in the same order, but beginning with one of them; what belongs to each stays with it.
    private func rotated(by index: Int) -> [(keyword: String, value: String)] {
        let hosts = hosts
        guard hosts.count > 1, hosts.indices.contains(index), index > 0, settings["load_balance_hosts"] != "random" else { return [] }
        let order = hosts[index...] + hosts[..<index]
        func list(_ keyword: String, _ parts: [String?]) -> [(keyword: String, value: String)] {
            settings[keyword] == nil ? [] : [(keyword, parts.map { $0 ?? "" }.joined(separator: ","))]
        }
        return list("host", order.map(\.host)) + list("hostaddr", order.map(\.address)) + list("port", order.map(\.port))
    }

    /// The keywords and values that libpq connects with.
    func parameters(beginningWith host: Int = 0) -> [(keyword: String, value: String)] {
        // The URL goes in as the first `dbname`, which libpq expands; what follows writes over it, so only what it does not set.
        var list = [(keyword: "dbname", value: url)]
        func set(_ keyword: String, _ value: String) {
            if settings[keyword] == nil { list.append((keyword, value)) }
        }
        // It counts for each host: one that is silent must not cost a lease where there are others.
        set("connect_timeout", hosts.count > 1 ? "3" : "10")
        // A peer that is gone without a word is noticed in about ten seconds, not in two hours.
        set("keepalives", "1")
        set("keepalives_idle", "5")
        set("keepalives_interval", "2")
        set("keepalives_count", "3")
        set("tcp_user_timeout", "10000")
        set("fallback_application_name", "perdure")
        if hosts.count > 1 { set("target_session_attrs", "read-write") }
        list.append(("client_encoding", "UTF8"))
        return list + rotated(by: host)
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
