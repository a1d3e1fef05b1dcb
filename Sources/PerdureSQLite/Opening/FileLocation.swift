internal import Perdure

/// Where the file is: what SQLite is told, and the path of it for everything else.
struct FileLocation: Sendable {
    /// What SQLite opens.
    var name: String
    /// The file's path.
    var path: String
    var access = Access.write

    enum Access: Sendable {
        case write
        case read
        /// Nobody has it open, so that nothing need be known of those who write: SQLite locks nothing, and makes no files beside it.
        case readAlone
    }

    /// Refuses what is not a file.
    init(_ name: String) throws(StoreError) {
        if name.utf8.contains(0) { throw StoreError(.misconfigured, "the path of the SQLite file contains a NUL character") }
        var path = name
        var query = Substring()
        if name.hasPrefix("file:") {
            var rest = name.dropFirst(5)
            if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
            if let mark = rest.firstIndex(of: "?") {
                query = rest[rest.index(after: mark)...]
                rest = rest[..<mark]
            }
            if rest.hasPrefix("//") {
                rest = rest.dropFirst(2)
                rest = rest.firstIndex(of: "/").map { rest[$0...] } ?? ""
            }
            path = Self.withoutPercents(rest)
        }
        let parameters = query.split(separator: "&")
        guard !path.isEmpty, path != ":memory:", !parameters.contains("mode=memory"), !parameters.contains("vfs=memdb") else {
            throw StoreError(
                .misconfigured, "'\(name)' is a database in memory, which does not outlast its process: give a path, or use .memory()")
        }
        self.name = name
        self.path = path
    }

    var directory: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func withoutPercents(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same for somebody who only reads.
    ///
    /// Whoever has the file open has a log beside it, in which there may be more than in the file; and a reader of the log takes part in its
    /// locks. If there is none, the file is all there is.
    func reading() -> FileLocation {
        var location = self
        if FileSystem.kind(of: path + "-wal") != .missing {
            location.access = .read
            return location
        }
        location.access = .readAlone
        if !name.hasPrefix("file:") {
            location.name = "file:" + Self.withPercents(name) + "?immutable=1"
        } else {
            let end = name.firstIndex(of: "#") ?? name.endIndex
            location.name = name[..<end] + (name[..<end].contains("?") ? "&" : "?") + "immutable=1"
        }
        return location
    }

    /// The process may change its directory later.
    mutating func settle(at path: String) {
        self.path = path
        name = access == .readAlone ? "file:" + Self.withPercents(path) + "?immutable=1" : path
    }

    private static func withPercents(_ path: String) -> String {
        path.utf8.map { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "-", "_": String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    /// Whether somebody has begun to write who was not there.
    var isAloneNoMore: Bool { access == .readAlone && FileSystem.kind(of: path + "-wal") != .missing }

    /// What can be said before SQLite is asked, with a better message than "unable to open database file".
    func check(_ settings: StoreSettings, fileSystemType: (String) -> UInt32?) throws(StoreError) {
        switch FileSystem.kind(of: path) {
        case .directory:
            throw StoreError(.misconfigured, "'\(path)' is a directory: give the path of a file in it, such as '\(path)/perdure.db'")
        case .other where settings.readsOnly: return
        case .other where !FileSystem.isWritable(path):
            throw StoreError(.misconfigured, "'\(path)' is read-only for this process: give it the right to write the file")
        case .other: break
        case .missing:
            guard FileSystem.kind(of: directory) == .directory else {
                throw StoreError(.misconfigured, "the directory '\(directory)' does not exist: create it, or give another path")
            }
            guard settings.migrate else {
                throw StoreError(
                    .misconfigured, "'\(path)' does not exist: run `perdure migrate`, or let the program create it (migrate: true)")
            }
        }
        guard FileSystem.isWritable(directory) else {
            throw StoreError(
                .misconfigured,
                "the directory '\(directory)' is read-only for this process: SQLite keeps '-wal' and '-shm' beside the file, so give the "
                    + "process the right to write the directory")
        }
        switch FileSystem.verdict(on: fileSystemType(directory)) {
        case .fine: break
        case .doubtful(let name):
            settings.log(
                .warning,
                "'\(path)' is on a \(name) file system: SQLite is safe there only if its locks and shared memory work as on a local disk")
        case .refused(let name):
            throw StoreError(
                .misconfigured,
                "'\(path)' is on a network file system (\(name)), where SQLite's locks do not protect it: put it on a local disk, or use Postgres"
            )
        }
    }
}
