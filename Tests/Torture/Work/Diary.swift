import Foundation
import Perdure

/// What was done, outside of every database: one line each, appended in one piece, in the order in which it happened.
///
/// It survives the process that writes it, and knows nothing of Perdure's tables.
final class Diary: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit { _ = close(descriptor) }

    func write(_ entry: Entry) {
        let bytes = Array(entry.line.utf8)
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        precondition(written == bytes.count, "the diary cannot be written: \(errno)")
    }

    func entries() throws -> [Entry] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        return text.split(separator: "\n").compactMap { Entry(line: $0) }
    }
}

/// One line.
struct Entry: Sendable {
    enum Kind: String, Sendable {
        /// A client was told that the workflow is started.
        case accepted
        /// A process begins to run the workflow's code.
        case run
        /// The body of a step begins.
        case body
        /// A step or transaction has returned to the workflow: what it did is durable.
        case done
        /// The workflow returns.
        case finished
    }

    var time: Int64 = monotonic()
    var kind: Kind
    /// Which process, and which of its runs of the workflow.
    var process: String
    var run: String = "-"
    var workflow: String
    var key: String = "-"
    var value: String = "-"

    init(_ kind: Kind, process: String, run: String = "-", workflow: String, key: String = "-", value: String = "-") {
        (self.kind, self.process, self.run, self.workflow, self.key, self.value) = (kind, process, run, workflow, key, value)
    }

    init?(line: Substring) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 7, let time = Int64(fields[0]), let kind = Kind(rawValue: fields[1]) else { return nil }
        self.init(kind, process: fields[2], run: fields[3], workflow: fields[4], key: fields[5], value: fields[6])
        self.time = time
    }

    var line: String { "\(time)\t\(kind.rawValue)\t\(process)\t\(run)\t\(workflow)\t\(key)\t\(value)\n" }
}
