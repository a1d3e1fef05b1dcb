#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file that holds a history in each line; read and written line by line, however long it is.
package final class HistoryFile {
    private let descriptor: Int32
    private let path: String
    private var rest: [UInt8] = []
    private var isAtEnd = false
    private var line = 0

    package init(reading path: String) throws(StoreError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw Self.failure("'\(path)' cannot be read") }
    }

    /// Makes the file, or writes over it; nobody else may read it, for it may hold what the database keeps to itself.
    package init(writing path: String) throws(StoreError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw Self.failure("'\(path)' cannot be written") }
    }

    deinit { close(descriptor) }

    package func append(_ history: HistoryExport) throws {
        let bytes = Array(try history.line.utf8) + [UInt8(ascii: "\n")]
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("'\(path)' cannot be written") }
            written += count
        }
    }

    /// The next history; nil at the end.
    package func next() throws -> HistoryExport? {
        while let text = try nextLine() {
            line += 1
            if text.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            do {
                return try JSONPayloadCodec().decode(HistoryExport.self, from: text)
            } catch {
                // One that a tool has laid out over many lines.
                if line == 1, let all = try wholeFile(after: text) { return all }
                throw StoreError(.misconfigured, "line \(line) of '\(path)' is no history: \(error)")
            }
        }
        return nil
    }

    private func wholeFile(after first: [UInt8]) throws(StoreError) -> HistoryExport? {
        var bytes = first
        while let more = try nextLine() { bytes += [UInt8(ascii: "\n")] + more }
        return try? JSONPayloadCodec().decode(HistoryExport.self, from: bytes)
    }

    private func nextLine() throws(StoreError) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = rest[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeFirst(end + 1) }
                return Array(rest[..<end])
            }
            searched = rest.count
            if isAtEnd {
                defer { rest = [] }
                return rest.isEmpty ? nil : rest
            }
            try fill()
        }
    }

    private func fill() throws(StoreError) {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { return }
        if count < 0 { throw Self.failure("'\(path)' cannot be read") }
        if count == 0 { isAtEnd = true }
        rest += chunk.prefix(count)
    }

    private static func failure(_ what: String) -> StoreError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return StoreError(.misconfigured, "\(what): \(reason)")
    }
}
